//! The words of ModemManager (`org.freedesktop.ModemManager1`, system bus).
//!
//! Owns: from its objects and numbers to a telephone's words and back (its introspection documents,
//! "ModemManager D-Bus reference"). Does not own: rules (`cell`). The voice itself goes past us:
//! ModemManager gives an audio port to whoever manages sound on the device.

use ahoy_core::provider::Capability;
use zbus::{Message, OwnedObjectPath, Variant};

use super::{
    cell::{Event, Kind, Path, Seen, State, What, Why},
    service::{Dialect, Program},
    value::{self, Interfaces, OBJECTS, Objects, PROPERTIES, Properties},
};

/// Its name.
pub(super) const NAME: &str = "org.freedesktop.ModemManager1";
const ROOT: &str = "/org/freedesktop/ModemManager1";
const VOICE: &str = "org.freedesktop.ModemManager1.Modem.Voice";
const NETWORK: &str = "org.freedesktop.ModemManager1.Modem.Modem3gpp";
const CALL: &str = "org.freedesktop.ModemManager1.Call";

/// ModemManager.
pub(super) struct ModemManager;

/// A modem, for people and for apps.
pub(super) const KIND: Kind = Kind {
    id: "modem",
    name: "Mobile network",
    icon: "phone",
    can: &[Capability::Hold, Capability::Dtmf, Capability::Merge],
};

/// MMCallState; `None`: over, or newer than these.
fn state(of: i32) -> Option<State> {
    Some(match of {
        // A call that was made and not started yet, too.
        0 | 1 => State::Dialing,
        2 => State::Alerting,
        3 => State::Incoming,
        4 => State::Active,
        5 => State::Held,
        6 => State::Waiting,
        _ => return None,
    })
}

/// MMCallStateReason of a call that is over.
fn why(reason: i32) -> Why {
    match reason {
        // MM_CALL_STATE_REASON_TERMINATED: either side.
        4 => Why::Remote,
        5 => Why::Busy,
        6 => Why::Failed("the network reports an error".into()),
        7 => Why::Failed("the sound of the call could not be set up".into()),
        8 | 9 => Why::Elsewhere,
        _ => Why::Unknown,
    }
}

fn seen(path: &str, gateway: &str, of: &Properties, is_old: bool) -> Option<Seen> {
    let direction = value::number(of, "Direction").unwrap_or(0);
    Some(Seen {
        path: path.to_owned(),
        gateway: gateway.to_owned(),
        state: state(value::number(of, "State")?)?,
        // MMCallDirection.
        incoming: match direction {
            1 => Some(true),
            2 => Some(false),
            _ => None,
        },
        number: value::text(of, "Number").unwrap_or_default(),
        name: String::new(),
        is_old,
    })
}

fn operator(of: &Interfaces) -> String {
    of.get(NETWORK).and_then(|network| value::text(network, "OperatorName")).unwrap_or_default()
}

async fn look_at(program: &Program, path: &str, gateway: &str, is_old: bool) -> Option<Event> {
    let of: Properties = value::ask(program.at(path, PROPERTIES), "GetAll", &(CALL,)).await?;
    seen(path, gateway, &of, is_old).map(Event::Seen)
}

/// A modem, and its calls.
async fn modem(program: &Program, path: &str, of: &Interfaces) -> Vec<Event> {
    if !of.contains_key(VOICE) {
        return Vec::new();
    }
    let mut all = vec![Event::Gateway(path.to_owned(), operator(of))];
    let calls = value::ask(program.at(path, VOICE), "ListCalls", &()).await;
    for call in calls.into_iter().flat_map(|calls: Vec<OwnedObjectPath>| calls) {
        all.extend(look_at(program, call.as_str(), path, true).await);
    }
    all
}

impl Dialect for ModemManager {
    const KIND: &'static Kind = &KIND;

    async fn look(&self, program: &Program) -> Vec<Event> {
        let objects = value::ask(program.at(ROOT, OBJECTS), "GetManagedObjects", &()).await;
        let mut all = Vec::new();
        for (path, of) in objects.into_iter().flat_map(|objects: Objects| objects) {
            all.extend(modem(program, path.as_str(), &of).await);
        }
        all
    }

    async fn hear(&self, program: &Program, signal: &Message) -> Vec<Event> {
        let header = signal.header();
        let (Some(interface), Some(member), Some(path)) =
            (header.interface(), header.member(), header.path())
        else {
            return Vec::new();
        };
        let path = path.as_str();
        match (interface.as_str(), member.as_str()) {
            (OBJECTS, "InterfacesAdded") => {
                let Some((path, of)) = value::body::<(OwnedObjectPath, Interfaces)>(signal) else {
                    return Vec::new();
                };
                modem(program, path.as_str(), &of).await
            }
            (VOICE, "CallAdded") => {
                let Some(call) = value::body::<OwnedObjectPath>(signal) else {
                    return Vec::new();
                };
                look_at(program, call.as_str(), path, false).await.into_iter().collect()
            }
            (interface, member) => heard(path, interface, member, signal).into_iter().collect(),
        }
    }

    async fn carry_out(&self, program: &Program, what: What) -> zbus::Result<Option<Path>> {
        let call = |path: String, method| async move {
            program.at(&path, CALL).call(method, &()).await.map(|_| None)
        };
        match what {
            What::Dial { gateway, number } => dial(program, &gateway, number).await,
            What::Answer { line } => call(line, "Accept").await,
            What::HangUp { line } => call(line, "Hangup").await,
            What::Join { line, .. } => call(line, "JoinMultiparty").await,
            What::Part { line, .. } => call(line, "LeaveMultiparty").await,
            // Also what swaps: waiting calls go before held ones.
            What::HoldAndAnswer { gateway } | What::Swap { gateway } => {
                program.at(&gateway, VOICE).call("HoldAndAccept", &()).await.map(|_| None)
            }
            What::Tones { line, tones, .. } => {
                // One at a time is what every version takes.
                for tone in tones.chars().filter(|tone| *tone != ',') {
                    let tone = tone.to_ascii_uppercase().to_string();
                    program.at(&line, CALL).call("SendDtmf", &(tone,)).await?;
                }
                Ok(None)
            }
            What::Forget { gateway, line } => forget(program, &gateway, &line).await.map(|()| None),
        }
    }
}

async fn dial(program: &Program, gateway: &str, number: String) -> zbus::Result<Option<Path>> {
    let properties = std::collections::HashMap::from([("number", Variant::from(number))]);
    let made = program.at(gateway, VOICE).call("CreateCall", &(properties,)).await?;
    let Some(path) = value::path(&made) else {
        return Err(zbus::Error::Failure("ModemManager made no call".to_owned()));
    };
    match program.at(&path, CALL).call("Start", &()).await {
        Ok(_) => Ok(Some(path)),
        Err(error) => {
            // The first error is the one that says what is wrong.
            let _ = forget(program, gateway, &path).await;
            Err(error)
        }
    }
}

async fn forget(program: &Program, gateway: &str, line: &str) -> zbus::Result<()> {
    let line = zbus::ObjectPath::try_from(line)?;
    program.at(gateway, VOICE).call("DeleteCall", &(line,)).await.map(drop)
}

/// Signals that need no question.
fn heard(path: &str, interface: &str, member: &str, signal: &Message) -> Option<Event> {
    match (interface, member) {
        (OBJECTS, "InterfacesRemoved") => {
            let (path, gone): (OwnedObjectPath, Vec<String>) = value::body(signal)?;
            let is_it = gone.iter().any(|one| one == VOICE);
            is_it.then(|| Event::GatewayGone(path.to_string()))
        }
        (VOICE, "CallDeleted") => {
            let call: OwnedObjectPath = value::body(signal)?;
            Some(Event::Ended(call.to_string(), Why::Unknown))
        }
        (CALL, "StateChanged") => {
            let (_, now, reason): (i32, i32, u32) = value::body(signal)?;
            // MM_CALL_STATE_TERMINATED.
            if now == 7 {
                let why = why(i32::try_from(reason).unwrap_or_default());
                return Some(Event::Ended(path.to_owned(), why));
            }
            state(now).map(|state| Event::State(path.to_owned(), state))
        }
        (PROPERTIES, "PropertiesChanged") => {
            let (of, changed, _): (String, Properties, Vec<String>) = value::body(signal)?;
            let name = value::text(&changed, "OperatorName").filter(|_| of == NETWORK)?;
            Some(Event::Renamed(path.to_owned(), name))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal<B>(path: &str, interface: &str, member: &str, body: &B) -> Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        Message::signal(path, interface, member).build(body).unwrap()
    }

    fn hears(interface: &str, member: &str, message: &Message) -> Option<Event> {
        heard("/call/1", interface, member, message)
    }

    #[test]
    fn every_state_and_reason_of_modemmanager_has_its_word() {
        for (now, wanted) in [
            (0, State::Dialing),
            (1, State::Dialing),
            (2, State::Alerting),
            (3, State::Incoming),
            (4, State::Active),
            (5, State::Held),
            (6, State::Waiting),
        ] {
            let message = signal("/call/1", CALL, "StateChanged", &(0i32, now, 0u32));
            let event = hears(CALL, "StateChanged", &message);
            assert_eq!(event, Some(Event::State("/call/1".to_owned(), wanted)));
        }
        for (reason, wanted) in
            [(4u32, Why::Remote), (5, Why::Busy), (8, Why::Elsewhere), (0, Why::Unknown)]
        {
            let message = signal("/call/1", CALL, "StateChanged", &(4i32, 7i32, reason));
            let event = hears(CALL, "StateChanged", &message);
            assert_eq!(event, Some(Event::Ended("/call/1".to_owned(), wanted)));
        }
        let newer = signal("/call/1", CALL, "StateChanged", &(4i32, 99i32, 0u32));
        assert_eq!(hears(CALL, "StateChanged", &newer), None);
        let wrong = signal("/call/1", CALL, "StateChanged", &("active",));
        assert_eq!(hears(CALL, "StateChanged", &wrong), None);
    }
}
