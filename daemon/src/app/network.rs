//! Where the daemon listens: ports, addresses for invites, mDNS.
//!
//! Owns: the fallbacks when what the settings ask for is not to be had. Does not own: sockets once
//! they are bound. Invariant: a taken port or a machine without IPv6 costs a line in the log, never
//! the service.

use std::{io, net::SocketAddr};

use tokio::{net::UdpSocket, sync::mpsc};

use super::start::StartError;
use crate::{
    link::{
        lan::Lan,
        mdns::{Mdns, MdnsEvent, Scope},
        udp,
    },
    settings::{Key, Settings},
    tasks::Tasks,
};

/// Listens as the settings say; where that port is taken (another user's Ahoy) or the machine has no
/// IPv6, as near to it as can be.
pub(super) async fn listen(lan: &Lan, wanted: SocketAddr) -> Result<SocketAddr, StartError> {
    let v4 = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, wanted.port()));
    let mut tries = vec![wanted];
    if wanted.is_ipv6() && wanted.ip().is_unspecified() {
        tries.push(v4);
    }
    tries.extend(tries.clone().into_iter().map(|one| SocketAddr::new(one.ip(), 0)));
    let mut first = None;
    for address in tries {
        match lan.listen(address).await {
            Ok(bound) => {
                if let Some(error) = &first {
                    let (wanted, port) = (wanted.to_string(), bound.port());
                    tracing::warn!(wanted, port, %error, "link.listen: another port is used");
                }
                return Ok(bound);
            }
            Err(error) => first = first.or(Some(error)),
        }
    }
    let error = first.unwrap_or_else(|| io::Error::other("no address to try"));
    Err(StartError::Listen { address: wanted, error })
}

/// The media socket takes the signalling port's number where it is free: one number to open in a
/// firewall.
pub(super) async fn bind_media(bound: SocketAddr) -> Result<UdpSocket, StartError> {
    if let Ok(socket) = udp::bind(bound).await {
        return Ok(socket);
    }
    let address = SocketAddr::new(bound.ip(), 0);
    udp::bind(address).await.map_err(|error| StartError::Listen { address, error })
}

/// The addresses an invite names: where we listen, or where a packet to elsewhere would leave from.
pub(super) fn listens(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    // Connecting a UDP socket sends nothing; it only asks the routing table. TEST-NET-1 and the
    // documentation prefix (RFC 5737, RFC 3849) are routed like any foreign address.
    let probes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    let mut found = Vec::new();
    for (from, to) in probes {
        let local = std::net::UdpSocket::bind(from)
            .and_then(|socket| socket.connect(to).and_then(|()| socket.local_addr()));
        if let Ok(local) = local
            && !local.ip().is_unspecified()
        {
            found.push(SocketAddr::new(local.ip(), bound.port()));
        }
    }
    found
}

pub(super) fn start_mdns(
    settings: &Settings,
    port: u16,
    tasks: &mut Tasks,
) -> (Option<(Mdns, u16)>, Option<mpsc::Receiver<MdnsEvent>>) {
    if !settings.flag(Key::MDNS) {
        return (None, None);
    }
    let interface = settings.text(Key::INTERFACE);
    let scope = if interface.is_empty() { Scope::All } else { Scope::Interface(interface) };
    match Mdns::start(scope) {
        Ok((mdns, events, task)) => {
            tasks.spawn("mdns", |token| task.run(token));
            (Some((mdns, port)), Some(events))
        }
        Err(error) => {
            tracing::warn!(%error, "known addresses still work");
            (None, None)
        }
    }
}
