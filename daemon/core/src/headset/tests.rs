//! Claims about headsets, on descriptors of real ones.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Plantronics Blackwire 3220 (047f:c056): the collection of a headset, as libusb/hidapi's pull
/// request 262 prints it (reconstructed from what Windows keeps of it, so without filling).
const BLACKWIRE: &str = "050b0905a1018508092f150025017501950181060920092115002501750195028122\
    8509050809091500250175019501912285170917150025017501950191228518091815002501750195019122c0";
/// Logitech MX Brio (046d:0944), a webcam with a button: from its published descriptor, the vendor's
/// first collections left out.
const BRIO: &str = "0602ff0901a1010509190129011500257f8501950175088102c0\
    0699ff0903a101859a0903150026ff00951f75080903b20201c0050b0905a101850815002501092f75019501\
    8106092075019501812295068101050885080909750195019122050b092a75019501912295069101c0";
/// Dell SP325 (413c:8223), a speakerphone: as dumped from its `report_descriptor`.
const SP325: &str = "050c0901a101850c1500250109e909ea09e209cd09b509b609b009b1\
    750195088102c00613ff0901a101150026ff00850609007508953d91\
    02850709007508953d8102c00614ff0901a101150026ff0085100900\
    750895058102c00699ff0901a101859a150026ff00953f75080903b1\
    02859b150025019501750109048106750195078101c0050b0905a101\
    1500250175018505092095018122092f95018106092409210997092a\
    0950950581060907050909017501950181020508850509170909091\
    809200921092a9506912295029101c0";
/// Anker PowerConf (291a:3301), a speakerphone: inputs as dumped, lamps as the device names them. It
/// calls its buttons constant.
const POWERCONF: &str = "050c0901a10185011500250109e909ea09e209cd09b509b609b309b775019508\
    8142c0050b0905a1018502050b1500250109200997750195028123092f0921097009507501950481070508\
    0917090909180920092175019505912295039103c0";
/// Razer's microphone (1532:0511), with a button of music and a hook switch, no ids, no lamps.
const RAZER: &str = "050c0901a10185011500250109e909ea75019502814209cd09b509b609b709e2\
    9505810606ff01090195018106050c090095088106090075089502810606ff07\
    0901950b81020900950f9102c0050b0905a10185020920150025019501750181\
    23950175078107c0";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte")).collect()
}

fn layout(hex: &str) -> Layout {
    Layout::parse(&bytes(hex)).expect("a headset")
}

const fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const RINGING: Scene = Scene { calls: Calls::Ringing, ring: true, muted: false, talk: true };
const ENGAGED: Scene = Scene { calls: Calls::Engaged, ring: false, muted: false, talk: true };
const IDLE: Scene = Scene { calls: Calls::Idle, ring: false, muted: false, talk: true };

fn hook(off: bool) -> Pressed {
    Pressed { hook: Some(off), ..Pressed::default() }
}

#[test]
fn a_plantronics_blackwire_has_hook_mute_and_a_report_for_each_lamp() {
    let layout = layout(BLACKWIRE);
    assert_eq!(layout.mute.map(|key| (key.field.at, key.manner)), Some((0, Manner::Pulses)));
    assert_eq!(layout.hook.map(|key| (key.field.at, key.manner)), Some((1, Manner::Stays)));
    let off = Pressed { hook: Some(true), mute: Some(false), play: None };
    assert_eq!(layout.decode(&[8, 0b10]), off);
    let muted = Scene { muted: true, ..ENGAGED };
    assert_eq!(layout.lamps(&muted), [vec![9, 1], vec![0x17, 1], vec![0x18, 0]]);
    assert_eq!(layout.lamps(&RINGING), [vec![9, 0], vec![0x17, 0], vec![0x18, 1]]);
}

#[test]
fn a_logitech_brio_has_hook_and_mute_and_one_lamp() {
    let layout = layout(BRIO);
    assert_eq!(layout.hook.map(|key| (key.field.report, key.field.at)), Some((8, 1)));
    assert_eq!(layout.mute.map(|key| key.manner), Some(Manner::Pulses));
    assert_eq!((layout.off_hook_lamp, layout.ring_lamp), (None, None));
    assert_eq!(layout.lamps(&Scene { muted: true, ..ENGAGED }), [vec![8, 1]]);
    // Nothing is muted without a call.
    assert_eq!(layout.lamps(&Scene { muted: true, ..IDLE }), [vec![8, 0]]);
}

#[test]
fn a_dell_speakerphone_has_all_lamps_in_one_report() {
    let layout = layout(SP325);
    assert_eq!(layout.hook.map(|key| (key.field.report, key.field.at)), Some((5, 0)));
    assert_eq!(layout.play.map(|key| (key.field.report, key.field.at)), Some((12, 3)));
    assert_eq!(layout.lamps(&Scene { muted: true, ..ENGAGED }), [vec![5, 0b011]]);
    assert_eq!(layout.lamps(&RINGING), [vec![5, 0b100]]);
}

#[test]
fn buttons_that_a_device_calls_constant_are_buttons() {
    let powerconf = layout(POWERCONF);
    assert_eq!(powerconf.hook.map(|key| (key.field.at, key.manner)), Some((0, Manner::Stays)));
    assert_eq!(powerconf.mute.map(|key| (key.field.at, key.manner)), Some((2, Manner::Pulses)));
    assert_eq!(powerconf.lamps(&ENGAGED), [vec![2, 1]]);
    let razer = layout(RAZER);
    assert_eq!(razer.hook.map(|key| key.field.report), Some(2));
    assert_eq!(razer.decode(&[2, 1]), hook(true));
    assert_eq!(razer.lamps(&ENGAGED), Vec::<Vec<u8>>::new());
}

#[test]
fn a_device_that_tells_usages_by_number_is_understood() {
    // A Phone of one byte: 1 is the hook switch, 2 mute; after them, a lamp without an id.
    let phone = "050b0901a10115012502750895010920092f8100050809172501150095017501910295079101c0";
    let layout = layout(phone);
    assert!(!layout.numbered);
    assert_eq!(layout.decode(&[1]), Pressed { hook: Some(true), mute: Some(false), play: None });
    assert_eq!(layout.decode(&[2]), Pressed { hook: Some(false), mute: Some(true), play: None });
    assert_eq!(layout.lamps(&ENGAGED), [vec![0, 1]]);
}

#[test]
fn what_is_no_telephone_is_told_so() {
    // A mouse; a remote control with a play button; the empty collection of a Razer Kraken.
    let mouse = "05010902a10105091901290315002501750195038102c0";
    let remote = "050c0901a1011500250109cd750195018102c0";
    let kraken = "050c0901a10185521500250109e909ea750195028106090095068101c0050b0905a101c0";
    for other in [mouse, remote, kraken, ""] {
        assert_eq!(Layout::parse(&bytes(other)), Err(DescriptorError::NoButtons), "{other}");
    }
}

#[test]
fn each_fault_of_a_descriptor_has_its_name() {
    let wrong = |hex: &str| Layout::parse(&bytes(hex)).expect_err("wrong");
    assert_eq!(wrong("26ff"), DescriptorError::Truncated);
    assert_eq!(wrong("fe"), DescriptorError::Truncated);
    assert_eq!(wrong("8500"), DescriptorError::ReportId(0));
    assert_eq!(wrong("860001"), DescriptorError::ReportId(256));
    assert_eq!(wrong("b4"), DescriptorError::Stack);
    assert_eq!(wrong("a4a4a4a4a4"), DescriptorError::Stack);
    assert_eq!(wrong("75089601108102"), DescriptorError::ReportTooLong);
    assert_eq!(wrong("77ffffffff97ffffffff8102"), DescriptorError::ReportTooLong);
    assert_eq!(Layout::parse(&[0; MAX_DESCRIPTOR + 1]), Err(DescriptorError::TooLong));
}

#[test]
fn a_report_that_is_short_or_of_another_id_presses_nothing() {
    let layout = layout(SP325);
    assert_eq!(layout.decode(&[]), Pressed::default());
    assert_eq!(layout.decode(&[5]), Pressed::default());
    assert_eq!(layout.decode(&[6, 0xff]), Pressed::default());
}

#[test]
fn a_headset_with_a_hook_of_its_own_answers_off_it_and_hangs_up_on_it() {
    let mut buttons = Buttons::new(&layout(BLACKWIRE));
    buttons.handle_scene(at(0), RINGING);
    assert_eq!(buttons.handle_report(at(1000), hook(true)), [Wish::Press]);
    buttons.handle_scene(at(1100), ENGAGED);
    assert_eq!(buttons.handle_report(at(9000), hook(true)), [], "another button of the report");
    assert_eq!(buttons.handle_report(at(60_000), hook(false)), [Wish::Press]);
    buttons.handle_scene(at(60_010), IDLE);
    assert_eq!(buttons.handle_report(at(60_020), hook(false)), []);
}

#[test]
fn a_headset_that_repeats_what_it_is_told_presses_nothing() {
    let mut buttons = Buttons::new(&layout(BLACKWIRE));
    // Answered by a click, ended by the other side.
    buttons.handle_scene(at(0), RINGING);
    buttons.handle_scene(at(500), ENGAGED);
    assert_eq!(buttons.handle_report(at(600), hook(true)), []);
    buttons.handle_scene(at(900), IDLE);
    assert_eq!(buttons.handle_report(at(950), hook(false)), []);
    // That was no pulse: it still hangs up.
    buttons.handle_scene(at(2000), ENGAGED);
    assert_eq!(buttons.handle_report(at(2100), hook(true)), []);
    assert_eq!(buttons.handle_report(at(9000), hook(false)), [Wish::Press]);
}

#[test]
fn a_headset_that_pulses_is_found_out_and_its_release_does_not_hang_up() {
    let mut buttons = Buttons::new(&layout(SP325));
    buttons.handle_scene(at(0), RINGING);
    assert_eq!(buttons.handle_report(at(1000), hook(true)), [Wish::Press]);
    buttons.handle_scene(at(1050), ENGAGED);
    assert_eq!(buttons.handle_report(at(1200), hook(false)), []);
    assert_eq!(buttons.handle_report(at(30_000), hook(true)), [Wish::Press]);
    buttons.handle_scene(at(30_050), IDLE);
    assert_eq!(buttons.handle_report(at(30_200), hook(false)), []);
}

#[test]
fn without_a_call_the_hook_asks_for_the_assistant_where_that_is_wanted() {
    let mut buttons = Buttons::new(&layout(BLACKWIRE));
    buttons.handle_scene(at(0), IDLE);
    assert_eq!(buttons.handle_report(at(1000), hook(true)), [Wish::Talk]);
    assert_eq!(buttons.handle_report(at(1100), hook(false)), []);
    buttons.handle_scene(at(2000), Scene { talk: false, ..IDLE });
    assert_eq!(buttons.handle_report(at(3000), hook(true)), []);
}

#[test]
fn mute_toggles_in_calls_only_and_is_not_undone_by_the_echo_of_its_lamp() {
    let mute = |pressed| Pressed { mute: Some(pressed), ..Pressed::default() };
    let mut buttons = Buttons::new(&layout(BLACKWIRE));
    assert_eq!(buttons.handle_report(at(0), mute(true)), []);
    buttons.handle_scene(at(100), ENGAGED);
    assert_eq!(buttons.handle_report(at(5000), mute(true)), [Wish::ToggleMute]);
    buttons.handle_scene(at(5010), Scene { muted: true, ..ENGAGED });
    assert_eq!(buttons.handle_report(at(5020), mute(false)), []);
    assert_eq!(buttons.handle_report(at(5030), mute(true)), [], "its echo");
    assert_eq!(buttons.handle_report(at(8000), mute(true)), [Wish::ToggleMute]);
}

#[test]
fn a_mute_switch_says_what_it_is_and_play_answers_where_there_is_no_hook() {
    // Phone Mute without a preferred state, and Play of a consumer control.
    let switch = "050b0905a1011500250175019501092f8122050c09cd8102c0";
    let mut buttons = Buttons::new(&layout(switch));
    let mute = |on| Pressed { mute: Some(on), ..Pressed::default() };
    let play = |on| Pressed { play: Some(on), ..Pressed::default() };
    assert_eq!(buttons.handle_report(at(0), play(true)), [], "the player's");
    assert_eq!(buttons.handle_report(at(50), play(false)), []);
    buttons.handle_scene(at(100), RINGING);
    assert_eq!(buttons.handle_report(at(200), play(true)), [Wish::Press]);
    assert_eq!(buttons.handle_report(at(300), play(false)), []);
    buttons.handle_scene(at(400), ENGAGED);
    assert_eq!(buttons.handle_report(at(5000), mute(true)), [Wish::Mute(true)]);
    buttons.handle_scene(at(5010), Scene { muted: true, ..ENGAGED });
    assert_eq!(buttons.handle_report(at(9000), mute(false)), [Wish::Mute(false)]);
}

fn any_pressed() -> impl Strategy<Value = Pressed> {
    any::<[Option<bool>; 3]>().prop_map(|[hook, mute, play]| Pressed { hook, mute, play })
}

proptest! {
    #[test]
    fn any_bytes_are_read_and_what_is_found_lies_within_a_report(
        descriptor in proptest::collection::vec(any::<u8>(), 0..300),
        report in proptest::collection::vec(any::<u8>(), 0..70),
    ) {
        if let Ok(layout) = Layout::parse(&descriptor) {
            let pressed = layout.decode(&report);
            prop_assert!(layout.hook.is_some() || pressed.hook.is_none());
            for scene in [IDLE, RINGING, ENGAGED] {
                for written in layout.lamps(&scene) {
                    prop_assert!(written.len() <= MAX_REPORT + 1);
                }
            }
        }
    }

    #[test]
    fn a_press_without_a_call_never_answers_mutes_or_hangs_up(
        reports in proptest::collection::vec((any_pressed(), 0u64..5000), 0..50),
    ) {
        let mut buttons = Buttons::new(&layout(SP325));
        buttons.handle_scene(at(0), IDLE);
        let mut now = 0;
        for (report, later) in reports {
            now += later;
            for wish in buttons.handle_report(at(now), report) {
                prop_assert_eq!(wish, Wish::Talk);
            }
        }
    }
}
