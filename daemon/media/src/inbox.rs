//! What reaches the worker's main thread, from everywhere.
//!
//! Owns: the queue. Does not own: what is done about anything. Invariant: nothing that puts
//! something in ever waits, so no two threads can wait for each other; packets are counted and
//! dropped past [`MOST_PACKETS`] (late voice is worth nothing), the rest comes in at human pace.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use ahoy_core::{
    media::{MediaCommand, SessionId},
    worker::Stream,
};

use crate::{picture::CameraFormat, pw::Note};

/// Packets that may wait: two seconds of voice and pictures.
const MOST_PACKETS: usize = 1024;

/// A pipeline of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowKind {
    AudioSend,
    AudioReceive,
    VideoSend,
    VideoReceive,
}

/// One thing that happened.
pub(crate) enum Input {
    /// The parent wants something; descriptors came with it.
    Command(Box<MediaCommand>, Vec<OwnedFd>),
    /// A packet of the other side.
    Packet(SessionId, Stream, Vec<u8>),
    /// The parent is gone.
    ParentGone,
    /// PipeWire tells something.
    PipeWire(Note),
    /// The camera delivers another format than before.
    Camera(SessionId, CameraFormat),
    /// A pipeline failed.
    Failed(SessionId, FlowKind, String),
}

/// Where things are put in.
#[derive(Clone)]
pub(crate) struct Inputs {
    queue: Sender<Input>,
    packets: Arc<AtomicUsize>,
}

impl Inputs {
    /// Puts something in.
    pub(crate) fn put(&self, input: Input) {
        if matches!(input, Input::Packet(..))
            && self.packets.fetch_add(1, Ordering::Relaxed) >= MOST_PACKETS
        {
            self.packets.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        // Refused only when the main thread is gone, and the process with it.
        drop(self.queue.send(input));
    }
}

/// Where the main thread takes things out.
pub(crate) struct Inbox {
    queue: Receiver<Input>,
    packets: Arc<AtomicUsize>,
}

impl Inbox {
    /// The next thing; `None` after `wait` without any.
    pub(crate) fn next(&self, wait: Duration) -> Option<Input> {
        let input = match self.queue.recv_timeout(wait) {
            Ok(input) => input,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => Input::ParentGone,
        };
        if matches!(input, Input::Packet(..)) {
            self.packets.fetch_sub(1, Ordering::Relaxed);
        }
        Some(input)
    }
}

/// A queue.
pub(crate) fn inbox() -> (Inputs, Inbox) {
    let (sender, receiver) = channel();
    let packets = Arc::new(AtomicUsize::new(0));
    (Inputs { queue: sender, packets: packets.clone() }, Inbox { queue: receiver, packets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_past_the_limit_are_dropped_and_commands_are_not() {
        let (inputs, inbox) = inbox();
        for _ in 0..MOST_PACKETS + 10 {
            inputs.put(Input::Packet(SessionId(1), Stream::Audio, Vec::new()));
        }
        inputs.put(Input::ParentGone);
        let mut packets = 0;
        while let Some(Input::Packet(..)) = inbox.next(Duration::ZERO) {
            packets += 1;
        }
        assert_eq!(packets, MOST_PACKETS);
        inputs.put(Input::Packet(SessionId(1), Stream::Audio, Vec::new()));
        assert!(matches!(inbox.next(Duration::ZERO), Some(Input::Packet(..))));
    }
}
