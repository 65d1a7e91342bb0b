//! The words between `ahoyd` and `ahoy-media`.
//!
//! Owns: the control messages. Does not own: how they are framed ([`crate::worker`]). RTP does not
//! travel in these messages but in binary frames beside them. Invariant: every message that
//! concerns a call carries its [`SessionId`]; a worker that does not know the session ignores it.

use serde::{Deserialize, Serialize};

use super::plan::{Devices, MediaPlan};

/// One call's media inside the worker. Numbers are given by `ahoyd` and never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u32);

/// A sound of our own making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// The ringtone: repeats and grows louder until stopped.
    Ring,
    /// What the caller hears while the other side rings; repeats.
    Ringback,
    /// The other side is busy; three beeps.
    Busy,
    /// The call has ended; one short falling tone.
    Ended,
    /// A second call is waiting; one beep, played into the call.
    Waiting,
    /// The assistant opens its ears; one short rising tone.
    Listening,
}

/// What `ahoyd` asks of the media worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum MediaCommand {
    /// A connected PipeWire socket travels with this message; sent first, and again after PipeWire
    /// came back. Streams that were lost with the old one are opened again.
    PipeWire,
    /// Plays a tone on the node `device` (`None`: the default), replacing the one that plays.
    PlayTone {
        /// Which sound.
        tone: Tone,
        /// PipeWire node name.
        device: Option<String>,
    },
    /// Plays the file that travels with this message as a descriptor, again and again, in place of
    /// the tone that plays: [`Tone::Ring`] with another sound. What cannot be decoded sounds as that
    /// tone does. The file is one of [`super::RingtoneFormat`], of [`super::MAX_RINGTONE`] bytes at
    /// most.
    PlayRingtone {
        /// PipeWire node name.
        device: Option<String>,
    },
    /// Stops the tone that plays, if any.
    StopTone,
    /// Starts a call's media.
    Start {
        /// The call's media.
        session: SessionId,
        /// What to do.
        plan: MediaPlan,
    },
    /// Closes (true) or opens the microphone's capture stream.
    SetMuted {
        /// The call's media.
        session: SessionId,
        /// Whether nothing may be captured.
        muted: bool,
    },
    /// Opens or closes the camera.
    SetCamera {
        /// The call's media.
        session: SessionId,
        /// Whether to send pictures.
        on: bool,
    },
    /// Held: nothing is captured, sent or played.
    SetHeld {
        /// The call's media.
        session: SessionId,
        /// Whether the call is held.
        held: bool,
    },
    /// Uses other devices from now on; what is closed stays closed.
    SetDevices {
        /// The call's media.
        session: SessionId,
        /// All of them.
        devices: Devices,
    },
    /// The other side is not played here (true), or is again; those it is one with hear it on.
    SetSilent {
        /// The call's media.
        session: SessionId,
        /// Whether nothing is played.
        silent: bool,
    },
    /// Sends digits as sound (ITU-T Q.23), also while muted; what does not fit behind those that
    /// are still being sent is dropped.
    PlayDtmf {
        /// The call's media.
        session: SessionId,
        /// 0-9, A-D, *, #, and a comma for a pause.
        tones: String,
    },
    /// These calls hear each other, besides being heard here, and no others do; empty: none.
    SetMix {
        /// Two or more, or none.
        sessions: Vec<SessionId>,
    },
    /// The other side lost a picture and asks for a whole one.
    ForceKeyFrame {
        /// The call's media.
        session: SessionId,
    },
    /// Ends a call's media and frees its devices.
    Stop {
        /// The call's media.
        session: SessionId,
    },
    /// These capture streams of other programs hear nothing, and all others what they should.
    ShutMicrophones {
        /// PipeWire ids of their nodes ([`MediaEvent::Microphones`]).
        nodes: Vec<u32>,
    },
}

/// A stream by which another program captures sound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureStream {
    /// PipeWire id of its node, for as long as it lives.
    pub node: u32,
    /// The process that has it, where PipeWire knows.
    pub process: Option<u32>,
    /// The application id of the sandbox it is in, as the sandbox's portal told PipeWire; may be
    /// empty.
    pub app: String,
}

/// A part of the media that can be missing while the rest works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaPart {
    /// Voice capture.
    Microphone,
    /// Voice playback.
    Speaker,
    /// Picture capture.
    Camera,
    /// Picture display (the PipeWire node that windows read).
    RemoteVideo,
    /// Tones and the ringer.
    Tone,
    /// PipeWire as a whole.
    PipeWire,
}

/// What kind of device a PipeWire node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// Captures sound.
    Microphone,
    /// Plays sound.
    Speaker,
    /// Captures pictures.
    Camera,
}

/// A device that PipeWire offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it is.
    pub kind: DeviceKind,
    /// PipeWire node name, stable over restarts.
    pub name: String,
    /// What to show to people.
    pub label: String,
    /// PipeWire id of the hardware that it is part of: a headset's speaker and microphone have one.
    pub hardware: Option<u32>,
}

/// Counters of one call, since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaStats {
    /// RTP packets of voice handed to the parent.
    pub audio_sent: u64,
    /// RTP packets of voice taken from the parent.
    pub audio_received: u64,
    /// Voice packets the jitter buffer declared lost.
    pub audio_lost: u64,
    /// Pictures encoded.
    pub video_sent: u64,
    /// Pictures decoded.
    pub video_shown: u64,
    /// Width of the last decoded picture, pixels; 0 before the first.
    pub video_width: u32,
    /// Height of the last decoded picture, pixels; 0 before the first.
    pub video_height: u32,
    /// RTP handed to the parent, bytes.
    pub bytes_sent: u64,
    /// RTP taken from the parent, bytes.
    pub bytes_received: u64,
    /// How much the arrival of voice packets varies now (RFC 3550, 6.4.1), ms.
    pub jitter_ms: u32,
    /// How much decoded voice waits to be played now, ms.
    pub playout_ms: u32,
}

/// What the media worker reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum MediaEvent {
    /// The worker is up and locked in.
    Ready {
        /// Version of the media library, for `ahoyctl doctor`.
        gstreamer: String,
        /// How it is locked in, for people.
        lock: String,
        /// What the lock lacks on this machine, and what to do; empty: nothing.
        lock_warning: String,
    },
    /// The devices PipeWire offers now; sent on every change.
    Devices {
        /// All of them, the one that the session prefers first of its kind.
        devices: Vec<Device>,
    },
    /// The session's pipelines run and its RTP may be sent.
    Started {
        /// The call's media.
        session: SessionId,
    },
    /// The first voice of the other side was decoded.
    AudioPlaying {
        /// The call's media.
        session: SessionId,
    },
    /// The first picture of the other side, or one of another size, was decoded.
    VideoShowing {
        /// The call's media.
        session: SessionId,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// A picture was lost: the other side must send a whole one.
    KeyFrameNeeded {
        /// The call's media.
        session: SessionId,
    },
    /// Counters; once a second while a session runs.
    Stats {
        /// The call's media.
        session: SessionId,
        /// Since the start.
        stats: MediaStats,
    },
    /// A part does not work; the rest goes on.
    Missing {
        /// The call's media; `None` for tones and PipeWire itself.
        session: Option<SessionId>,
        /// Which part.
        part: MediaPart,
        /// Why, for people: names the cause and the next step.
        why: String,
    },
    /// A part that was missing works (again).
    Found {
        /// The call's media; `None` for tones and PipeWire itself.
        session: Option<SessionId>,
        /// Which part.
        part: MediaPart,
    },
    /// By which streams other programs capture sound now; sent on every change.
    Microphones {
        /// All of them.
        streams: Vec<CaptureStream>,
    },
    /// A tone that does not repeat has been played to its end.
    ToneEnded {
        /// Which sound.
        tone: Tone,
    },
}
