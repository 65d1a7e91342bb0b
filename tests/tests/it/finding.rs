//! Finding contacts by mDNS, on the loopback interface.
//!
//! Owns: calls to addresses that were not known. Invariant: nothing is asked outside this machine.

use std::fs;

use ahoy_trial::{Person, Setup};

use crate::scene::{Two, on_silent_stage};

/// Gives up the fixed port, and looks around on the loopback interface.
fn roam(person: &mut Person<'_>) {
    let file = person.path("config/ahoy/config.toml");
    let text = fs::read_to_string(&file).expect("the config file");
    let fixed = format!("listen = \"127.0.0.1:{}\"\nmdns = false", person.port);
    assert!(text.contains(&fixed), "{text}");
    let loose = "listen = \"0\"\nmdns = true\ninterface = \"lo\"";
    person.terminate().expect("it ends");
    fs::write(&file, text.replace(&fixed, loose)).expect("the config file");
    person.restart().expect("it comes back");
}

#[test]
fn a_contact_who_came_back_on_another_port_is_found() {
    on_silent_stage(|stage| {
        let mut two = Two::meet(stage, Setup::BARE);
        roam(&mut two.alice);
        roam(&mut two.bob);
        for _ in 0..2 {
            let (outgoing, incoming) = two.talk(false);
            let seen = two.alice.bus.seen();
            two.bob.hang_up(&outgoing).expect("hung up");
            two.alice.ended(seen, &incoming, ahoy_trial::PATIENCE).expect("it ends");
            two.alice.terminate().expect("she goes");
            two.alice.restart().expect("she is back, elsewhere");
        }
    });
}
