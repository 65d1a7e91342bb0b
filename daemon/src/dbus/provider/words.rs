//! What apps say, in the core's words.
//!
//! Owns: the keys of Register, ReportIncoming, ReportOutgoing and Update, and their types. Does not
//! own: whether it may be said. Invariant: a key of the wrong type, or one that is needed and
//! missing, is an InvalidArgument that names it; keys of newer apps are theirs.

use std::{collections::BTreeSet, os::fd::OwnedFd};

use ahoy_core::{
    call::{EndReason, Marks, NameSource, Party},
    engine::Registration,
    id::{CallId, Handle, ProviderId},
    media::Quality,
    provider::{Capability, Encryption, NewCall, Progress, Report, Resume, Update},
    written::Written,
};

use zbus::Variant;

use super::super::{
    caller::Caller,
    error::{Error, Result},
    value::{BusDict, from_bus},
};
use crate::app::request::{Dict, Plain};

/// Options that are read key by key.
struct Keys(Dict);

fn wrong(text: String) -> Error {
    Error::InvalidArgument(text)
}

impl Keys {
    fn new(options: BusDict) -> Result<Self> {
        from_bus(options).map(Self)
    }

    fn take<T>(
        &mut self,
        key: &str,
        kind: &str,
        read: impl FnOnce(Plain) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.0.remove(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(format!("{key}: {kind} is expected")))
    }

    fn text(&mut self, key: &str) -> Result<Option<String>> {
        self.take(
            key,
            "a text",
            |value| {
                if let Plain::Text(text) = value { Some(text) } else { None }
            },
        )
    }

    fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        self.take(
            key,
            "yes or no",
            |value| {
                if let Plain::Bool(flag) = value { Some(flag) } else { None }
            },
        )
    }

    fn number(&mut self, key: &str) -> Result<Option<u64>> {
        self.take(key, "a number", |value| {
            if let Plain::Uint(number) = value { Some(number) } else { None }
        })
    }

    fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        self.take(key, "a list of texts", |value| {
            if let Plain::Texts(texts) = value { Some(texts) } else { None }
        })
    }

    fn remote(&mut self) -> Result<Handle> {
        let pair = self.take("remote", "a pair (scheme, value)", |value| {
            if let Plain::Pair(scheme, value) = value { Some((scheme, value)) } else { None }
        })?;
        let (scheme, value) = pair.ok_or_else(|| wrong("remote: it is needed".to_owned()))?;
        Handle::new(&scheme, &value).map_err(|error| wrong(format!("remote: {error}")))
    }

    fn capabilities(&mut self) -> Result<Option<BTreeSet<Capability>>> {
        let Some(names) = self.texts("capabilities")? else { return Ok(None) };
        // What only newer daemons know cannot be offered by this one.
        Ok(Some(names.iter().filter_map(|name| Capability::from_name(name)).collect()))
    }

    fn encryption(&mut self) -> Result<Option<Encryption>> {
        let Some(name) = self.text("encryption")? else { return Ok(None) };
        let known = Encryption::from_name(&name).filter(|known| *known != Encryption::Verified);
        let why = || wrong(format!("encryption: \"{name}\" is none of none, transport, e2e"));
        known.map(Some).ok_or_else(why)
    }
}

/// The ringtone that an app brings along: a descriptor is no plain value.
pub(super) fn ringtone(options: &mut BusDict) -> Result<Option<OwnedFd>> {
    let Some(value) = options.remove("ringtone-fd") else { return Ok(None) };
    let why = || wrong("ringtone-fd: a descriptor is expected".to_owned());
    let Variant::Fd(file) = value.into() else { return Err(why()) };
    OwnedFd::try_from(file).map(Some).map_err(|_| why())
}

/// What an app registers as.
pub(super) fn registration(id: &str, options: BusDict, caller: Caller) -> Result<Registration> {
    let id = id.parse::<ProviderId>().map_err(|error| wrong(format!("provider_id: {error}")))?;
    let mut keys = Keys::new(options)?;
    let mut wish = Registration::new(id);
    if let Caller::Sandboxed(app_id) = caller {
        (wish.app_id, wish.verified) = (app_id, true);
    }
    wish.name = keys.text("name")?.unwrap_or_default();
    wish.icon = keys.text("icon")?.unwrap_or_default();
    wish.schemes = keys.texts("schemes")?.unwrap_or_default();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    wish.max_calls = keys.number("max-calls")?.map_or(wish.max_calls, count);
    wish.max_groups = keys.number("max-groups")?.map_or(wish.max_groups, count);
    wish.video = keys.flag("video")?.unwrap_or(wish.video);
    wish.hold = keys.flag("hold")?.unwrap_or(wish.hold);
    wish.log = keys.flag("log")?.unwrap_or(wish.log);
    match keys.text("media")?.as_deref() {
        None | Some("app") => {}
        Some("daemon") => {
            let why = "media: this daemon does not carry the sound of apps: say \"app\"";
            return Err(Error::NotSupported(why.to_owned()));
        }
        Some(other) => return Err(wrong(format!("media: \"{other}\" is neither app nor daemon"))),
    }
    Ok(wish)
}

fn uuid(text: &str) -> Result<CallId> {
    text.parse().map_err(|_| wrong(format!("uuid: \"{text}\" is none (RFC 9562)")))
}

fn new_call(id: &str, keys: &mut Keys) -> Result<NewCall> {
    let name = keys.text("name")?.unwrap_or_default();
    let state = keys.text("state")?;
    let connected_at = keys.number("connected-at")?.unwrap_or(0);
    let resume = match state {
        None => None,
        Some(state) => Some(Resume::from_names(&state, connected_at).ok_or_else(|| {
            wrong(format!("state: \"{state}\" is none that a call can be taken up in"))
        })?),
    };
    Ok(NewCall {
        call: uuid(id)?,
        party: Party {
            handle: keys.remote()?,
            source: if name.is_empty() { NameSource::None } else { NameSource::Provider },
            name,
            contact: None,
            marks: Marks::default(),
        },
        video: keys.flag("video")?.unwrap_or(false),
        capabilities: keys.capabilities()?.unwrap_or_default(),
        encryption: keys.encryption()?.unwrap_or(Encryption::None),
        log: keys.flag("log")?.unwrap_or(true),
        resume,
    })
}

/// ReportIncoming.
pub(super) fn incoming(id: &str, options: BusDict) -> Result<Report> {
    let mut keys = Keys::new(options)?;
    let expires_at = keys.number("expires-at")?.unwrap_or(0);
    Ok(Report::Incoming { new: new_call(id, &mut keys)?, expires_at })
}

/// ReportOutgoing.
pub(super) fn outgoing(id: &str, options: BusDict) -> Result<Report> {
    Ok(Report::Outgoing(new_call(id, &mut Keys::new(options)?)?))
}

/// Update.
pub(super) fn update(call: CallId, changes: BusDict) -> Result<Report> {
    let mut changes = changes;
    let quality = match changes.remove("quality") {
        None => None,
        Some(value) => Some(quality(
            value.try_into().map_err(|_| wrong("quality: a dictionary is expected".to_owned()))?,
        )?),
    };
    let mut keys = Keys::new(changes)?;
    let update = Update {
        name: keys.text("name")?,
        encryption: keys.encryption()?,
        capabilities: keys.capabilities()?,
        muted: keys.flag("muted")?,
        held: keys.flag("held")?,
        remote_held: keys.flag("remote-held")?,
        video: keys.flag("video")?,
        remote_video: keys.flag("remote-video")?,
        reconnecting: keys.flag("reconnecting")?,
        quality,
        ..Update::default()
    };
    Ok(Report::Update { call, update })
}

fn quality(of: BusDict) -> Result<Quality> {
    let mut keys = Keys::new(of)?;
    let mut number = |key: &str| -> Result<Option<u32>> {
        Ok(keys.number(key)?.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
    };
    let (bitrate_in, bitrate_out) = (number("bitrate-in")?, number("bitrate-out")?);
    let (jitter_ms, round_trip_ms) = (number("jitter")?, number("round-trip")?);
    let playout_ms = number("playout-delay")?;
    let picture = number("width")?.zip(number("height")?);
    let loss = keys.take("loss", "a share from 0 to 1", |value| {
        if let Plain::Double(share) = value { Some(share) } else { None }
            .filter(|share| (0.0..=1.0).contains(share))
    })?;
    Ok(Quality {
        bitrate_in,
        bitrate_out,
        loss_permille: loss.map(|share| (share * 1000.0) as u32),
        jitter_ms,
        round_trip_ms,
        playout_ms,
        picture,
        codec: keys.text("codec")?,
        path: keys.text("path")?,
    })
}

/// ReportState.
pub(super) fn state(call: CallId, state: &str, at: u64) -> Result<Report> {
    let progress = Progress::from_name(state).ok_or_else(|| {
        wrong(format!("state: \"{state}\" is none of dialing, remote-ringing, connecting, active"))
    })?;
    Ok(Report::Progress { call, progress, at })
}

/// ReportText.
pub(super) fn text(call: CallId, text: String, last: bool) -> Result<Report> {
    let written = Written::new(text, last).map_err(|error| wrong(error.to_string()))?;
    Ok(Report::Text { call, written })
}

/// ReportEnded.
pub(super) fn ended(call: CallId, reason: &str, text: String, at: u64) -> Result<Report> {
    let known = EndReason::from_name(reason);
    let reason = known.ok_or_else(|| wrong(format!("reason: \"{reason}\" is not known")))?;
    Ok(Report::Ended { call, reason, text, at })
}
