//! PipeWire: devices, capture, playback and the video nodes, on one connection and one thread.
//!
//! Owns: the thread, its requests and its notes. Does not own: codecs, plans or what a missing
//! device means. Invariant: every open stream is known here by its [`Key`]; closing it removes its
//! node from PipeWire before the request after it is looked at.

mod captures;
mod devices;
mod formats;
mod streams;
mod thread;

use std::{
    collections::BTreeSet,
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use ahoy_core::media::{CaptureStream, Device, VideoSize};

use crate::{
    health::Key,
    picture::{CameraFormat, Slot},
    sound::Sound,
};

/// Takes captured samples. Called on the PipeWire thread; must not block.
pub(crate) type SoundSink = Arc<dyn Fn(&[u8]) + Send + Sync>;
/// Takes camera pictures, rows as the layout has them by default. Called on the PipeWire thread.
pub(crate) type PictureSink = Arc<dyn Fn(CameraFormat, Vec<u8>) + Send + Sync>;

/// What a stream does. Kept while the stream is wanted, to open it again after PipeWire came back.
#[derive(Clone)]
pub(crate) enum Spec {
    /// Takes sound from a microphone.
    Capture { name: String, target: Option<String>, quantum: u32, sink: SoundSink },
    /// Plays a sound.
    Playback {
        name: String,
        target: Option<String>,
        quantum: u32,
        media_role: &'static str,
        sound: Arc<Mutex<dyn Sound>>,
    },
    /// Takes pictures from a camera.
    Camera { name: String, target: Option<String>, size: VideoSize, sink: PictureSink },
    /// Offers pictures to whoever links to the node.
    Picture { name: String, slot: Arc<Slot> },
}

/// What is asked of the PipeWire thread.
pub(crate) enum Request {
    /// Uses this connected socket from now on; opens everything again on it.
    Connect(OwnedFd),
    /// Lets go of a dead connection.
    Disconnect,
    /// Opens a stream, in place of one with the same key.
    Open(Key, Spec),
    /// Tries an open stream anew.
    Retry(Key),
    /// Closes a stream.
    Close(Key),
    /// A picture waits in the slot of this node.
    Show(Key),
    /// These capture streams of other programs hear nothing, all others do.
    Shut(BTreeSet<u32>),
    /// Ends the thread.
    Quit,
}

/// What the PipeWire thread tells.
pub(crate) enum Note {
    /// Connected: the first round trip is through.
    Connected,
    /// The connection failed.
    Disconnected(String),
    /// All devices of now.
    Devices(Vec<Device>),
    /// All capture streams of other programs of now.
    Captures(Vec<CaptureStream>),
    /// A stream is linked and runs.
    Live(Key),
    /// A stream lost its device (no reason) or failed.
    Down(Key, Option<String>),
    /// A sound that ends has ended.
    SoundOver(Key),
}

/// Takes notes. Must not wait for the PipeWire thread.
pub(crate) type Notes = Arc<dyn Fn(Note) + Send + Sync>;

/// The way to the PipeWire thread.
#[derive(Clone)]
pub(crate) struct PipeWire(pipewire::channel::Sender<Request>);

impl PipeWire {
    /// Starts the thread. What it loads (configuration, modules) is loaded when this returns.
    ///
    /// # Errors
    /// The library's reason when it cannot be set up.
    pub(crate) fn start(notes: Notes) -> Result<Self, String> {
        let (requests, inbox) = pipewire::channel::channel();
        let (ready, set_up) = std::sync::mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("pipewire".into())
            .spawn(move || thread::run(inbox, &notes, &ready))
            .map_err(|error| error.to_string())?;
        set_up.recv().unwrap_or_else(|_| Err("its thread ended at once".into()))?;
        Ok(Self(requests))
    }

    /// Asks for something. A thread that is gone has said so in a note already.
    pub(crate) fn ask(&self, request: Request) {
        drop(self.0.send(request));
    }
}
