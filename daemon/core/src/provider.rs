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
    written::Written,
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
    /// Merge and Split.
    Merge,
    /// Transfer.
    Transfer,
    /// SetEndpoint.
    Endpoints,
    /// SetScreenShare.
    Screen,
    /// Written words during the call.
    Text,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Hold,
        Self::Mute,
        Self::Video,
        Self::Dtmf,
        Self::Merge,
        Self::Transfer,
        Self::Endpoints,
        Self::Screen,
        Self::Text,
    ];

    /// As on the bus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Mute => "mute",
            Self::Video => "video",
            Self::Dtmf => "dtmf",
            Self::Merge => "merge",
            Self::Transfer => "transfer",
            Self::Endpoints => "endpoints",
            Self::Screen => "screen",
            Self::Text => "text",
        }
    }

    /// From the bus.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
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
    /// From the bus.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Transport, Self::EndToEnd, Self::Verified];
        all.into_iter().find(|one| one.as_str() == name)
    }

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
        /// How the user calls them; may be empty.
        name: String,
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
    /// Join the call to another one, or with `None` take it out of its group.
    SetGroup(Option<CallId>),
    /// Take the camera of this name; empty: the next one.
    SwitchCamera(String),
    /// Do not play the other side here.
    SetLocalSilence(bool),
    /// Be heard and spoken at this device (an id of Audio.Endpoints); empty: as the user prefers.
    SetEndpoint(String),
    /// Show the screen, or stop; which one the user picks in the desktop's own dialog.
    SetScreenShare(bool),
    /// Bring what the user writes to the other side.
    SendText(Written),
    /// Hand the call to somebody else.
    Transfer(Handle),
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
            Self::SetGroup(_) => "set-group",
            Self::SwitchCamera(_) => "switch-camera",
            Self::SetLocalSilence(_) => "set-local-silence",
            Self::SetEndpoint(_) => "set-endpoint",
            Self::SetScreenShare(_) => "set-screen-share",
            Self::SendText(_) => "send-text",
            Self::Transfer(_) => "transfer",
        }
    }

    /// What a call must be able to do for it. Without `mute` the daemon mutes by itself, so muting
    /// needs nothing.
    #[must_use]
    pub const fn needs(&self) -> Option<Capability> {
        match self {
            Self::SetHeld(_) => Some(Capability::Hold),
            Self::SetVideo(_) | Self::SwitchCamera(_) => Some(Capability::Video),
            Self::PlayDtmf(_) => Some(Capability::Dtmf),
            Self::SetGroup(_) => Some(Capability::Merge),
            Self::Transfer(_) => Some(Capability::Transfer),
            Self::SetEndpoint(_) => Some(Capability::Endpoints),
            Self::SetScreenShare(_) => Some(Capability::Screen),
            Self::SendText(_) => Some(Capability::Text),
            Self::Start { .. }
            | Self::Answer { .. }
            | Self::End(_)
            | Self::SetMuted(_)
            | Self::SetLocalSilence(_) => None,
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
            | Self::PlayDtmf(_)
            | Self::SetGroup(_)
            | Self::SwitchCamera(_)
            | Self::SetLocalSilence(_)
            | Self::SetEndpoint(_)
            | Self::SetScreenShare(_)
            | Self::SendText(_)
            | Self::Transfer(_) => Duration::from_secs(5),
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

impl Progress {
    /// From the bus.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "dialing" => Some(Self::Dialing),
            "remote-ringing" => Some(Self::RemoteRinging),
            "connecting" => Some(Self::Connecting),
            "active" => Some(Self::Active),
            _ => None,
        }
    }
}

/// Where a call stands that its app takes up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Incoming: unanswered so far.
    Ringing,
    /// Outgoing, or `Active`: how far it is.
    Under(Progress, u64),
}

impl Resume {
    /// From the keys `state` and `connected-at` (µs since the epoch, 0 = unknown) of the bus.
    #[must_use]
    pub fn from_names(state: &str, connected_at: u64) -> Option<Self> {
        match state {
            "ringing" => Some(Self::Ringing),
            other => Progress::from_name(other).map(|progress| Self::Under(progress, connected_at)),
        }
    }
}

/// A change that a provider tells of; `None` = as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// How the app calls the other side. The user's address book and directories go before it.
    pub name: Option<String>,
    /// Our microphone is closed: done in the app's own window.
    pub muted: Option<bool>,
    /// We hold the call: done in the app's own window.
    pub held: Option<bool>,
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
    /// Where it is heard; empty: as the user prefers.
    pub endpoint: Option<String>,
}

/// A call that a provider brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// Chosen by the provider; never used twice.
    pub call: CallId,
    /// Who is on the other side.
    pub party: Party,
    /// Whether pictures are offered.
    pub video: bool,
    /// What the call can do.
    pub capabilities: BTreeSet<Capability>,
    /// How well it is protected.
    pub encryption: Encryption,
    /// Whether it goes into the log, where its provider's calls do.
    pub log: bool,
    /// Set: nothing new, a call that goes on. Taken up after the provider's connection was lost, or
    /// told to a daemon that was started again.
    pub resume: Option<Resume>,
}

/// What a provider tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Somebody calls.
    Incoming {
        /// The call.
        new: NewCall,
        /// When the ring ends by itself, µs since the epoch; 0 = by our cap.
        expires_at: u64,
    },
    /// The user placed a call in the app's own window.
    Outgoing(NewCall),
    /// How far it is.
    Progress {
        /// Which.
        call: CallId,
        /// Where to.
        progress: Progress,
        /// Since when, µs since the epoch; 0 = now.
        at: u64,
    },
    /// Something changed.
    Update {
        /// Which.
        call: CallId,
        /// What.
        update: Update,
    },
    /// The other side writes.
    Text {
        /// Which.
        call: CallId,
        /// What.
        written: Written,
    },
    /// It is over.
    Ended {
        /// Which.
        call: CallId,
        /// Why.
        reason: EndReason,
        /// Details for people.
        text: String,
        /// Since when, µs since the epoch; 0 = now.
        at: u64,
    },
}
