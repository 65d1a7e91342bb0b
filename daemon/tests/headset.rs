//! A headset's buttons, from its descriptor to the call and back to its lamps. The headset is a terminal:
//! what the test writes to its one end, the daemon reads from the other.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod common;

use std::{os::fd::OwnedFd, path::Path, time::Duration};

use common::{
    Bus, Daemon, QUIET, bus,
    caller::{Calling, uuid},
    calls::{Options, ROOT, property, proxy, until},
    connect,
};
use futures_util::StreamExt as _;
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr},
};
use tokio::time::timeout;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Variant};

const LIMIT: Duration = Duration::from_secs(20);
/// Report 2: hook switch (stays), mute (pulses); report 3: lamps for hook, mute, ring.
const HEADSET: &[u8] = &[
    0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, 0x85, 0x02, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01,
    0x09, 0x20, 0x81, 0x22, 0x09, 0x2f, 0x81, 0x06, 0x95, 0x06, 0x81, 0x01, 0x85, 0x03, 0x05, 0x08,
    0x09, 0x17, 0x09, 0x09, 0x09, 0x18, 0x95, 0x03, 0x91, 0x22, 0x95, 0x05, 0x91, 0x01, 0xc0,
];

/// Ends a report on its way through a terminal, and is in none.
const END: u8 = 0xff;

/// The test's end of a headset.
struct Headset(OwnedFd);

impl Headset {
    /// Plugs one in under the directory of devices.
    fn plug(home: &Path, name: &str) -> Self {
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&near).unwrap();
        unlockpt(&near).unwrap();
        let mut modes = tcgetattr(&near).unwrap();
        modes.make_raw();
        // By lines, as a device gives one report to a read however many wait. No other byte means anything.
        modes.local_modes |= LocalModes::ICANON;
        let special = [
            SpecialCodeIndex::VERASE,
            SpecialCodeIndex::VKILL,
            SpecialCodeIndex::VEOL,
            SpecialCodeIndex::VEOL2,
        ];
        special.into_iter().for_each(|code| modes.special_codes[code] = 0);
        modes.special_codes[SpecialCodeIndex::VEOF] = END;
        tcsetattr(&near, OptionalActions::Now, &modes).unwrap();
        let class = home.join("hid/class").join(name).join("device");
        std::fs::create_dir_all(&class).unwrap();
        std::fs::write(class.join("report_descriptor"), HEADSET).unwrap();
        let far = ptsname(&near, Vec::new()).unwrap();
        std::os::unix::fs::symlink(far.to_str().unwrap(), home.join("hid/dev").join(name)).unwrap();
        Self(near)
    }

    fn press(&self, report: &[u8]) {
        rustix::io::write(&self.0, &[report, &[END]].concat()).unwrap();
    }

    /// Waits until its lamps are told this.
    async fn lamps(&self, wanted: u8) {
        let near = self.0.try_clone().unwrap();
        let told = tokio::task::spawn_blocking(move || {
            let mut report = [0; 2];
            loop {
                let length = rustix::io::read(&near, &mut report).unwrap();
                assert_eq!((length, report[0]), (2, 3), "a report of its lamps");
                if report[1] == wanted {
                    return;
                }
            }
        });
        timeout(LIMIT, told).await.unwrap_or_else(|_| panic!("lamps {wanted:03b}")).unwrap();
    }
}

/// A daemon whose devices are under a directory of the test's own.
fn daemon(bus: Bus) -> Daemon {
    for directory in ["hid/class", "hid/dev"] {
        std::fs::create_dir_all(bus.home.path().join(directory)).unwrap();
    }
    let hid = bus.home.path().join("hid");
    Daemon::with(bus, |command| {
        command.env("AHOY_HIDRAW", hid);
    })
}

async fn rings(app: &Calling) -> OwnedObjectPath {
    let options = Options::from([
        ("remote", Variant::from(("tel", "+49305678"))),
        ("capabilities", vec!["hold", "mute"].into()),
    ]);
    let provider = proxy(&app.connection, app.provider.as_str(), "Provider").await;
    let (call, how): (OwnedObjectPath, String) =
        provider.call("ReportIncoming", &(uuid(), options)).await.unwrap();
    assert_eq!(how, "ring");
    call
}

/// What doctor says of headsets: whether it is fine, and what it found.
async fn doctor(controller: &Connection) -> (bool, String) {
    let manager = proxy(controller, ROOT, "Manager").await;
    let rows: Vec<std::collections::HashMap<String, OwnedVariant>> =
        manager.call("Doctor", &()).await.unwrap();
    let text = |value: &OwnedVariant| <&str>::try_from(&**value).unwrap().to_owned();
    let row = rows.iter().find(|row| text(&row["name"]) == "headset buttons").unwrap();
    (bool::try_from(&*row["ok"]).unwrap(), text(&row["detail"]))
}

async fn until_doctor(controller: &Connection, wanted: (bool, &str)) {
    let said = timeout(LIMIT, async {
        while doctor(controller).await != (wanted.0, wanted.1.to_owned()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(said.await.is_ok(), "{wanted:?}, not {:?}", doctor(controller).await);
}

#[tokio::test]
async fn the_hook_answers_mute_mutes_and_the_hook_hangs_up() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = daemon(bus);
    let controller = connect(&daemon).await;
    // Plugged in while the daemon runs.
    let headset = Headset::plug(daemon.bus.home.path(), "hidraw0");
    until_doctor(&controller, (true, "read, of 1")).await;
    let app = Calling::register(&daemon).await;
    let call = rings(&app).await;
    headset.lamps(0b100).await;
    headset.press(&[2, 0b01]);
    until(&controller, call.as_str(), "State", "active").await;
    headset.lamps(0b001).await;
    headset.press(&[2, 0b11]);
    until(&controller, call.as_str(), "Muted", "true").await;
    headset.lamps(0b011).await;
    headset.press(&[2, 0b01]);
    // Muted and opened elsewhere, the lamp follows.
    let object = proxy(&controller, call.as_str(), "Call").await;
    object.call::<_, _, ()>("SetMuted", &(false,)).await.unwrap();
    headset.lamps(0b001).await;
    // What falls back at once was pressed, not hung up; pressed again once the call has been on for a
    // moment, it hangs up.
    let ended = timeout(LIMIT, async {
        while property(&controller, call.as_str(), "State").await.as_deref() == Some("active") {
            headset.press(&[2, 0b00]);
            doctor(&controller).await;
            headset.press(&[2, 0b01]);
            doctor(&controller).await;
        }
    });
    ended.await.unwrap();
    until(&controller, call.as_str(), "State", "ended").await;
    headset.lamps(0b000).await;
}

#[tokio::test]
async fn without_a_call_it_asks_for_the_assistant_unless_that_is_not_wanted() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = daemon(bus);
    let headset = Headset::plug(daemon.bus.home.path(), "hidraw3");
    let controller = connect(&daemon).await;
    until_doctor(&controller, (true, "read, of 1")).await;
    let voice = proxy(&controller, ROOT, "Voice").await;
    let mut said = voice.receive_signal("Prompt").await.unwrap();
    headset.press(&[2, 0b01]);
    // There is no PipeWire here: it is said, as to any controller.
    let signal = timeout(LIMIT, said.next()).await.unwrap().unwrap();
    let (text, _): (String, Vec<String>) = signal.body().deserialize().unwrap();
    assert!(text.contains("PipeWire"), "{text}");
    headset.press(&[2, 0b00]);
    let settings = proxy(&controller, ROOT, "Settings").await;
    let set = async |word: &str| {
        let body = ("headset.button", Variant::from(word));
        settings.call::<_, _, ()>("Set", &body).await.unwrap();
    };
    set("calls").await;
    headset.press(&[2, 0b01]);
    headset.press(&[2, 0b00]);
    let app = Calling::register(&daemon).await;
    let call = rings(&app).await;
    headset.lamps(0b100).await;
    headset.press(&[2, 0b01]);
    until(&controller, call.as_str(), "State", "active").await;
    set("off").await;
    headset.lamps(0b000).await;
    until_doctor(&controller, (true, "off (headset.button)")).await;
    assert!(timeout(Duration::ZERO, said.next()).await.is_err(), "it asked once");
}

#[tokio::test]
async fn a_headset_that_may_not_be_opened_is_one_warning_and_a_line_of_doctor() {
    let Some(bus) = bus() else { return };
    bus.configure(QUIET);
    let daemon = daemon(bus);
    let headset = Headset::plug(daemon.bus.home.path(), "hidraw0");
    std::fs::remove_file(daemon.bus.home.path().join("hid/dev/hidraw0")).unwrap();
    // A node of a name and no device: for whoever runs the test as root, nothing else is closed.
    std::os::unix::fs::symlink("/nonexistent", daemon.bus.home.path().join("hid/dev/hidraw0"))
        .unwrap();
    drop(headset);
    let controller = connect(&daemon).await;
    until_doctor(&controller, (false, "1 with buttons may not be opened")).await;
    // Calls come in all the same.
    let app = Calling::register(&daemon).await;
    let call = rings(&app).await;
    until(&controller, call.as_str(), "State", "ringing").await;
    let log = daemon.until_said("the buttons of a headset may not be read");
    assert!(log.contains("ahoyctl doctor"), "{log}");
}
