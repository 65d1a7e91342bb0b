//! Claims about who has microphone and speaker.

use super::*;

fn audio(outputs: &[Output]) -> Vec<(String, bool, CallId)> {
    let audio = |output: &Output| match output {
        Output::Audio { provider, active, call } => {
            Some((provider.as_str().to_owned(), *active, *call))
        }
        _ => None,
    };
    outputs.iter().filter_map(audio).collect()
}

fn place(outputs: &[Output], wanted: impl Fn(&Output) -> bool) -> usize {
    outputs.iter().position(wanted).unwrap()
}

#[test]
fn audio_is_active_before_start_and_answer_go_out() {
    let mut bench = Bench::new();
    bench.register("a");
    let call = bench.incoming_of("a", 1, &[]);
    assert!(!bench.engine.has_audio(&"a".parse().unwrap()), "not while it rings");
    let (_, answered) = bench.command(Command::Answer { call, video: false });
    assert_eq!(audio(&answered), [("a".into(), true, call)]);
    bench.tell("a", ended(call, EndReason::Cancelled)).0.unwrap();
    let (_, started) = bench.command(start(None, party(), false));
    for out in [answered, started] {
        let active = place(&out, |output| matches!(output, Output::Audio { active: true, .. }));
        assert!(active < place(&out, |output| matches!(output, Output::Perform { .. })));
    }
}

#[test]
fn audio_goes_with_the_last_call_that_is_on_and_not_held() {
    let mut bench = Bench::new();
    bench.register("a");
    let one = bench.active_of("a", 1, &[Capability::Hold]);
    let two = bench.active_of("a", 2, &[Capability::Hold]);
    assert!(audio(&bench.done(Command::SetHeld(one, true))).is_empty());
    let (_, out) = bench.tell("a", ended(two, EndReason::RemoteHangup));
    assert_eq!(audio(&out), [("a".into(), false, one)]);
    let (_, out) = bench.command(Command::SetHeld(one, false));
    let active = place(&out, |output| matches!(output, Output::Audio { active: true, .. }));
    assert!(active < place(&out, |output| matches!(output, Output::Perform { .. })));
    let out = bench.perform(performs(&out)[0].0, failed("no"));
    assert_eq!(audio(&out), [("a".into(), false, one)], "it stays held");
}

#[test]
fn who_is_held_lets_go_before_the_next_one_takes() {
    let mut bench = Bench::new();
    bench.register("b");
    bench.register("a");
    let one = bench.active_of("b", 1, &[Capability::Hold]);
    let two = bench.incoming_of("a", 2, &[]);
    let (_, out) = bench.command(Command::Answer { call: two, video: false });
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(audio(&out), [("b".into(), false, one), ("a".into(), true, two)]);
}

#[test]
fn an_app_that_holds_in_its_own_window_loses_audio() {
    let mut bench = Bench::new();
    bench.register("a");
    let one = bench.active_of("a", 1, &[]);
    let update = Update { held: Some(true), ..Update::default() };
    let (_, out) = bench.tell("a", Report::Update { call: one, update });
    assert_eq!(audio(&out), [("a".into(), false, one)]);
}

#[test]
fn the_loss_of_a_provider_takes_its_audio_at_once() {
    let mut bench = Bench::new();
    bench.register("a");
    let one = bench.active_of("a", 1, &[]);
    bench.engine.provider_lost(bench.now, &"a".parse().unwrap());
    assert_eq!(audio(&bench.drain()), [("a".into(), false, one)]);
}
