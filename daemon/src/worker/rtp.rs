//! RTP between the network and a worker, apart from everything else.
//!
//! Owns: the two queues. Does not own: sockets on either side. A queue holds 128 packets, 300 ms
//! of a video call; when it is full the *oldest* packet goes, because what is late is worth less
//! than what is fresh. Invariant: pushing never waits and never fails.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ahoy_core::{media::SessionId, worker::Stream};
use tokio::sync::Notify;

/// 420 packets/s are a 4 Mbit/s call; the jitter buffer throws away what is older than this.
const CAPACITY: usize = 128;

/// One RTP or RTCP packet of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpPacket {
    /// The call's media.
    pub session: SessionId,
    /// Voice or pictures.
    pub stream: Stream,
    /// The packet from its RTP header on.
    pub packet: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    packets: Mutex<VecDeque<RtpPacket>>,
    arrived: Notify,
    dropped: AtomicU64,
}

/// A bounded queue of packets that drops the oldest. Clones share it; one task takes.
#[derive(Clone, Default)]
pub struct RtpQueue(Arc<Shared>);

impl RtpQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a packet in, dropping the oldest where there is no room.
    pub fn push(&self, packet: RtpPacket) {
        let mut packets = self
            .0
            .packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if packets.len() == CAPACITY {
            packets.pop_front();
            self.count_dropped();
        }
        packets.push_back(packet);
        drop(packets);
        self.0.arrived.notify_one();
    }

    /// Waits for the next packet. Cancel safe.
    pub async fn pop(&self) -> RtpPacket {
        loop {
            if let Some(packet) = self.try_pop() {
                return packet;
            }
            // A push between the look and this line has left its permit.
            self.0.arrived.notified().await;
        }
    }

    /// The next packet if there is one.
    #[must_use]
    pub fn try_pop(&self) -> Option<RtpPacket> {
        self.0
            .packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// How many packets were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn count_dropped(&self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0
            .packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: usize) -> RtpPacket {
        RtpPacket {
            session: SessionId(1),
            stream: Stream::Audio,
            packet: number.to_le_bytes().to_vec(),
        }
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_oldest_and_counts_it() {
        let queue = RtpQueue::new();
        for number in 0..CAPACITY + 3 {
            queue.push(packet(number));
        }
        assert_eq!(queue.dropped(), 3);
        assert_eq!(queue.pop().await, packet(3));
        for number in 4..CAPACITY + 3 {
            assert_eq!(queue.try_pop(), Some(packet(number)));
        }
        assert_eq!(queue.try_pop(), None);
    }

    #[tokio::test]
    async fn a_packet_wakes_the_one_who_waits() {
        let queue = RtpQueue::new();
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.pop().await }
        });
        tokio::task::yield_now().await;
        queue.push(packet(7));
        assert_eq!(waiting.await.expect("popped"), packet(7));
    }
}
