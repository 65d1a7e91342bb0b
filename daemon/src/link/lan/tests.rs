//! Claims about signalling over TCP, on loopback.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{Closed, ConnectionId, Lan, LanEvent, MAX_FRAME, SendError, Times, limit};

const DEADLINE: Duration = Duration::from_secs(20);

struct Side {
    lan: Lan,
    events: mpsc::Receiver<LanEvent>,
    token: CancellationToken,
    address: SocketAddr,
}

impl Side {
    async fn new(times: Times) -> Self {
        let token = CancellationToken::new();
        let (lan, events) = Lan::new(times, token.clone());
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = lan.listen(loopback).await.expect("listening");
        Self {
            lan,
            events,
            token,
            address,
        }
    }

    async fn next(&mut self) -> LanEvent {
        let event = tokio::time::timeout(DEADLINE, self.events.recv()).await;
        event.expect("an event in time").expect("the adapter lives")
    }

    async fn opened(&mut self, incoming: bool) -> ConnectionId {
        let event = self.next().await;
        let LanEvent::Opened {
            id, incoming: how, ..
        } = event
        else {
            panic!("{event:?}");
        };
        assert_eq!(how, incoming);
        id
    }

    async fn closed(&mut self) -> (ConnectionId, Closed) {
        loop {
            if let LanEvent::Closed { id, why } = self.next().await {
                return (id, why);
            }
        }
    }

    async fn end(self) {
        self.token.cancel();
        // Events are not waited for once nobody takes them.
        drop(self.events);
        tokio::time::timeout(DEADLINE, self.lan.ended())
            .await
            .expect("all ended");
    }
}

fn quick() -> Times {
    Times {
        connect: Duration::from_millis(500),
        idle: Duration::from_millis(300),
        first_word: Duration::from_millis(100),
    }
}

#[tokio::test]
async fn frames_of_every_length_go_both_ways_in_order() {
    let (mut alice, mut bob) = (
        Side::new(Times::default()).await,
        Side::new(Times::default()).await,
    );
    let out = alice.lan.connect(bob.address);
    assert_eq!(alice.opened(false).await, out);
    let there = bob.opened(true).await;
    for length in [1, 2, 255, 256, MAX_FRAME] {
        let bytes = vec![7; length];
        alice.lan.send(out, bytes.clone()).expect("sent");
        assert_eq!(
            bob.next().await,
            LanEvent::Frame {
                id: there,
                bytes: bytes.clone()
            }
        );
        bob.lan.send(there, bytes.clone()).expect("sent");
        assert_eq!(alice.next().await, LanEvent::Frame { id: out, bytes });
    }
    for length in [0, MAX_FRAME + 1] {
        assert_eq!(
            alice.lan.send(out, vec![0; length]),
            Err(SendError::Length(length))
        );
    }
    alice.end().await;
    bob.end().await;
}

#[tokio::test]
async fn closing_sends_what_is_queued_and_tells_both_sides() {
    let (mut alice, mut bob) = (
        Side::new(Times::default()).await,
        Side::new(Times::default()).await,
    );
    let out = alice.lan.connect(bob.address);
    alice.opened(false).await;
    let there = bob.opened(true).await;
    for number in 0..10 {
        alice.lan.send(out, vec![number]).expect("sent");
    }
    alice.lan.close(out);
    assert_eq!(alice.lan.send(out, vec![1]), Err(SendError::Gone));
    for number in 0..10 {
        assert_eq!(
            bob.next().await,
            LanEvent::Frame {
                id: there,
                bytes: vec![number]
            }
        );
    }
    assert_eq!(bob.closed().await, (there, Closed::There));
    assert_eq!(alice.closed().await, (out, Closed::Here));
    assert_eq!(bob.lan.send(there, vec![1]), Err(SendError::Gone));
    alice.end().await;
    bob.end().await;
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_told_as_unreachable() {
    let mut alice = Side::new(quick()).await;
    let bob = Side::new(quick()).await;
    let address = bob.address;
    bob.end().await;
    let id = alice.lan.connect(address);
    let (closed, why) = alice.closed().await;
    assert_eq!(closed, id);
    assert!(matches!(why, Closed::Unreachable(_)), "{why}");
    alice.end().await;
}

#[tokio::test]
async fn a_length_of_nothing_or_too_much_ends_the_connection() {
    let mut side = Side::new(Times::default()).await;
    for (length, announced) in [([0, 0], 0), ([0xff, 0xff], 65535)] {
        let mut raw = TcpStream::connect(side.address).await.expect("connected");
        raw.write_all(&length).await.expect("written");
        let id = side.opened(true).await;
        assert_eq!(side.closed().await, (id, Closed::BadFrame(announced)));
    }
    let mut raw = TcpStream::connect(side.address).await.expect("connected");
    raw.write_all(&[10, 0, 1, 2]).await.expect("written");
    drop(raw);
    side.opened(true).await;
    assert!(
        matches!(side.closed().await.1, Closed::Lost(_)),
        "cut off inside a frame"
    );
    side.end().await;
}

#[tokio::test]
async fn a_caller_who_says_nothing_and_one_who_falls_silent_are_let_go() {
    let mut side = Side::new(quick()).await;
    let silent = TcpStream::connect(side.address).await.expect("connected");
    let id = side.opened(true).await;
    assert_eq!(side.closed().await, (id, Closed::Idle));
    drop(silent);
    let mut brief = TcpStream::connect(side.address).await.expect("connected");
    brief.write_all(&[1, 0, 9]).await.expect("written");
    let id = side.opened(true).await;
    assert_eq!(side.next().await, LanEvent::Frame { id, bytes: vec![9] });
    assert_eq!(side.closed().await, (id, Closed::Idle));
    side.end().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_let_go_and_harms_no_other() {
    let mut side = Side::new(Times::default()).await;
    let deaf = TcpStream::connect(side.address).await.expect("connected");
    let id = side.opened(true).await;
    let slow = loop {
        match side.lan.send(id, vec![0; MAX_FRAME]) {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(slow, SendError::Slow);
    assert_eq!(side.closed().await, (id, Closed::Slow));
    let mut other = TcpStream::connect(side.address).await.expect("connected");
    let id = side.opened(true).await;
    side.lan.send(id, vec![5]).expect("sent");
    let mut frame = [0; 3];
    other.read_exact(&mut frame).await.expect("read");
    assert_eq!(frame, [1, 0, 5]);
    drop(deaf);
    side.end().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_before_anyone_hears_of_them() {
    let mut side = Side::new(Times::default()).await;
    let mut held = Vec::new();
    for _ in 0..limit::RATE * 2 {
        held.push(TcpStream::connect(side.address).await.expect("connected"));
    }
    // All come from 127.0.0.0/24; the refused ones read their end at once.
    let mut refused = 0;
    for stream in &mut held {
        let mut byte = [0; 1];
        let read = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
        refused += u32::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(refused > 0, "some are refused");
    for _ in 0..limit::RATE * 2 - refused {
        side.opened(true).await;
    }
    assert!(
        side.events.try_recv().is_err(),
        "the refused ones are not told"
    );
    side.end().await;
}
