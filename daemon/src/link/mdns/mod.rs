//! Finding contacts on the local network by multicast DNS.
//!
//! Owns: what is published about this machine and what is seen of others. Does not own: what a tag
//! means; tags are opaque and made by the engine. Nothing published names a person or a machine:
//! instance and host name are random and change with every publication, since a name that stayed
//! would link the tags of one hour with those of the next.
//! Invariant: at most one publication at a time; what was withdrawn is announced as gone.

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr, SocketAddrV6},
    time::Duration,
};

use mdns_sd::{
    IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo,
    TxtProperty,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// What we are on the network.
const SERVICE: &str = "_ahoy._tcp.local.";
/// Bytes of a tag (link.md).
pub const TAG: usize = 8;
/// Tags in one publication: 1 KiB of TXT, so that the answer fits one packet. Callers with more
/// contacts put those first who were called last.
pub const MAX_TAGS: usize = 128;
/// Tags in one TXT string, which holds 255 bytes.
const TAGS_PER_STRING: usize = 30;
/// Others' addresses taken from one publication; a machine has a few.
const MAX_ADDRESSES: usize = 16;
/// Sightings the app has not taken yet; when it is full, we wait and mdns-sd drops the newest.
const EVENTS: usize = 64;
/// How long we wait for the goodbye to be on the wire.
const GOODBYE: Duration = Duration::from_secs(1);

/// One rotating tag.
pub type Tag = [u8; TAG];

/// Names a sighting until it is lost; random on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub String);

/// What is seen on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MdnsEvent {
    /// Someone is there, or changed.
    Found {
        /// Who, until lost.
        instance: Instance,
        /// Whom they can be reached by; usually none of ours.
        tags: Vec<Tag>,
        /// Where they listen, in no order.
        addresses: Vec<SocketAddr>,
    },
    /// Someone is gone.
    Lost {
        /// Who.
        instance: Instance,
    },
}

/// Why discovery does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MdnsError {
    /// The multicast sockets cannot be opened or used.
    #[error("contacts on this network are not found: {0}")]
    Responder(#[from] mdns_sd::Error),
    /// The kernel gave no random bytes.
    #[error("no random bytes from the kernel: {0}")]
    Random(#[from] getrandom::Error),
}

/// Where to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// On every interface.
    All,
    /// On the interface of this name only.
    Interface(String),
}

/// Publishes this machine. The sightings of others come from its task.
pub struct Mdns {
    daemon: ServiceDaemon,
    scope: Scope,
    published: Option<String>,
}

/// Hands on what is seen, until it is cancelled.
pub struct MdnsTask {
    seen: Receiver<ServiceEvent>,
    events: mpsc::Sender<MdnsEvent>,
}

impl Mdns {
    /// Begins to look around. Our own publications are among what is seen; their tags tell.
    ///
    /// # Errors
    /// See [`MdnsError`].
    pub fn start(scope: Scope) -> Result<(Self, mpsc::Receiver<MdnsEvent>, MdnsTask), MdnsError> {
        let daemon = ServiceDaemon::new()?;
        if let Scope::Interface(name) = &scope {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(IfKind::Name(name.clone()))?;
        }
        let seen = daemon.browse(SERVICE)?;
        let (events, happened) = mpsc::channel(EVENTS);
        let mdns = Self {
            daemon,
            scope,
            published: None,
        };
        Ok((mdns, happened, MdnsTask { seen, events }))
    }

    /// Publishes where we listen and by which tags we can be found, in place of what was before.
    /// Tags beyond [`MAX_TAGS`] are left out.
    ///
    /// # Errors
    /// See [`MdnsError`].
    pub fn publish(&mut self, port: u16, tags: &[Tag]) -> Result<Instance, MdnsError> {
        self.withdraw()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let (instance, host) = random.split_at(8);
        let host = format!("{}.local.", hex(host));
        let mut service = ServiceInfo::new(SERVICE, &hex(instance), &host, (), port, text(tags))?
            .enable_addr_auto();
        if let Scope::Interface(name) = &self.scope {
            service.set_interfaces(vec![IfKind::Name(name.clone())]);
        }
        let name = service.get_fullname().to_owned();
        self.daemon.register(service)?;
        self.published = Some(name.clone());
        Ok(Instance(name))
    }

    /// Takes back what is published, if anything, and says goodbye for it.
    ///
    /// # Errors
    /// See [`MdnsError`].
    pub fn withdraw(&mut self) -> Result<(), MdnsError> {
        if let Some(name) = self.published.take() {
            self.daemon.unregister(&name)?;
        }
        Ok(())
    }

    /// Says goodbye and closes the sockets.
    pub async fn stop(mut self) {
        // Each error means that the responder's thread has ended already.
        if let Some(name) = self.published.take()
            && let Ok(done) = self.daemon.unregister(&name)
        {
            let _ = tokio::time::timeout(GOODBYE, done.recv_async()).await;
        }
        if let Ok(done) = self.daemon.shutdown() {
            let _ = tokio::time::timeout(GOODBYE, done.recv_async()).await;
        }
    }
}

impl MdnsTask {
    /// Hands on sightings until cancelled, or until nobody takes them.
    pub async fn run(self, token: CancellationToken) {
        loop {
            let seen = tokio::select! {
                () = token.cancelled() => return,
                seen = self.seen.recv_async() => seen,
            };
            let Ok(seen) = seen else {
                return;
            };
            if let Some(event) = translate(seen)
                && self.events.send(event).await.is_err()
            {
                return;
            }
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "mdns-sd's enum, which grows"
)]
fn translate(event: ServiceEvent) -> Option<MdnsEvent> {
    match event {
        ServiceEvent::ServiceResolved(service) => Some(MdnsEvent::Found {
            tags: tags(&service),
            addresses: addresses(&service),
            instance: Instance(service.fullname),
        }),
        ServiceEvent::ServiceRemoved(_, name) => Some(MdnsEvent::Lost {
            instance: Instance(name),
        }),
        other => {
            debug!(?other, "mdns");
            None
        }
    }
}

fn text(tags: &[Tag]) -> Vec<TxtProperty> {
    let tags = tags.get(..MAX_TAGS).unwrap_or(tags);
    tags.chunks(TAGS_PER_STRING)
        .enumerate()
        .map(|(index, chunk)| TxtProperty::from((format!("t{index}"), chunk.concat())))
        .collect()
}

/// The tags of a publication. Anyone can write anything there, so what does not fit is left out.
fn tags(service: &ResolvedService) -> Vec<Tag> {
    (0..MAX_TAGS.div_ceil(TAGS_PER_STRING))
        .filter_map(|index| service.get_property_val(&format!("t{index}"))?)
        .flat_map(|bytes| bytes.chunks_exact(TAG))
        .filter_map(|tag| tag.try_into().ok())
        .take(MAX_TAGS)
        .collect()
}

fn addresses(service: &ResolvedService) -> Vec<SocketAddr> {
    let port = service.port;
    service
        .addresses
        .iter()
        .take(MAX_ADDRESSES)
        .map(|address| match address.to_ip_addr() {
            IpAddr::V4(v4) => SocketAddr::from((v4, port)),
            IpAddr::V6(v6) => {
                // A link-local address is of no use without the interface it was seen on.
                let scope = if v6.is_unicast_link_local() {
                    scope_of(address)
                } else {
                    0
                };
                SocketAddr::V6(SocketAddrV6::new(v6, port, 0, scope))
            }
        })
        .collect()
}

fn scope_of(address: &ScopedIp) -> u32 {
    if let ScopedIp::V6(v6) = address {
        v6.scope_id().index
    } else {
        0
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
