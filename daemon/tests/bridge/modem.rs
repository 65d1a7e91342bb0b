//! A modem: through ModemManager, and through oFono.

use tokio::join;
use zbus::{Connection, ObjectPath, Variant};

use super::{
    answer, call_with,
    common::{
        Bus, Daemon, NAME, QUIET, bus,
        calls::{Options, property, until},
        connect,
    },
    dial, hang_up, log,
    mock::{Methods, Mock, options},
    on, provider,
};

const MM: &str = "org.freedesktop.ModemManager1";
const MM_ROOT: &str = "/org/freedesktop/ModemManager1";
pub(crate) const MM_MODEM: &str = "/org/freedesktop/ModemManager1/Modem/0";
const MM_VOICE: &str = "org.freedesktop.ModemManager1.Modem.Voice";
const MM_CALL: &str = "org.freedesktop.ModemManager1.Call";
const MM_DIALLED: &str = "/org/freedesktop/ModemManager1/Call/9";
const VOICE_METHODS: Methods<'_> = &[
    ("ListCalls", "", "ao", "ret = dbus.Array([], signature='o')"),
    ("CreateCall", "a{sv}", "o", "ret = dbus.ObjectPath('/org/freedesktop/ModemManager1/Call/9')"),
    ("HoldAndAccept", "", "", ""),
    ("DeleteCall", "o", "", ""),
];
const CALL_METHODS: Methods<'_> = &[
    ("Start", "", "", ""),
    ("Accept", "", "", ""),
    ("Hangup", "", "", ""),
    ("SendDtmf", "s", "", ""),
];

/// A network behind a mock of ModemManager.
pub(crate) struct Modem {
    pub(crate) mock: Mock,
    pub(crate) system: Bus,
}

impl Modem {
    pub(crate) async fn start() -> Option<Self> {
        let system = bus()?;
        let arguments = ["--system", "--is-object-manager", MM, MM_ROOT, MM];
        let mock = Mock::start(&system.address, MM, &arguments).await?;
        mock.add(MM_ROOT, (MM_MODEM, MM_VOICE), Options::new(), VOICE_METHODS).await;
        let network = format!("{MM}.Modem.Modem3gpp");
        mock.extend(MM_MODEM, &network, options([("OperatorName", "Telekom".into())])).await;
        Some(Self { mock, system })
    }

    /// A call comes in, or was made (direction 2).
    pub(crate) async fn call(
        &self,
        number: u32,
        (state, direction): (i32, i32),
        from: &str,
    ) -> String {
        let path = format!("{MM_ROOT}/Call/{number}");
        let properties = options([
            ("State", state.into()),
            ("Direction", direction.into()),
            ("Number", from.into()),
        ]);
        self.mock.add(MM_ROOT, (&path, MM_CALL), properties, CALL_METHODS).await;
        let told = vec![ObjectPath::try_from(path.clone()).unwrap().into()];
        self.mock.emit(MM_MODEM, (MM_VOICE, "CallAdded"), "o", told).await;
        path
    }

    /// The network says what a call is now.
    pub(crate) async fn says(&self, path: &str, now: i32, reason: u32) {
        let told = vec![0i32.into(), now.into(), reason.into()];
        self.mock.emit(path, (MM_CALL, "StateChanged"), "iiu", told).await;
    }
}

async fn scene(modem: &Modem) -> Option<(Daemon, Connection)> {
    let session = bus()?;
    session.configure(QUIET);
    let daemon = Daemon::with_system(session, &modem.system.address);
    let controller = connect(&daemon).await;
    provider(&controller, "modem", true).await;
    Some((daemon, controller))
}

#[tokio::test]
async fn calls_of_a_modem_ring_wait_are_swapped_and_stand_in_the_log() {
    let Some(modem) = Modem::start().await else { return };
    let Some((_daemon, controller)) = scene(&modem).await else { return };
    let first = modem.call(1, (3, 1), "+49 30 1").await;
    let ann = call_with(&controller, "+49301").await;
    until(&controller, &ann, "State", "ringing").await;
    join!(answer(&controller, &ann), async {
        modem.mock.was_asked(&first, "Accept", 1).await;
        modem.says(&first, 4, 3).await;
    });
    on(&controller, &ann, "SendDtmf", &("1#",)).await.unwrap();
    assert_eq!(modem.mock.was_asked(&first, "SendDtmf", 2).await, "#");
    // A second one waits. Answering it is one command, which holds the first.
    let second = modem.call(2, (6, 1), "+49 30 2").await;
    let bob = call_with(&controller, "+49302").await;
    until(&controller, &bob, "Waiting", "true").await;
    join!(answer(&controller, &bob), async {
        modem.mock.was_asked(MM_MODEM, "HoldAndAccept", 1).await;
        modem.says(&first, 5, 0).await;
        modem.says(&second, 4, 3).await;
    });
    assert_eq!(property(&controller, &ann, "Held").await.as_deref(), Some("true"));
    // The other side hangs up; we resume the first and hang up.
    modem.says(&second, 7, 4).await;
    until(&controller, &bob, "EndReason", "remote-hangup").await;
    on(&controller, &ann, "SetHeld", &(false,)).await.unwrap();
    modem.mock.was_asked(MM_MODEM, "HoldAndAccept", 2).await;
    modem.says(&first, 4, 0).await;
    hang_up(&controller, &ann).await;
    modem.mock.was_asked(&first, "Hangup", 1).await;
    let rows = log(&controller).await;
    let row = |who: &str| ("modem".to_owned(), who.to_owned(), "answered".to_owned());
    assert_eq!(rows, [row("+49302"), row("+49301")]);
}

#[tokio::test]
async fn a_number_is_dialled_and_its_ends_are_told_apart() {
    let Some(modem) = Modem::start().await else { return };
    let Some((_daemon, controller)) = scene(&modem).await else { return };
    let properties = options([("State", 0i32.into()), ("Direction", 2i32.into())]);
    modem.mock.add(MM_ROOT, (MM_DIALLED, MM_CALL), properties, CALL_METHODS).await;
    for (reason, times) in [("busy", 1), ("remote-hangup", 2)] {
        let call = dial(&controller, "tel", "+49 (30) 55").await.unwrap();
        modem.mock.was_asked(MM_DIALLED, "Start", times).await;
        until(&controller, &call, "State", "dialing").await;
        modem.says(MM_DIALLED, 2, 1).await;
        until(&controller, &call, "State", "remote-ringing").await;
        if reason == "busy" {
            modem.says(MM_DIALLED, 7, 5).await;
        } else {
            modem.says(MM_DIALLED, 4, 3).await;
            until(&controller, &call, "State", "active").await;
            modem.says(MM_DIALLED, 7, 4).await;
        }
        until(&controller, &call, "EndReason", reason).await;
        // What we made we clean up.
        assert_eq!(modem.mock.was_asked(MM_MODEM, "DeleteCall", times).await, MM_DIALLED);
    }
}

#[tokio::test]
async fn a_modem_that_is_pulled_out_takes_its_calls_with_it_and_is_found_again() {
    let Some(modem) = Modem::start().await else { return };
    let Some((_daemon, controller)) = scene(&modem).await else { return };
    modem.call(1, (3, 1), "+49 30 1").await;
    let call = call_with(&controller, "+49301").await;
    modem.mock.vanishes(MM_ROOT, (MM_MODEM, MM_VOICE)).await;
    until(&controller, &call, "EndReason", "provider-gone").await;
    provider(&controller, "modem", false).await;
    modem.mock.appears(MM_ROOT, (MM_MODEM, MM_VOICE), Options::new(), VOICE_METHODS).await;
    provider(&controller, "modem", true).await;
    // And once more with all of ModemManager.
    drop(modem.mock);
    provider(&controller, "modem", false).await;
}

#[tokio::test]
async fn without_a_service_there_is_no_bridge() {
    let (Some(session), Some(system)) = (bus(), bus()) else { return };
    session.configure(QUIET);
    let daemon = Daemon::with_system(session, &system.address);
    let controller = connect(&daemon).await;
    let refused = dial(&controller, "tel", "+49301").await.unwrap_err();
    assert!(refused.to_string().contains("NoProviderForScheme"), "{refused}");
    let objects = zbus::fdo::ObjectManagerProxy::new(&controller, NAME, super::ROOT).await.unwrap();
    let all = objects.get_managed_objects().await.unwrap();
    let ids: Vec<_> = all.keys().filter(|path| path.contains("/provider/")).collect();
    assert!(ids.iter().all(|path| path.ends_with("/ahoy")), "{ids:?}");
}

const OFONO_CALL: &str = "org.ofono.VoiceCall";
const OFONO_VOICE: &str = "org.ofono.VoiceCallManager";

async fn ofono_says(mock: &Mock, call: &str, state: &str) {
    let told = vec!["State".into(), Variant::from(state)];
    mock.emit(call, (OFONO_CALL, "PropertyChanged"), "sv", told).await;
}

#[tokio::test]
async fn ofono_s_calls_ring_are_dialled_held_and_hung_up() {
    let Some(system) = bus() else { return };
    let arguments = ["--system", "--template", "ofono"];
    let Some(mock) = Mock::start(&system.address, "org.ofono", &arguments).await else { return };
    let modem = Modem { mock, system };
    let Some((_daemon, controller)) = scene(&modem).await else { return };
    let mock = &modem.mock;
    // Out.
    let call = dial(&controller, "tel", "+49 30 7").await.unwrap();
    let line = "/ril_0/voicecall01";
    until(&controller, &call, "State", "dialing").await;
    ofono_says(mock, line, "alerting").await;
    until(&controller, &call, "State", "remote-ringing").await;
    ofono_says(mock, line, "active").await;
    until(&controller, &call, "State", "active").await;
    on(&controller, &call, "SetHeld", &(true,)).await.unwrap();
    mock.was_asked("/ril_0", "SwapCalls", 1).await;
    ofono_says(mock, line, "held").await;
    until(&controller, &call, "Held", "true").await;
    on(&controller, &call, "SendDtmf", &("12",)).await.unwrap();
    assert_eq!(mock.was_asked("/ril_0", "SendTones", 1).await, "12");
    hang_up(&controller, &call).await;
    until(&controller, &call, "EndReason", "local-hangup").await;
    // In, and away before the answer.
    let (path, from) = ("/ril_0/voicecall07", "+49308");
    let about = [("State", "incoming".into()), ("LineIdentification", from.into())];
    mock.add("/", (path, OFONO_CALL), options(about.clone()), &[("Answer", "", "", "")]).await;
    let told = vec![ObjectPath::try_from(path).unwrap().into(), options(about).into()];
    mock.emit("/ril_0", (OFONO_VOICE, "CallAdded"), "oa{sv}", told).await;
    let call = call_with(&controller, from).await;
    until(&controller, &call, "State", "ringing").await;
    mock.emit(path, (OFONO_CALL, "DisconnectReason"), "s", vec!["remote".into()]).await;
    until(&controller, &call, "EndReason", "cancelled").await;
    let outcomes: Vec<_> = log(&controller).await.into_iter().map(|(.., what)| what).collect();
    assert_eq!(outcomes, ["missed", "answered"]);
}
