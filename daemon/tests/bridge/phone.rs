//! A phone that is paired over Bluetooth, as PipeWire tells of it, by both of its names.

use tokio::join;

use super::{
    answer, call_with,
    common::{
        QUIET,
        calls::{Options, property, until},
        connect, start,
    },
    dial, hang_up,
    mock::{Methods, Mock, options},
    on, provider, set,
};

#[tokio::test]
async fn a_paired_phone_s_calls_ring_and_are_answered_here_whatever_pipewire_calls_itself() {
    for name in ["org.pipewire.Telephony", "org.freedesktop.PipeWire.Telephony"] {
        let Some(daemon) = start(QUIET) else { return };
        let controller = connect(&daemon).await;
        let root = format!("/{}", name.replace('.', "/"));
        let arguments = ["--session", "--is-object-manager", name, &root, name];
        let Some(mock) = Mock::start(&daemon.bus.address, name, &arguments).await else { return };
        let (phone, line) = (format!("{root}/ag0"), format!("{root}/ag0/call0"));
        let (gateway, call) = (format!("{name}.AudioGateway1"), format!("{name}.Call1"));
        let dial_code = format!("ret = dbus.ObjectPath('{root}/ag0/call5')");
        let methods: Methods<'_> = &[
            ("SwapCalls", "", "", ""),
            ("HoldAndAnswer", "", "", ""),
            ("SendTones", "s", "", ""),
            ("Dial", "s", "o", &dial_code),
        ];
        mock.appears(&root, (&phone, &gateway), Options::new(), methods).await;
        provider(&controller, "phone", true).await;
        let about = [
            ("State", "incoming".into()),
            ("LineIdentification", "+49301".into()),
            ("Name", "Ann".into()),
        ];
        let methods: Methods<'_> = &[("Answer", "", "", ""), ("Hangup", "", "", "")];
        mock.appears(&root, (&line, &call), options(about), methods).await;
        let ann = call_with(&controller, "Ann").await;
        join!(answer(&controller, &ann), async {
            mock.was_asked(&line, "Answer", 1).await;
            mock.change(&line, &call, options([("State", "active".into())])).await;
        });
        on(&controller, &ann, "SetHeld", &(true,)).await.unwrap();
        mock.was_asked(&phone, "SwapCalls", 1).await;
        mock.change(&line, &call, options([("State", "held".into())])).await;
        until(&controller, &ann, "Held", "true").await;
        // Resumed on the phone itself.
        mock.change(&line, &call, options([("State", "active".into())])).await;
        until(&controller, &ann, "Held", "false").await;
        hang_up(&controller, &ann).await;
        mock.was_asked(&line, "Hangup", 1).await;
        assert_eq!(property(&controller, &ann, "EndReason").await.as_deref(), Some("local-hangup"));
        let out = dial(&controller, "tel", "+49 30 9").await.unwrap();
        assert_eq!(mock.was_asked(&phone, "Dial", 1).await, "+49309");
        until(&controller, &out, "State", "dialing").await;
        set(&controller, "bridge.phone", false.into()).await;
        provider(&controller, "phone", false).await;
        until(&controller, &out, "EndReason", "provider-gone").await;
    }
}
