//! Media as data: what a call sends and receives, and the words spoken with the media worker.
//!
//! Owns: [`MediaPlan`] and the protocol of `ahoy-media`. Does not own: a pipeline, a device, a
//! codec. Invariant: a plan is complete; the worker needs nothing else to run the call's media.

mod plan;
mod protocol;
mod quality;
mod ringtone;

pub use plan::{AudioPlan, Devices, MediaPlan, StreamNames, VideoPlan, VideoSize};
pub use protocol::{
    CaptureStream, Device, DeviceKind, MediaCommand, MediaEvent, MediaPart, MediaStats, SessionId,
    Tone,
};
pub use quality::{Meter, Quality};
pub use ringtone::{MAX_RINGTONE, RingtoneFormat};
