//! The parent's side: frames in, events and packets out.
//!
//! Owns: reading and writing frames on the socket. Does not own: what they mean. Invariant: a
//! packet is sent at once or dropped; an event waits until the parent has room.

use std::{io, sync::Arc, thread};

use ahoy_core::{
    media::{MediaCommand, MediaEvent, SessionId},
    worker::{Frame, MAX_MESSAGE, Stream, write_control, write_rtp},
};
use ahoy_sandbox::Channel;

use crate::inbox::{Input, Inputs};

/// The way to the parent.
#[derive(Clone)]
pub(crate) struct Parent(Arc<Channel>);

impl Parent {
    /// Uses the socket this process was started with.
    pub(crate) fn new(channel: Channel) -> Self {
        Self(Arc::new(channel))
    }

    /// Tells the parent something.
    pub(crate) fn tell(&self, event: &MediaEvent) {
        let mut message = Vec::new();
        let sent = write_control(event, &mut message)
            .map_err(io::Error::other)
            .and_then(|()| self.0.send(&message, &[]));
        if let Err(error) = sent {
            tracing::warn!(%error, "an event did not reach the parent");
        }
    }

    /// Hands a packet to the parent; true when it took it.
    pub(crate) fn packet(&self, session: SessionId, stream: Stream, packet: &[u8]) -> bool {
        let mut message = Vec::with_capacity(packet.len() + ahoy_core::worker::RTP_HEADER);
        write_rtp(session, stream, packet, &mut message);
        self.0.try_send(&message, &[]).is_ok()
    }

    /// Reads frames on a thread of its own until the parent is gone.
    pub(crate) fn listen(&self, inputs: Inputs) -> io::Result<()> {
        let channel = self.0.clone();
        thread::Builder::new().name("parent".into()).spawn(move || {
            let mut message = vec![0; MAX_MESSAGE + 1];
            while read(&channel, &mut message, &inputs) {}
            inputs.put(Input::ParentGone);
        })?;
        Ok(())
    }
}

/// Reads one message; false when there will be no more.
fn read(channel: &Channel, message: &mut [u8], inputs: &Inputs) -> bool {
    let received = match channel.recv(message) {
        Ok(received) if received.len == 0 => return false,
        Ok(received) => received,
        // One bad message; the socket is as good as before.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::warn!(%error, "dropped a message");
            return true;
        }
        Err(error) => {
            tracing::warn!(%error, "the parent's socket failed");
            return false;
        }
    };
    match Frame::<MediaCommand>::parse(&message[..received.len]) {
        Ok(Frame::Control(command)) => inputs.put(Input::Command(Box::new(command), received.fds)),
        Ok(Frame::Rtp { session, stream, packet }) => {
            inputs.put(Input::Packet(session, stream, packet.to_vec()));
        }
        Err(error) => tracing::warn!(%error, "dropped a message"),
    }
    true
}
