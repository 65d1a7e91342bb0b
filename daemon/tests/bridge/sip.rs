//! SIP: calls between real baresips on loopback, one of them bridged.

use super::{
    answer,
    baresip::{Baresip, Control},
    call_with,
    common::{
        Daemon, QUIET,
        calls::{Options, PATIENCE, ROOT, property, proxy, until},
        connect, start,
    },
    dial, hang_up, log, on, provider, set,
};
use tokio::time::{Duration, Instant, timeout};
use zbus::{Connection, ObjectPath, fdo};

/// Our daemon with its baresip, and somebody else's.
struct Scene {
    controller: Connection,
    ours: Baresip,
    bob: Baresip,
    bob_does: Control,
    _daemon: Daemon,
}

async fn scene() -> Option<Scene> {
    let (ours, bob) = (Baresip::start("alice")?, Baresip::start("bob")?);
    let bob_does = bob.control().await;
    let daemon = start(&format!("{QUIET}[bridge]\nsip = \"{}\"\n", ours.control))?;
    let controller = connect(&daemon).await;
    provider(&controller, "sip", true).await;
    Some(Scene { controller, ours, bob, bob_does, _daemon: daemon })
}

impl Scene {
    async fn bob_calls(&mut self) -> String {
        let to = format!("sip:{}", self.ours.address);
        self.bob_does.say("dial", &to).await;
        let call = call_with(&self.controller, "Ms bob").await;
        until(&self.controller, &call, "State", "ringing").await;
        call
    }

    /// The lines that our baresip has, as its own user would see them. Takes the control away.
    async fn our_lines(&self) -> String {
        self.ours.control().await.asks("listcalls").await
    }
}

#[tokio::test]
async fn a_sip_call_rings_is_answered_held_muted_and_hung_up_here() {
    let Some(mut scene) = scene().await else { return };
    let call = scene.bob_calls().await;
    let controller = &scene.controller;
    assert_eq!(property(controller, &call, "Remote").await.as_deref(), Some("sip"));
    assert_eq!(property(controller, &call, "AppId").await.as_deref(), Some("org.ahoycall.Ahoy"));
    answer(controller, &call).await;
    scene.bob_does.hears("CALL_ESTABLISHED").await;
    for held in [true, false] {
        on(controller, &call, "SetHeld", &(held,)).await.unwrap();
        scene.bob_does.hears("CALL_REMOTE_SDP").await;
        let shown = property(controller, &call, "Held").await;
        assert_eq!(shown, Some(held.to_string()));
    }
    for muted in [true, false] {
        on(controller, &call, "SetMuted", &(muted,)).await.unwrap();
    }
    on(controller, &call, "SendDtmf", &("42#",)).await.unwrap();
    for digit in ["4", "2", "#"] {
        assert_eq!(scene.bob_does.hears("CALL_DTMF_START").await, digit);
    }
    hang_up(controller, &call).await;
    until(controller, &call, "EndReason", "local-hangup").await;
    assert_eq!(scene.bob_does.hears("CALL_CLOSED").await, "Connection reset by peer");
    let row = ("sip".to_owned(), scene.bob.address.clone(), "answered".to_owned());
    assert_eq!(log(controller).await, [row]);
}

#[tokio::test]
async fn what_the_other_side_ends_has_its_own_reason() {
    let Some(mut scene) = scene().await else { return };
    // Gives up before the answer.
    let call = scene.bob_calls().await;
    scene.bob_does.say("hangup", "").await;
    until(&scene.controller, &call, "EndReason", "cancelled").await;
    // Hangs up.
    let call = scene.bob_calls().await;
    answer(&scene.controller, &call).await;
    scene.bob_does.say("hangup", "").await;
    until(&scene.controller, &call, "EndReason", "remote-hangup").await;
    // Is declined: 1.0.0 says 486 whatever it is told.
    let call = scene.bob_calls().await;
    on(&scene.controller, &call, "Decline", &(Options::new(),)).await.unwrap();
    loop {
        let why = scene.bob_does.hears("CALL_CLOSED").await;
        if why.starts_with("486") {
            break;
        }
    }
    let outcomes: Vec<String> =
        log(&scene.controller).await.into_iter().map(|(_, _, outcome)| outcome).collect();
    assert_eq!(outcomes, ["declined", "answered", "missed"]);
}

#[tokio::test]
async fn a_call_to_somebody_rings_there_and_is_told_apart_when_refused() {
    let Some(mut scene) = scene().await else { return };
    let controller = &scene.controller;
    let call = dial(controller, "sip", &scene.bob.address).await.unwrap();
    until(controller, &call, "State", "remote-ringing").await;
    scene.bob_does.hears("CALL_INCOMING").await;
    scene.bob_does.say("accept", "").await;
    until(controller, &call, "State", "active").await;
    // Can be held like any other.
    on(controller, &call, "SetHeld", &(true,)).await.unwrap();
    scene.bob_does.say("hangup", "").await;
    until(controller, &call, "EndReason", "remote-hangup").await;
    let call = dial(controller, "sip", &scene.bob.address).await.unwrap();
    until(controller, &call, "State", "remote-ringing").await;
    scene.bob_does.say("hangup", "").await;
    until(controller, &call, "EndReason", "busy").await;
    let nobody = scene.bob.address.replace("bob", "nobody");
    if let Ok(call) = dial(controller, "sip", &nobody).await {
        until(controller, &call, "EndReason", "failed").await;
    }
    let refused = dial(controller, "sip", "bob@127.0.0.1\" <sip:eve").await.unwrap_err();
    assert!(refused.to_string().contains("no SIP address"), "{refused}");
}

#[tokio::test]
async fn a_second_call_waits_and_answering_it_holds_the_first_until_somebody_resumes_it() {
    let Some(mut scene) = scene().await else { return };
    let Some(carol) = Baresip::start("carol") else { return };
    let first = scene.bob_calls().await;
    let controller = &scene.controller;
    answer(controller, &first).await;
    let mut carol_does = carol.control().await;
    carol_does.say("dial", &format!("sip:{}", scene.ours.address)).await;
    let second = call_with(controller, "Ms carol").await;
    until(controller, &second, "Waiting", "true").await;
    answer(controller, &second).await;
    carol_does.hears("CALL_ESTABLISHED").await;
    assert_eq!(property(controller, &first, "Held").await.as_deref(), Some("true"));
    // When a call ends baresip resumes the one before it by itself. Nobody here wanted that.
    carol_does.say("hangup", "").await;
    until(controller, &second, "EndReason", "remote-hangup").await;
    // Held, resumed by baresip, held again: bob is told of each.
    for _ in 0..3 {
        scene.bob_does.hears("CALL_REMOTE_SDP").await;
    }
    assert_eq!(property(controller, &first, "Held").await.as_deref(), Some("true"));
    on(controller, &first, "SetHeld", &(false,)).await.unwrap();
    on(controller, &first, "SetHeld", &(true,)).await.unwrap();
    let lines = scene.our_lines().await;
    assert!(lines.contains("(on hold)"), "{lines}");
}

#[tokio::test]
async fn a_baresip_that_is_killed_takes_its_calls_with_it_and_is_found_again() {
    let Some(mut scene) = scene().await else { return };
    let call = scene.bob_calls().await;
    answer(&scene.controller, &call).await;
    scene.ours.kill();
    until(&scene.controller, &call, "EndReason", "provider-gone").await;
    provider(&scene.controller, "sip", false).await;
    let refused = dial(&scene.controller, "sip", &scene.bob.address).await.unwrap_err();
    assert!(refused.to_string().contains("NoProviderForScheme"), "{refused}");
    scene.ours.start_again();
    provider(&scene.controller, "sip", true).await;
}

#[tokio::test]
async fn the_setting_turns_the_bridge_off_and_on_at_once() {
    let Some(scene) = scene().await else { return };
    set(&scene.controller, "bridge.sip", "".into()).await;
    provider(&scene.controller, "sip", false).await;
    set(&scene.controller, "bridge.sip", scene.ours.control.clone().into()).await;
    provider(&scene.controller, "sip", true).await;
}

#[tokio::test]
async fn whom_the_user_has_blocked_is_told_no_and_nobody_else_is_disturbed() {
    let Some(mut scene) = scene().await else { return };
    let contacts = proxy(&scene.controller, ROOT, "Contacts").await;
    let handles = vec![("sip", scene.bob.address.as_str(), "")];
    let contact = Options::from([
        ("name", "Bob".into()),
        ("handles", handles.into()),
        ("blocked", true.into()),
    ]);
    contacts.call::<_, _, String>("Put", &(contact,)).await.unwrap();
    scene.bob_does.say("dial", &format!("sip:{}", scene.ours.address)).await;
    assert!(scene.bob_does.hears("CALL_CLOSED").await.starts_with("486"));
    assert_eq!(log(&scene.controller).await, []);
}

#[tokio::test]
async fn a_call_that_has_ended_leaves_no_object_behind() {
    let Some(mut scene) = scene().await else { return };
    let call = scene.bob_calls().await;
    scene.bob_does.say("hangup", "").await;
    until(&scene.controller, &call, "EndReason", "cancelled").await;
    let deadline = Instant::now() + PATIENCE;
    while property(&scene.controller, &call, "State").await.is_some() {
        assert!(Instant::now() < deadline, "the object goes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_bridge_obeys_the_daemon_and_nobody_else_on_the_bus() {
    let Some(mut scene) = scene().await else { return };
    let call = scene.bob_calls().await;
    answer(&scene.controller, &call).await;
    let names = fdo::DBusProxy::new(&scene.controller).await.unwrap().list_names().await.unwrap();
    let path = ObjectPath::try_from(call.as_str()).unwrap();
    let body = (1u32, "txn", "end", path, Options::from([("reason", "local-hangup".into())]));
    let app = Some("org.ahoycall.Calls1.ProviderApp");
    let mut refused = 0;
    for name in names.iter().filter(|name| name.starts_with(':')) {
        let asked =
            scene.controller.call_method(Some(name.as_str()), "/bridge", app, "Perform", &body);
        // Our own connection does not answer itself.
        if let Ok(Err(error)) = timeout(Duration::from_secs(1), asked).await {
            refused += usize::from(error.to_string().contains("only the call service may"));
        }
    }
    assert_eq!(refused, 1, "one bridge has registered");
    assert_eq!(property(&scene.controller, &call, "State").await.as_deref(), Some("active"));
}
