//! Claims about discovery, between two responders on loopback.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Instance, MAX_TAGS, Mdns, MdnsEvent, Scope, Tag};

const DEADLINE: Duration = Duration::from_secs(30);

struct Side {
    mdns: Mdns,
    events: mpsc::Receiver<MdnsEvent>,
    token: CancellationToken,
    run: JoinHandle<()>,
}

impl Side {
    fn new() -> Self {
        let (mdns, events, task) =
            Mdns::start(Scope::Interface("lo".to_owned())).expect("multicast sockets");
        let token = CancellationToken::new();
        let run = tokio::spawn(task.run(token.clone()));
        Self {
            mdns,
            events,
            token,
            run,
        }
    }

    /// The next event about `who`; others on this machine may test at the same time.
    async fn about(&mut self, who: &Instance) -> MdnsEvent {
        let wait = async {
            while let Some(event) = self.events.recv().await {
                let (MdnsEvent::Found { instance, .. } | MdnsEvent::Lost { instance }) = &event;
                if instance == who {
                    return event;
                }
            }
            panic!("the task runs")
        };
        tokio::time::timeout(DEADLINE, wait)
            .await
            .expect("an event in time")
    }

    async fn found(&mut self, who: &Instance) -> (Vec<Tag>, Vec<std::net::SocketAddr>) {
        match self.about(who).await {
            MdnsEvent::Found {
                tags, addresses, ..
            } => (tags, addresses),
            lost @ MdnsEvent::Lost { .. } => panic!("{lost:?}"),
        }
    }

    async fn end(self) {
        self.mdns.stop().await;
        self.token.cancel();
        tokio::time::timeout(DEADLINE, self.run)
            .await
            .expect("in time")
            .expect("no panic");
    }
}

#[tokio::test]
async fn tags_and_port_are_found_replaced_and_lost() {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let first = alice
        .mdns
        .publish(24690, &[[1; 8], [0xff; 8]])
        .expect("published");
    let (tags, addresses) = bob.found(&first).await;
    assert_eq!(tags, [[1; 8], [0xff; 8]]);
    assert!(
        !addresses.is_empty()
            && addresses
                .iter()
                .all(|a| a.port() == 24690 && a.ip().is_loopback()),
        "{addresses:?}"
    );
    let second = alice.mdns.publish(24691, &[[2; 8]]).expect("published");
    assert_ne!(first, second, "no name links two publications");
    let lost = MdnsEvent::Lost {
        instance: first.clone(),
    };
    assert_eq!(bob.about(&first).await, lost);
    alice.end().await;
    bob.end().await;
}

#[tokio::test]
async fn as_many_tags_as_fit_travel_and_none_names_the_machine() {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let tags: Vec<Tag> = (0..MAX_TAGS as u64 + 5).map(u64::to_le_bytes).collect();
    let who = alice.mdns.publish(1, &tags).expect("published");
    let (seen, _) = bob.found(&who).await;
    assert_eq!(seen, tags[..MAX_TAGS]);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a host name");
    assert!(!who.0.contains(host.trim()));
    alice.end().await;
    bob.end().await;
}

#[tokio::test]
async fn stopping_says_goodbye() {
    let (mut alice, mut bob) = (Side::new(), Side::new());
    let who = alice.mdns.publish(1, &[[3; 8]]).expect("published");
    bob.found(&who).await;
    alice.end().await;
    let lost = MdnsEvent::Lost {
        instance: who.clone(),
    };
    assert_eq!(bob.about(&who).await, lost);
    bob.end().await;
}
