//! The contract between the engine and whoever makes calls: built in, or an app on the bus.
//!
//! Owns: actions, reports, capabilities, and their names. Does not own: transport; the built-in
//! provider and an app on the bus speak the same words. Invariant: an action is asked for under one
//! serial and ends exactly once: fulfilled, failed or timed out.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{
    call::{EndReason, Nodes, Party},
    id::{CallId, Handle},
    media::Quality,
};

/// What a call can do beyond being answered and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// SetHeld.
    Hold,
    /// SetMuted by the provider; without it the daemon mutes the capture.
    Mute,
    /// SetVideo and SwitchCamera.
    Video,
    /// SendDtmf.
    Dtmf,
}

impl Capability {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Mute => "mute",
            Self::Video => "video",
            Self::Dtmf => "dtmf",
        }
    }
}

/// How well a call is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// Not known to be.
    None,
    /// Between the device and a server.
    Transport,
    /// Between the two devices.
    EndToEnd,
    /// The same, and the user compared safety numbers.
    Verified,
}

impl Encryption {
    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Transport => "transport",
            Self::EndToEnd => "e2e",
            Self::Verified => "e2e-verified",
        }
    }
}

/// What the engine asks of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the call.
    Start {
        /// Whom to call.
        remote: Handle,
        /// Whether to offer pictures.
        video: bool,
    },
    /// Take the call; to be fulfilled when media is connected.
    Answer {
        /// Whether to send pictures.
        video: bool,
    },
    /// End, decline or expire the call.
    End(EndReason),
    /// Hold or resume.
    SetHeld(bool),
    /// Close or open the microphone.
    SetMuted(bool),
    /// Open or close the camera.
    SetVideo(bool),
    /// Send digits.
    PlayDtmf(String),
}

impl Action {
    /// As on the bus.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Answer { .. } => "answer",
            Self::End(_) => "end",
            Self::SetHeld(_) => "set-held",
            Self::SetMuted(_) => "set-muted",
            Self::SetVideo(_) => "set-video",
            Self::PlayDtmf(_) => "play-dtmf",
        }
    }

    /// How long a provider may take: below the 25 s at which common D-Bus clients give up.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        match self {
            Self::Start { .. } | Self::Answer { .. } => Duration::from_secs(20),
            Self::End(_)
            | Self::SetHeld(_)
            | Self::SetMuted(_)
            | Self::SetVideo(_)
            | Self::PlayDtmf(_) => Duration::from_secs(5),
        }
    }
}

/// How far an outgoing call is, or that an incoming one was answered in the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The other side is being looked for.
    Dialing,
    /// The other side rings.
    RemoteRinging,
    /// Media is being set up.
    Connecting,
    /// Both talk.
    Active,
}

/// A change that a provider tells of; `None` = as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The other side holds.
    pub remote_held: Option<bool>,
    /// The other side sends pictures.
    pub remote_video: Option<bool>,
    /// Our camera is on.
    pub video: Option<bool>,
    /// The way is lost for now.
    pub reconnecting: Option<bool>,
    /// How well it is protected.
    pub encryption: Option<Encryption>,
    /// PipeWire nodes of its media.
    pub nodes: Option<Nodes>,
    /// What the call can do.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// How good its media is.
    pub quality: Option<Quality>,
}

/// What a provider tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Somebody calls.
    Incoming {
        /// Chosen by the provider; never used twice.
        call: CallId,
        /// Who.
        party: Party,
        /// Whether pictures are offered.
        video: bool,
        /// What the call can do.
        capabilities: BTreeSet<Capability>,
        /// How well it is protected.
        encryption: Encryption,
        /// When the ring ends by itself, µs since the epoch; 0 = by our cap.
        expires_at: u64,
    },
    /// How far it is.
    Progress {
        /// Which.
        call: CallId,
        /// Where to.
        progress: Progress,
    },
    /// Something changed.
    Update {
        /// Which.
        call: CallId,
        /// What.
        update: Update,
    },
    /// It is over.
    Ended {
        /// Which.
        call: CallId,
        /// Why.
        reason: EndReason,
        /// Details for people.
        text: String,
    },
}
