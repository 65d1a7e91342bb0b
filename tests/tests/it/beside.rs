//! Encrypted calls beside those of other programs.
//!
//! Owns: that an encrypted call and one of a paired phone share one ringer and one log and hold each
//! other. Does not own: bridges by themselves (the daemon's own tests). Invariant: the phone is a
//! python-dbusmock that answers and swaps as PipeWire's telephony does.

use std::path::Path;

use ahoy_trial::{
    Person, Setup,
    bus::{Dict, Options, word},
    need::{Need, met},
    process::Running,
    until,
};
use zbus::{ObjectPath, Variant};

use crate::scene::{Two, on_silent_stage};

const NAME: &str = "org.pipewire.Telephony";
const ROOT: &str = "/org/pipewire/Telephony";
const PHONE: &str = "/org/pipewire/Telephony/ag0";
const LINE: &str = "/org/pipewire/Telephony/ag0/call0";
const MOCK: &str = "org.freedesktop.DBus.Mock";
const GATEWAY: &str = "org.pipewire.Telephony.AudioGateway1";
const CALL: &str = "org.pipewire.Telephony.Call1";
/// What the network does to the one call: Python, run by the mock.
const SWAP: &str = "line = objects['/org/pipewire/Telephony/ag0/call0']
now = line.Get('org.pipewire.Telephony.Call1', 'State')
then = 'held' if now == 'active' else 'active'
line.UpdateProperties('org.pipewire.Telephony.Call1', {'State': then})";

fn becomes(state: &str) -> String {
    format!("self.UpdateProperties('{CALL}', {{'State': '{state}'}})")
}

/// A phone that is paired with somebody's computer.
struct Phone<'a> {
    whose: &'a Person<'a>,
    _mock: Running,
}

impl<'a> Phone<'a> {
    fn of(whose: &'a Person<'a>) -> Self {
        // Where Debian's modules are.
        let python = Path::new("/usr/bin/python3");
        let mut command = whose.command(python);
        command.args(["-m", "dbusmock", "--session", "--is-object-manager", NAME, ROOT, NAME]);
        let mock = Running::start("python3", &mut command).expect("a mock");
        let phone = Self { whose, _mock: mock };
        until("the mock", || {
            let ping = "org.freedesktop.DBus.Peer";
            whose.bus.ask::<_, ()>((NAME, ROOT, ping), "Ping", &()).ok()
        })
        .expect("it is there");
        phone.add(PHONE, GATEWAY, &Options::new(), &[("SwapCalls", "", "", SWAP)]);
        phone
    }

    fn ask<B>(&self, method: &str, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        self.whose.bus.ask::<_, ()>((NAME, ROOT, MOCK), method, body).expect(method);
    }

    /// Puts an object there, and tells.
    fn add(
        &self,
        path: &str,
        interface: &str,
        of: &Options<'_>,
        methods: &[(&str, &str, &str, &str)],
    ) {
        self.ask("AddObject", &(path, interface, of, methods));
        let objects = "org.freedesktop.DBus.ObjectManager";
        let told: Vec<Variant<'_>> = vec![
            ObjectPath::try_from(path).expect("a path").into(),
            std::collections::HashMap::from([(interface, of.clone())]).into(),
        ];
        self.ask("EmitSignal", &(objects, "InterfacesAdded", "oa{sa{sv}}", told));
    }

    fn rings(&self, number: &str) {
        let of = Options::from([
            ("State", Variant::from("incoming")),
            ("LineIdentification", number.into()),
        ]);
        let (answer, hang_up) = (becomes("active"), becomes("disconnected"));
        let methods = [("Answer", "", "", answer.as_str()), ("Hangup", "", "", hang_up.as_str())];
        self.add(LINE, CALL, &of, &methods);
    }
}

/// Whether our side holds a call.
fn is_held(person: &Person<'_>, call: &str) -> bool {
    person.bus.property(call, "Call", "Held").is_ok_and(|held| bool::try_from(held) == Ok(true))
}

fn set_held(person: &Person<'_>, call: &str, held: bool) {
    person.bus.on_call(call, "SetHeld", &(held,)).expect("held or resumed");
}

#[test]
fn an_encrypted_call_and_a_phone_s_call_hold_each_other_and_stand_in_one_log() {
    if !met(&[Need::Mock]) {
        return;
    }
    on_silent_stage(|stage| {
        let two = Two::meet(stage, Setup::BARE);
        let phone = Phone::of(&two.alice);
        let (outgoing, encrypted) = two.talk(false);
        phone.rings("+49301234");
        let cell = two.alice.rings().expect("the phone rings, too");
        let waits = two.alice.bus.property(&cell, "Call", "Waiting").expect("a property");
        assert_eq!(bool::try_from(waits), Ok(true), "one ringer");
        two.alice.answer(&cell, false).expect("answered");
        two.alice.until_state(&cell, "active").expect("active");
        assert!(is_held(&two.alice, &encrypted) && !is_held(&two.alice, &cell));
        until("Bob sees that he is held", || {
            let held = two.bob.bus.property(&outgoing, "Call", "RemoteHeld").ok()?;
            (bool::try_from(held) == Ok(true)).then_some(())
        })
        .expect("he does");
        // And the other way round.
        set_held(&two.alice, &encrypted, false);
        until("the phone is held", || is_held(&two.alice, &cell).then_some(())).expect("it is");
        assert!(!is_held(&two.alice, &encrypted));
        two.alice.hang_up(&encrypted).expect("hung up");
        two.alice.hang_up(&cell).expect("hung up");
        let rows = until("two closed rows", || {
            let rows: Vec<Dict> = two.alice.recents().ok()?;
            rows.iter().all(|row| word(row, "outcome") == "answered").then_some(rows)
        });
        let providers: Vec<String> =
            rows.expect("one log").iter().map(|row| word(row, "provider")).collect();
        assert_eq!(providers, ["phone", "ahoy"]);
    });
}
