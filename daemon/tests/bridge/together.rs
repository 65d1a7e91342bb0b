//! Worlds beside each other: one ringer, one log, and each holds the other.

use tokio::join;
use zbus::Connection;

use super::{
    answer,
    baresip::Baresip,
    call_with,
    common::{
        Daemon, QUIET, bus,
        calls::{property, until},
        connect,
        pair::{call, pair},
        start,
    },
    hang_up, log,
    modem::{MM_MODEM, Modem},
    on, provider, rings_from,
};

/// What somebody else has of a call with us.
struct Carol {
    bus: Connection,
    contact: String,
    _daemon: Daemon,
}

impl Carol {
    async fn knows(us: &Connection) -> Option<Self> {
        let daemon = start(QUIET)?;
        let bus = connect(&daemon).await;
        let contact = pair(us, &bus).await;
        Some(Self { bus, contact, _daemon: daemon })
    }
}

async fn is_held(controller: &Connection, call: &str) -> bool {
    property(controller, call, "Held").await.as_deref() == Some("true")
}

#[tokio::test]
async fn a_sim_call_a_sip_call_and_an_encrypted_one_hold_each_other_with_one_ringer_and_one_log() {
    let Some(modem) = Modem::start().await else { return };
    let Some(ours) = Baresip::start("alice") else { return };
    let Some(bob) = Baresip::start("bob") else { return };
    let mut bob_does = bob.control().await;
    let Some(session) = bus() else { return };
    session.configure(&format!("{QUIET}[bridge]\nsip = \"{}\"\n", ours.control));
    let daemon = Daemon::with_system(session, &modem.system.address);
    let controller = connect(&daemon).await;
    let Some(carol) = Carol::knows(&controller).await else { return };
    provider(&controller, "sip", true).await;
    provider(&controller, "modem", true).await;
    // SIP first.
    bob_does.say("dial", &format!("sip:{}", ours.address)).await;
    let sip = call_with(&controller, "Ms bob").await;
    answer(&controller, &sip).await;
    bob_does.hears("CALL_ESTABLISHED").await;
    // One ringer: the modem's call waits, and answering it holds the one of SIP.
    let line = modem.call(1, (3, 1), "+49 30 1").await;
    let sim = call_with(&controller, "+49301").await;
    until(&controller, &sim, "Waiting", "true").await;
    join!(answer(&controller, &sim), async {
        modem.mock.was_asked(&line, "Accept", 1).await;
        modem.says(&line, 4, 3).await;
    });
    bob_does.hears("CALL_REMOTE_SDP").await;
    assert!(is_held(&controller, &sip).await && !is_held(&controller, &sim).await);
    // The encrypted one waits, too, and holds the modem's.
    let (hers, encrypted) =
        join!(call(&carol.bus, &carol.contact), rings_from(&controller, "ahoy"));
    until(&controller, &encrypted, "Waiting", "true").await;
    join!(answer(&controller, &encrypted), async {
        modem.mock.was_asked(MM_MODEM, "HoldAndAccept", 1).await;
        modem.says(&line, 5, 0).await;
    });
    until(&carol.bus, &hers, "State", "active").await;
    assert!(is_held(&controller, &sip).await && is_held(&controller, &sim).await);
    // Back to the first: the one that is on is held, and she sees it.
    on(&controller, &sip, "SetHeld", &(false,)).await.unwrap();
    bob_does.hears("CALL_REMOTE_SDP").await;
    until(&carol.bus, &hers, "RemoteHeld", "true").await;
    assert!(!is_held(&controller, &sip).await && is_held(&controller, &encrypted).await);
    hang_up(&controller, &sip).await;
    // Whom the user holds stays held.
    assert!(is_held(&controller, &sim).await && is_held(&controller, &encrypted).await);
    hang_up(&controller, &encrypted).await;
    hang_up(&controller, &sim).await;
    let log = log(&controller).await;
    let rows: Vec<(&str, &str)> =
        log.iter().map(|(whose, _, outcome)| (whose.as_str(), outcome.as_str())).collect();
    assert_eq!(rows, [("ahoy", "answered"), ("modem", "answered"), ("sip", "answered")]);
}
