//! The plan of one call's media: what both sides can and want, reduced to what to do.
//!
//! Owns: the shape of a plan. Does not own: who decided it (the engine) or who carries it out (the
//! worker). Invariant: a plan never names a size or rate that the other side did not agree to.

use serde::{Deserialize, Serialize};

/// Everything the media worker needs to run one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaPlan {
    /// Voice, both ways. There is no call without it.
    pub audio: AudioPlan,
    /// Pictures. `None`: this call cannot carry them.
    pub video: Option<VideoPlan>,
    /// Which devices to use.
    pub devices: Devices,
    /// Names of the PipeWire nodes that the worker offers for this call.
    pub names: StreamNames,
}

/// How voice is coded and played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Length of one Opus frame in ms: 10 on a LAN, 20 elsewhere.
    pub frame_ms: u8,
    /// Opus bit rate, bit/s, hard CBR (sizes of VBR packets tell phrases).
    pub bitrate: u32,
    /// Jitter buffer in ms.
    pub jitter_ms: u32,
    /// Starts muted: no capture stream exists until unmuted.
    pub muted: bool,
}

/// How pictures are coded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// Whether the camera is on at the start.
    pub send: bool,
    /// Size and rate of what we send.
    pub size: VideoSize,
    /// VP8 target bit rate, bit/s.
    pub bitrate: u32,
    /// The largest picture we accept; larger ones are refused before the decoder sees them.
    pub accept: VideoSize,
}

/// Size and rate of a picture stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoSize {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
}

impl VideoSize {
    /// 640x360 at 30 frames/s: where every call starts (research: 3.7 % of a core with VP8).
    pub const P360: Self = Self { width: 640, height: 360, fps: 30 };
    /// 1280x720 at 30 frames/s: the largest picture accepted by default.
    pub const P720: Self = Self { width: 1280, height: 720, fps: 30 };
}

/// PipeWire node names of the devices to use. `None`: the session's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// Capture node for voice.
    pub microphone: Option<String>,
    /// Playback node for voice.
    pub speaker: Option<String>,
    /// Playback node for the ringtone.
    pub ringer: Option<String>,
    /// Video source node.
    pub camera: Option<String>,
}

/// Names of the PipeWire nodes that a call's media appears under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamNames {
    /// The remote picture (`Stream/Output/Video`).
    pub remote_video: String,
    /// Our own camera's picture (`Stream/Output/Video`).
    pub self_view: String,
    /// The remote voice (`Stream/Output/Audio`, linked to the speaker).
    pub remote_audio: String,
}
