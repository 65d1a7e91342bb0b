//! The words of oFono (`org.ofono`, system bus).
//!
//! Owns: from its objects and texts to a telephone's words and back (its doc/*-api.txt). Does not
//! own: rules (`cell`). What PipeWire says of a paired phone is the same but for its names: the parts
//! that are shared are here and used by `phone`.

use ahoy_core::provider::Capability;
use zbus::{Message, OwnedObjectPath, OwnedVariant};

use super::{
    cell::{Event, Kind, Path, Seen, State, What, Why},
    service::{Dialect, Program},
    value::{self, Properties},
};

/// Its name.
pub(super) const NAME: &str = "org.ofono";
const MANAGER: &str = "org.ofono.Manager";
const MODEM: &str = "org.ofono.Modem";
const NETWORK: &str = "org.ofono.NetworkRegistration";
const VOICE: &str = "org.ofono.VoiceCallManager";
const CALL: &str = "org.ofono.VoiceCall";

/// oFono.
pub(super) struct Ofono;

type Listed = Vec<(OwnedObjectPath, Properties)>;

/// The text of a call's state; `None`: over, or newer than these.
pub(super) fn state(text: &str) -> Option<State> {
    Some(match text {
        "dialing" => State::Dialing,
        "alerting" => State::Alerting,
        "incoming" => State::Incoming,
        "waiting" => State::Waiting,
        "active" => State::Active,
        "held" => State::Held,
        _ => return None,
    })
}

/// A call from its properties.
pub(super) fn seen(path: &str, gateway: &str, of: &Properties, is_old: bool) -> Option<Event> {
    Some(Event::Seen(Seen {
        path: path.to_owned(),
        gateway: gateway.to_owned(),
        state: state(&value::text(of, "State")?)?,
        incoming: None,
        number: value::text(of, "LineIdentification").unwrap_or_default(),
        name: value::text(of, "Name").unwrap_or_default(),
        is_old,
    }))
}

/// Carries out what oFono and PipeWire have the same names for.
pub(super) async fn carry_out(
    program: &Program,
    (voice, call): (&str, &str),
    what: What,
) -> zbus::Result<Option<Path>> {
    let (path, interface, method) = match &what {
        What::Answer { line } => (line, call, "Answer"),
        What::HangUp { line } => (line, call, "Hangup"),
        What::HoldAndAnswer { gateway } => (gateway, voice, "HoldAndAnswer"),
        What::Swap { gateway } => (gateway, voice, "SwapCalls"),
        What::Join { gateway, .. } => (gateway, voice, "CreateMultiparty"),
        What::Tones { gateway, tones, .. } => {
            let tones = tones.replace(',', "");
            program.at(gateway, voice).call("SendTones", &(tones,)).await?;
            return Ok(None);
        }
        // They clean up by themselves.
        What::Forget { .. } => return Ok(None),
        What::Dial { .. } | What::Part { .. } => {
            return Err(zbus::Error::Failure("this telephone cannot do this".to_owned()));
        }
    };
    program.at(path, interface).call(method, &()).await.map(|_| None)
}

fn can_call(interfaces: &[String]) -> bool {
    interfaces.iter().any(|one| one == VOICE)
}

/// A modem, and its calls.
async fn modem(program: &Program, path: &str, interfaces: &[String]) -> Vec<Event> {
    if !can_call(interfaces) {
        return vec![Event::GatewayGone(path.to_owned())];
    }
    let mut name = String::new();
    if interfaces.iter().any(|one| one == NETWORK) {
        let network: Option<Properties> =
            value::ask(program.at(path, NETWORK), "GetProperties", &()).await;
        name = network.and_then(|of| value::text(&of, "Name")).unwrap_or_default();
    }
    let mut all = vec![Event::Gateway(path.to_owned(), name)];
    let calls = value::ask(program.at(path, VOICE), "GetCalls", &()).await;
    for (call, of) in calls.into_iter().flat_map(|calls: Listed| calls) {
        all.extend(seen(call.as_str(), path, &of, true));
    }
    all
}

impl Dialect for Ofono {
    const KIND: &'static Kind = &Kind {
        can: &[Capability::Hold, Capability::Dtmf, Capability::Merge],
        ..super::modem::KIND
    };

    async fn look(&self, program: &Program) -> Vec<Event> {
        let modems = value::ask(program.at("/", MANAGER), "GetModems", &()).await;
        let mut all = Vec::new();
        for (path, of) in modems.into_iter().flat_map(|modems: Listed| modems) {
            let interfaces = of.get("Interfaces").map(|list| value::texts(list));
            all.extend(modem(program, path.as_str(), &interfaces.unwrap_or_default()).await);
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
        let changed = || value::body::<(String, OwnedVariant)>(signal);
        match (interface.as_str(), member.as_str()) {
            (MANAGER, "ModemAdded") => {
                let Some((path, of)) = value::body::<(OwnedObjectPath, Properties)>(signal) else {
                    return Vec::new();
                };
                let interfaces = of.get("Interfaces").map(|list| value::texts(list));
                modem(program, path.as_str(), &interfaces.unwrap_or_default()).await
            }
            (MODEM, "PropertyChanged") => match changed() {
                Some((key, list)) if key == "Interfaces" => {
                    modem(program, path.as_str(), &value::texts(&list)).await
                }
                _ => Vec::new(),
            },
            (interface, member) => {
                heard(path.as_str(), interface, member, signal).into_iter().collect()
            }
        }
    }

    async fn carry_out(&self, program: &Program, what: What) -> zbus::Result<Option<Path>> {
        match what {
            What::Dial { gateway, number } => {
                // "default": whether our number is shown is as the subscription says.
                let dialled =
                    program.at(&gateway, VOICE).call("Dial", &(number, "default")).await?;
                Ok(value::path(&dialled))
            }
            What::Part { gateway, line } => {
                let line = zbus::ObjectPath::try_from(line)?;
                program.at(&gateway, VOICE).call("PrivateChat", &(line,)).await.map(|_| None)
            }
            What::Answer { .. }
            | What::HoldAndAnswer { .. }
            | What::Swap { .. }
            | What::HangUp { .. }
            | What::Tones { .. }
            | What::Join { .. }
            | What::Forget { .. } => carry_out(program, (VOICE, CALL), what).await,
        }
    }
}

/// Signals that need no question.
fn heard(path: &str, interface: &str, member: &str, signal: &Message) -> Option<Event> {
    let own = || path.to_owned();
    match (interface, member) {
        (MANAGER, "ModemRemoved") => {
            let gone: OwnedObjectPath = value::body(signal)?;
            Some(Event::GatewayGone(gone.to_string()))
        }
        (NETWORK, "PropertyChanged") => {
            let (key, name): (String, OwnedVariant) = value::body(signal)?;
            let name = value::as_text(&name).filter(|_| key == "Name")?;
            Some(Event::Renamed(own(), name))
        }
        (VOICE, "CallAdded") => {
            let (call, of): (OwnedObjectPath, Properties) = value::body(signal)?;
            seen(call.as_str(), path, &of, false)
        }
        (VOICE, "CallRemoved") => {
            let call: OwnedObjectPath = value::body(signal)?;
            Some(Event::Ended(call.to_string(), Why::Unknown))
        }
        (CALL, "DisconnectReason") => {
            let why = match value::body::<String>(signal)?.as_str() {
                "local" => Why::Local,
                "remote" => Why::Remote,
                "network" => Why::Failed("the network ended the call".into()),
                _ => Why::Unknown,
            };
            Some(Event::Ended(own(), why))
        }
        (CALL, "PropertyChanged") => {
            let (key, now): (String, OwnedVariant) = value::body(signal)?;
            match key.as_str() {
                "State" => state(&value::as_text(&now)?).map(|state| Event::State(own(), state)),
                "RemoteHeld" => Some(Event::RemoteHeld(own(), value::flag(&now)?)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use zbus::Variant;

    use super::*;

    fn hears<B>(interface: &str, member: &str, body: &B) -> Option<Event>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let message = Message::signal("/m/c", interface, member).build(body).unwrap();
        heard("/m/c", interface, member, &message)
    }

    #[test]
    fn every_word_of_ofono_has_its_own_here() {
        let path = || "/m/c".to_owned();
        for (text, wanted) in [
            ("dialing", Some(State::Dialing)),
            ("alerting", Some(State::Alerting)),
            ("incoming", Some(State::Incoming)),
            ("waiting", Some(State::Waiting)),
            ("active", Some(State::Active)),
            ("held", Some(State::Held)),
            // The reason comes with another signal.
            ("disconnected", None),
            ("asleep", None),
        ] {
            let event = hears(CALL, "PropertyChanged", &("State", Variant::from(text)));
            assert_eq!(event, wanted.map(|state| Event::State(path(), state)), "{text}");
        }
        for (text, wanted) in
            [("local", Why::Local), ("remote", Why::Remote), ("else", Why::Unknown)]
        {
            let event = hears(CALL, "DisconnectReason", &(text,));
            assert_eq!(event, Some(Event::Ended(path(), wanted)));
        }
        let held = hears(CALL, "PropertyChanged", &("RemoteHeld", Variant::from(true)));
        assert_eq!(held, Some(Event::RemoteHeld(path(), true)));
        assert_eq!(hears(CALL, "PropertyChanged", &("State", Variant::from(1u32))), None);
        assert_eq!(hears(CALL, "PropertyChanged", &(1u32,)), None);
    }
}
