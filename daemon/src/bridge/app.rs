//! `.ProviderApp` of a bridge: what the daemon asks, in the words of a world.
//!
//! Owns: reading Perform, waiting for what comes of it. Does not own: doing it. Invariant: only the
//! daemon's own connection is obeyed: the object is on a bus where any program can call it.

use std::{collections::HashMap, time::Duration};

use ahoy_core::{
    call::EndReason,
    id::{CallId, Handle, Serial},
    provider::Action,
};
use tokio::sync::{mpsc, oneshot};
use zbus::{OwnedObjectPath, OwnedVariant, Variant, fdo, interface, message::Header};

use super::{
    value::as_text,
    world::{Order, Refused},
};

/// Longer than any deadline of the core, so that none is cut short here.
const GIVE_UP: Duration = Duration::from_secs(25);

/// What the daemon says to us.
pub(super) enum Asked {
    /// It wants something done.
    Perform(Order, oneshot::Sender<Result<(), Refused>>),
    /// It waits for this no more.
    GivenUp(Serial),
}

/// The object.
pub(super) struct App {
    /// The daemon's unique name.
    pub(super) daemon: String,
    /// Bounded: past it the daemon's own deadlines run.
    pub(super) asked: mpsc::Sender<Asked>,
}

impl App {
    fn check(&self, header: &Header<'_>) -> fdo::Result<()> {
        if header.sender().is_some_and(|name| name.as_str() == self.daemon) {
            return Ok(());
        }
        Err(fdo::Error::AccessDenied("only the call service may ask this".to_owned()))
    }

    async fn send(&self, asked: Asked) -> fdo::Result<()> {
        let gone = |_| fdo::Error::Failed("the bridge is ending".to_owned());
        self.asked.send(asked).await.map_err(gone)
    }
}

#[interface(name = "org.ahoycall.Calls1.ProviderApp")]
impl App {
    async fn perform(
        &self,
        serial: u32,
        _txn: String,
        action: String,
        call: OwnedObjectPath,
        args: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: Header<'_>,
    ) -> fdo::Result<()> {
        self.check(&header)?;
        let wrong = || fdo::Error::InvalidArgs(format!("this bridge does not know \"{action}\""));
        let last = call.as_str().rsplit('/').next().unwrap_or_default();
        let call: CallId = last.parse().map_err(|_| wrong())?;
        let action = read(&action, &args).ok_or_else(wrong)?;
        let (answer, answered) = oneshot::channel();
        let order = Order { serial: Some(Serial(serial)), call, action };
        self.send(Asked::Perform(order, answer)).await?;
        match tokio::time::timeout(GIVE_UP, answered).await {
            Ok(Ok(result)) => result.map_err(|why| fdo::Error::Failed(why.to_string())),
            Ok(Err(_)) | Err(_) => Err(fdo::Error::NoReply("nothing came of it".to_owned())),
        }
    }

    async fn timed_out(&self, serial: u32, #[zbus(header)] header: Header<'_>) -> fdo::Result<()> {
        self.check(&header)?;
        self.send(Asked::GivenUp(Serial(serial))).await
    }

    /// The programs behind bridges open and close their sound by themselves, with the call.
    fn audio_activated(&self, _options: HashMap<String, OwnedVariant>) {}

    fn audio_deactivated(&self) {}
}

/// An action and its arguments; `None`: one of a newer daemon.
fn read(action: &str, args: &HashMap<String, OwnedVariant>) -> Option<Action> {
    let flag = |key: &str| args.get(key).and_then(|value| bool::try_from(&**value).ok());
    let text = |key: &str| {
        let value = &**args.get(key)?;
        if let Variant::ObjectPath(path) = value { Some(path.to_string()) } else { as_text(value) }
    };
    let remote = || -> Option<Handle> {
        let value = args.get("remote")?.try_clone().ok()?;
        let (scheme, value): (String, String) = value.try_into().ok()?;
        Handle::new(&scheme, &value).ok()
    };
    Some(match action {
        "start" => Action::Start {
            remote: remote()?,
            video: flag("video").unwrap_or(false),
            name: text("display-name").unwrap_or_default(),
        },
        "answer" => Action::Answer { video: flag("video").unwrap_or(false) },
        "end" => {
            let reason = text("reason").and_then(|reason| EndReason::from_name(&reason));
            Action::End(reason.unwrap_or(EndReason::LocalHangup))
        }
        "set-held" => Action::SetHeld(flag("held")?),
        "set-muted" => Action::SetMuted(flag("muted")?),
        "set-video" => Action::SetVideo(flag("video")?),
        "set-group" => {
            let with = text("with");
            let other = with.as_deref().and_then(|path| path.rsplit('/').next()?.parse().ok());
            if with.is_some() { Action::SetGroup(Some(other?)) } else { Action::SetGroup(None) }
        }
        "play-dtmf" => Action::PlayDtmf(text("tones")?),
        "transfer" => Action::Transfer(remote()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(entries: &[(&str, Variant<'_>)]) -> HashMap<String, OwnedVariant> {
        let owned = |value: &Variant<'_>| value.try_to_owned().unwrap();
        entries.iter().map(|(key, value)| ((*key).to_owned(), owned(value))).collect()
    }

    #[test]
    fn what_the_daemon_asks_is_read_as_it_was_written() {
        let to = Variant::from(("tel", "+49301"));
        let start = read("start", &args(&[("remote", to), ("video", true.into())]));
        let remote = Handle::new("tel", "+49301").unwrap();
        assert_eq!(start, Some(Action::Start { remote, video: true, name: String::new() }));
        let held = args(&[("held", true.into())]);
        assert_eq!(read("set-held", &held), Some(Action::SetHeld(true)));
        let reason = args(&[("reason", "blocked".into())]);
        assert_eq!(read("end", &reason), Some(Action::End(EndReason::Blocked)));
        let other = CallId([7; 16]);
        let path = format!("/org/ahoycall/Calls1/call/{}", other.path_part());
        let with = args(&[("with", zbus::ObjectPath::try_from(path).unwrap().into())]);
        assert_eq!(read("set-group", &with), Some(Action::SetGroup(Some(other))));
        assert_eq!(read("set-group", &args(&[])), Some(Action::SetGroup(None)));
    }

    #[test]
    fn what_is_missing_or_newer_is_not_guessed() {
        for action in ["start", "set-held", "set-muted", "play-dtmf", "transfer", "sing"] {
            assert_eq!(read(action, &args(&[])), None, "{action}");
        }
        assert_eq!(read("set-held", &args(&[("held", "yes".into())])), None);
        assert_eq!(read("set-group", &args(&[("with", "nobody".into())])), None);
    }
}
