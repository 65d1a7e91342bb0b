//! Worlds beside each other: one ringer, one log, and each holds the other.

use tokio::join;

use super::{
    answer,
    baresip::Baresip,
    call_with,
    common::{
        Daemon, QUIET, bus,
        calls::{property, until},
        connect,
    },
    hang_up, log,
    modem::Modem,
    on, provider,
};

#[tokio::test]
async fn a_sip_call_and_a_modem_s_call_hold_each_other_and_stand_in_one_log() {
    let Some(modem) = Modem::start().await else { return };
    let Some(ours) = Baresip::start("alice") else { return };
    let Some(bob) = Baresip::start("bob") else { return };
    let mut bob_does = bob.control().await;
    let Some(session) = bus() else { return };
    session.configure(&format!("{QUIET}[bridge]\nsip = \"{}\"\n", ours.control));
    let daemon = Daemon::with_system(session, &modem.system.address);
    let controller = connect(&daemon).await;
    provider(&controller, "sip", true).await;
    provider(&controller, "modem", true).await;
    // SIP first.
    bob_does.say("dial", &format!("sip:{}", ours.address)).await;
    let sip = call_with(&controller, "Ms bob").await;
    answer(&controller, &sip).await;
    bob_does.hears("CALL_ESTABLISHED").await;
    // One ringer: the modem's call waits, and answering it holds the one of SIP.
    let line = modem.call(1, (3, 1), "+49 30 1").await;
    let cell = call_with(&controller, "+49301").await;
    until(&controller, &cell, "Waiting", "true").await;
    join!(answer(&controller, &cell), async {
        modem.mock.was_asked(&line, "Accept", 1).await;
        modem.says(&line, 4, 3).await;
    });
    bob_does.hears("CALL_REMOTE_SDP").await;
    let is_held = async |call: &str| property(&controller, call, "Held").await;
    assert_eq!(is_held(&sip).await.as_deref(), Some("true"));
    // And the other way round.
    join!(async { on(&controller, &sip, "SetHeld", &(false,)).await.unwrap() }, async {
        modem.mock.was_asked(super::modem::MM_MODEM, "HoldAndAccept", 1).await;
        modem.says(&line, 5, 0).await;
    });
    bob_does.hears("CALL_REMOTE_SDP").await;
    until(&controller, &cell, "Held", "true").await;
    assert_eq!(is_held(&sip).await.as_deref(), Some("false"));
    hang_up(&controller, &sip).await;
    // Whom the user holds stays held.
    assert_eq!(is_held(&cell).await.as_deref(), Some("true"));
    hang_up(&controller, &cell).await;
    let row = |whose: &str, who: &str| (whose.to_owned(), who.to_owned(), "answered".to_owned());
    assert_eq!(log(&controller).await, [row("modem", "+49301"), row("sip", &bob.address)]);
}
