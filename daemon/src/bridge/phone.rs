//! The words of PipeWire's telephony (session bus): a phone that is paired over Bluetooth.
//!
//! Owns: from its objects to a telephone's words and back (README-Telephony.md of its bluez5 plugin).
//! Does not own: rules (`cell`); the words that it shares with oFono (`ofono`). The name was
//! `org.freedesktop.PipeWire.Telephony` before it became `org.pipewire.Telephony`, and paths and
//! interfaces begin with it.

use ahoy_core::provider::Capability;
use zbus::{Message, OwnedObjectPath};

use super::{
    cell::{Event, Kind, Path, What, Why},
    ofono,
    service::{Dialect, Program},
    value::{self, Interfaces, OBJECTS, Objects, PROPERTIES, Properties},
};

/// Both spellings.
pub(super) const NAMES: [&str; 2] =
    ["org.pipewire.Telephony", "org.freedesktop.PipeWire.Telephony"];

/// PipeWire under one of them.
pub(super) struct Phone {
    root: String,
    gateway: String,
    call: String,
}

impl Phone {
    /// As the name spells it.
    pub(super) fn new(name: &str) -> Self {
        Self {
            root: format!("/{}", name.replace('.', "/")),
            gateway: format!("{name}.AudioGateway1"),
            call: format!("{name}.Call1"),
        }
    }

    /// What was added: a phone, with its calls, or a call.
    async fn added(
        &self,
        program: &Program,
        path: &str,
        of: &Interfaces,
        is_old: bool,
    ) -> Vec<Event> {
        if of.contains_key(&self.gateway) {
            let mut all = vec![Event::Gateway(path.to_owned(), String::new())];
            let calls = value::ask(program.at(path, OBJECTS), "GetManagedObjects", &()).await;
            for (call, of) in calls.into_iter().flat_map(|calls: Objects| calls) {
                all.extend(self.call(call.as_str(), &of, true));
            }
            return all;
        }
        self.call(path, of, is_old).into_iter().collect()
    }

    /// Calls lie under their phone.
    fn call(&self, path: &str, of: &Interfaces, is_old: bool) -> Option<Event> {
        let (gateway, _) = path.rsplit_once('/')?;
        ofono::seen(path, gateway, of.get(&self.call)?, is_old)
    }

    /// Signals that need no question.
    fn heard(&self, path: &str, member: &str, signal: &Message) -> Option<Event> {
        match member {
            "InterfacesRemoved" => {
                let (path, gone): (OwnedObjectPath, Vec<String>) = value::body(signal)?;
                let path = path.to_string();
                if gone.contains(&self.gateway) {
                    return Some(Event::GatewayGone(path));
                }
                gone.contains(&self.call).then_some(Event::Ended(path, Why::Unknown))
            }
            "PropertiesChanged" => {
                let (of, changed, _): (String, Properties, Vec<String>) = value::body(signal)?;
                let now = value::text(&changed, "State").filter(|_| of == self.call)?;
                if now == "disconnected" {
                    return Some(Event::Ended(path.to_owned(), Why::Unknown));
                }
                ofono::state(&now).map(|state| Event::State(path.to_owned(), state))
            }
            _ => None,
        }
    }
}

impl Dialect for Phone {
    const KIND: &'static Kind = &Kind {
        id: "phone",
        name: "Phone",
        icon: "phone-bluetooth",
        can: &[Capability::Hold, Capability::Dtmf, Capability::Merge],
    };

    async fn look(&self, program: &Program) -> Vec<Event> {
        let root = program.at(&self.root, OBJECTS);
        let objects = value::ask(root, "GetManagedObjects", &()).await;
        let mut all = Vec::new();
        for (path, of) in objects.into_iter().flat_map(|objects: Objects| objects) {
            all.extend(self.added(program, path.as_str(), &of, true).await);
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
        match (interface.as_str(), member.as_str()) {
            (OBJECTS, "InterfacesAdded") => {
                let Some((path, of)) = value::body::<(OwnedObjectPath, Interfaces)>(signal) else {
                    return Vec::new();
                };
                self.added(program, path.as_str(), &of, false).await
            }
            (OBJECTS | PROPERTIES, member) => {
                self.heard(path.as_str(), member, signal).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    async fn carry_out(&self, program: &Program, what: What) -> zbus::Result<Option<Path>> {
        if let What::Dial { gateway, number } = what {
            let dialled = program.at(&gateway, &self.gateway).call("Dial", &(number,)).await?;
            return Ok(value::path(&dialled));
        }
        // `Part` is refused there: the hands-free profile has no command for it.
        ofono::carry_out(program, (&self.gateway, &self.call), what).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use zbus::Variant;

    use super::{super::cell::State, *};

    #[test]
    fn both_spellings_say_the_same() {
        for name in NAMES {
            let phone = Phone::new(name);
            assert_eq!(phone.root, format!("/{}", name.replace('.', "/")));
            let changed = HashMap::from([("State", Variant::from("held"))]);
            let none: [&str; 0] = [];
            let path = format!("{}/ag0/call1", phone.root);
            let signal = Message::signal(path.as_str(), PROPERTIES, "PropertiesChanged");
            let body = (format!("{name}.Call1"), changed, none.as_slice());
            let signal = signal.build(&body).unwrap();
            let heard = phone.heard(&path, "PropertiesChanged", &signal);
            assert_eq!(heard, Some(Event::State(path.clone(), State::Held)));
            // What is not a call's is nothing.
            let other = Phone::new("org.example.Other");
            assert_eq!(other.heard(&path, "PropertiesChanged", &signal), None);
        }
    }
}
