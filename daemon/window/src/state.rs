//! What the call service says, as the windows need it.
//!
//! Owns: the calls as they are told, and which of them a window shows. Does not own: the bus, or any
//! widget. Invariant: whatever the service tells becomes a state; what is not understood is empty.

use std::collections::{BTreeMap, BTreeSet};

use ahoy_client::value::{self, Dict};

use crate::{
    quality::Quality,
    talk::{Captions, Written},
};

/// All that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// By object path.
    pub(crate) calls: BTreeMap<String, Call>,
    /// The session is locked: no lists, no new calls.
    pub(crate) locked: bool,
    /// Missed calls that nobody has looked at.
    pub(crate) unseen: u32,
    /// The service is on the bus.
    pub(crate) there: bool,
    /// How often the address book and the log have changed.
    pub(crate) people: u64,
    pub(crate) log: u64,
    /// How often settings have changed.
    pub(crate) settings: u64,
    /// Where calls can be heard.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) voice: Voice,
}

/// How far a talk with the assistant is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Voice {
    /// The microphone is open for commands.
    pub(crate) listening: bool,
    /// What was understood.
    pub(crate) heard: String,
    /// What is asked or said, and the answers to it.
    pub(crate) prompt: String,
    pub(crate) choices: Vec<String>,
}

/// A place where calls are heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) name: String,
    /// It is plugged in.
    pub(crate) is_there: bool,
}

/// Where a call is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It rings here, or is about to.
    Ringing,
    /// It was answered here, and is being connected.
    Answering,
    /// It is on its way to the other side.
    Calling,
    /// It rings there.
    RingingThere,
    /// It is talked in.
    Active,
    /// It is over; also what no version of ours knows.
    #[default]
    Ended,
}

impl Phase {
    fn read(state: &str) -> Self {
        match state {
            "reported" | "ringing" => Self::Ringing,
            "answering" => Self::Answering,
            "requested" | "dialing" | "connecting" => Self::Calling,
            "remote-ringing" => Self::RingingThere,
            "active" => Self::Active,
            _ => Self::Ended,
        }
    }
}

/// How far a call is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Not, or not known.
    #[default]
    None,
    /// To a server in between.
    Transport,
    /// From end to end.
    EndToEnd,
    /// The same, and the safety number was compared.
    Verified,
}

/// A call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) phase: Phase,
    /// It is a call of Ahoy's own, not of another app.
    pub(crate) ours: bool,
    /// The best name known, else the address; empty where it may not be shown.
    pub(crate) name: String,
    /// That is a name and no address.
    pub(crate) named: bool,
    pub(crate) picture: String,
    pub(crate) camera: bool,
    pub(crate) remote_video: bool,
    pub(crate) muted: bool,
    pub(crate) held: bool,
    pub(crate) held_there: bool,
    pub(crate) waiting: bool,
    pub(crate) reconnecting: bool,
    /// An action is being carried out.
    pub(crate) busy: bool,
    pub(crate) encryption: Encryption,
    /// What it can do: "hold", "dtmf", "video" and so on.
    pub(crate) can: BTreeSet<String>,
    /// PipeWire nodes; empty: none.
    pub(crate) remote_node: String,
    pub(crate) self_node: String,
    /// When it became active, µs since the epoch; 0: never.
    pub(crate) since: u64,
    /// Why it ended, as the contract spells it.
    pub(crate) end: (String, String),
    /// Where it is heard.
    pub(crate) endpoint: String,
    pub(crate) quality: Quality,
    /// Sixty digits to compare; empty: there is no such number.
    pub(crate) safety_number: String,
    /// It can be written in; what the other side wrote.
    pub(crate) text: Option<Written>,
    /// It can be read along; what the other side says.
    pub(crate) captions: Option<Captions>,
}

impl Call {
    /// What of it may be seen above a lock screen: no address, as the service gives out no name there without leave.
    pub(crate) fn on_lock(&self) -> Self {
        let name = if self.named { self.name.clone() } else { String::new() };
        Self { name, ..self.clone() }
    }

    /// Reads all properties, or takes over those that changed.
    pub(crate) fn read(&mut self, told: &Dict) {
        let has = |key: &str| told.contains_key(key);
        let flag = |key: &str, now: &mut bool| {
            if has(key) {
                *now = value::flag(told, key);
            }
        };
        flag("HasVideo", &mut self.camera);
        flag("RemoteVideo", &mut self.remote_video);
        flag("Muted", &mut self.muted);
        flag("Held", &mut self.held);
        flag("RemoteHeld", &mut self.held_there);
        flag("Waiting", &mut self.waiting);
        flag("Reconnecting", &mut self.reconnecting);
        let text = |key: &str, now: &mut String| {
            if has(key) {
                value::text(told, key).clone_into(now);
            }
        };
        text("AvatarPath", &mut self.picture);
        text("RemoteVideoNode", &mut self.remote_node);
        text("SelfViewNode", &mut self.self_node);
        text("DisplayName", &mut self.name);
        if has("DisplayName") {
            self.named = !self.name.is_empty();
            if !self.named {
                self.name = value::pair(told, "Remote").1;
            }
        }
        if has("Remote") {
            self.ours = value::pair(told, "Remote").0 == "ahoy";
        }
        if has("State") {
            self.phase = Phase::read(value::text(told, "State"));
        }
        if has("PendingAction") {
            self.busy = !value::text(told, "PendingAction").is_empty();
        }
        if has("Encryption") {
            self.encryption = match value::text(told, "Encryption") {
                "transport" => Encryption::Transport,
                "e2e" => Encryption::EndToEnd,
                "e2e-verified" => Encryption::Verified,
                _ => Encryption::None,
            };
        }
        if has("Capabilities") {
            self.can = value::list(told, "Capabilities").into_iter().collect();
        }
        if has("ConnectedAt") {
            self.since = value::number(told, "ConnectedAt");
        }
        if has("Endpoint") {
            value::text(told, "Endpoint").clone_into(&mut self.endpoint);
        }
        if has("Quality") {
            self.quality = Quality::read(&value::dict(told, "Quality"));
        }
        if has("EndReason") {
            self.end = value::pair(told, "EndReason");
        }
    }

    /// Reads what an interface beside that of all calls tells; whether it has one is known by this.
    pub(crate) fn read_beside(&mut self, interface: &str, told: &Dict) {
        match interface {
            ahoy_client::CALL => self.read(told),
            ahoy_client::TEXT => drop(self.text.get_or_insert_default()),
            ahoy_client::CAPTIONS => drop(self.captions.get_or_insert_default()),
            ahoy_client::VERIFICATION => {
                value::text(told, "SafetyNumber").clone_into(&mut self.safety_number);
            }
            _ => {}
        }
    }

    /// An interface of it has gone.
    pub(crate) fn lose(&mut self, interface: &str) {
        match interface {
            ahoy_client::TEXT => self.text = None,
            ahoy_client::CAPTIONS => self.captions = None,
            ahoy_client::VERIFICATION => self.safety_number.clear(),
            _ => {}
        }
    }

    /// Whether it can do that.
    pub(crate) fn can(&self, what: &str) -> bool {
        self.can.contains(what)
    }
}

impl State {
    /// Reads the properties of the object of audio, or takes over those that changed.
    pub(crate) fn read_audio(&mut self, told: &Dict) {
        if told.contains_key("Endpoints") {
            let all = value::endpoints(told, "Endpoints").into_iter();
            let all = all.map(|(id, name, _, is_there)| Endpoint { id, name, is_there });
            self.endpoints = all.collect();
        }
    }

    /// Reads the properties of the object of voice, or takes over those that changed.
    pub(crate) fn read_voice(&mut self, told: &Dict) {
        if told.contains_key("Listening") {
            let listening = value::flag(told, "Listening");
            // What was said before belongs to another talk.
            self.voice = Voice { listening, ..Voice::default() };
        }
    }

    /// The call that rings and is to be asked about.
    pub(crate) fn ringing(&self) -> Option<(&str, &Call)> {
        let mut ringing = self.in_phase(&[Phase::Ringing]);
        // One that came while another was there has the beep only, and its turn after that one.
        ringing.clone().find(|(_, call)| !call.waiting).or_else(|| ringing.next())
    }

    /// The call that its window shows: what is talked in, else what is being set up, else what is held.
    pub(crate) fn shown(&self) -> Option<(&str, &Call)> {
        let mut active = self.in_phase(&[Phase::Active]);
        let mut begun = self.in_phase(&[Phase::Answering, Phase::Calling, Phase::RingingThere]);
        active
            .clone()
            .find(|(_, call)| !call.held)
            .or_else(|| begun.next())
            .or_else(|| active.next())
    }

    fn in_phase<'s>(
        &'s self,
        phases: &'static [Phase],
    ) -> impl Iterator<Item = (&'s str, &'s Call)> + Clone {
        let calls = self.calls.iter().map(|(path, call)| (path.as_str(), call));
        calls.filter(|(_, call)| phases.contains(&call.phase))
    }
}

/// How long a call has been on, as people read it: "4:09", "1:02:03".
pub(crate) fn duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use zbus::OwnedVariant;

    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Dict {
        let value = |text: &&str| {
            OwnedVariant::try_from(zbus::Variant::from((*text).to_owned())).expect("text")
        };
        pairs.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect()
    }

    fn state(calls: &[(&str, Phase, bool)]) -> State {
        let call = |(path, phase, aside): &(&str, Phase, bool)| {
            let call = Call { phase: *phase, held: *aside, waiting: *aside, ..Call::default() };
            ((*path).to_owned(), call)
        };
        State { calls: calls.iter().map(call).collect(), ..State::default() }
    }

    #[test]
    fn what_changed_is_taken_over_and_nothing_else() {
        let mut call = Call::default();
        call.read(&told(&[("State", "active"), ("DisplayName", "Alice"), ("Encryption", "e2e")]));
        call.read(&told(&[("PendingAction", "set-held")]));
        assert_eq!((call.phase, call.name.as_str(), call.busy), (Phase::Active, "Alice", true));
        assert_eq!(call.encryption, Encryption::EndToEnd);
        call.read(&told(&[("State", "a state of tomorrow")]));
        assert_eq!(call.phase, Phase::Ended);
    }

    #[test]
    fn what_a_call_has_beside_its_voice_comes_and_goes() {
        let mut call = Call::default();
        let number = told(&[("SafetyNumber", "12345 67890")]);
        for interface in [ahoy_client::TEXT, ahoy_client::CAPTIONS, ahoy_client::VERIFICATION] {
            call.read_beside(interface, &number);
        }
        assert_eq!(call.safety_number, "12345 67890");
        call.text.as_mut().expect("it can be written in").hear("hello", true);
        // Told again: what was written stays.
        call.read_beside(ahoy_client::TEXT, &Dict::new());
        assert_eq!(call.text.as_ref().map(Written::count), Some(1));
        for interface in [ahoy_client::TEXT, ahoy_client::CAPTIONS, ahoy_client::VERIFICATION] {
            call.lose(interface);
        }
        assert_eq!((call.text, call.captions, call.safety_number.as_str()), (None, None, ""));
    }

    #[test]
    fn what_rings_first_is_asked_about_first() {
        let both = state(&[("a", Phase::Ringing, true), ("b", Phase::Ringing, false)]);
        assert_eq!(both.ringing().map(|(path, _)| path), Some("b"));
        let waiting = state(&[("a", Phase::Ringing, true), ("b", Phase::Active, false)]);
        assert_eq!(waiting.ringing().map(|(path, _)| path), Some("a"));
        assert_eq!(state(&[("a", Phase::Calling, false)]).ringing(), None);
    }

    #[test]
    fn the_window_shows_what_is_talked_in() {
        let path = |state: &State| state.shown().map(|(path, _)| path.to_owned());
        let held = ("a", Phase::Active, true);
        assert_eq!(path(&state(&[held, ("b", Phase::Active, false)])).as_deref(), Some("b"));
        assert_eq!(path(&state(&[held, ("b", Phase::Calling, false)])).as_deref(), Some("b"));
        assert_eq!(path(&state(&[held, ("b", Phase::Ringing, true)])).as_deref(), Some("a"));
        assert_eq!(path(&state(&[("a", Phase::Ended, false)])), None);
    }

    #[test]
    fn time_is_told_as_people_read_it() {
        let all = [0, 9, 249, 3723].map(duration);
        assert_eq!(all, ["0:00", "0:09", "4:09", "1:02:03"]);
    }
}
