//! What is done with a call that is on: other devices, no sound here, digits.

mod common;

use ahoy_core::media::{Devices, MediaCommand, MediaEvent, Tone, VideoSize};
use common::{
    BLUE, CALL, RED, SoundSystem, Worker, call, machine_is_able,
    pictures::{look_at, mostly},
    sound::{heard, hum, share},
    two_people, video_plan, voice_plan, wait_for,
};

const HERTZ: f32 = 1100.0;
const CAMERA: VideoSize = VideoSize { width: 320, height: 180, fps: 15 };

fn loudness(samples: &[f32]) -> f32 {
    let square: f32 = samples.iter().map(|sample| sample * sample).sum();
    (square / samples.len().max(1) as f32).sqrt()
}

/// Waits until a speaker gives the hum, or is silent.
fn until_heard(system: &SoundSystem, speaker: &str, there: bool) {
    wait_for(&format!("{speaker}: the hum is to be there: {there}"), || {
        let sound = heard(system, &format!("{speaker}:monitor_MONO"));
        let late = &sound[sound.len() / 2..];
        let hums = loudness(late) > 0.01 && share(late, HERTZ) > 0.7;
        (if there { hums } else { loudness(late) == 0.0 }).then_some(())
    });
}

fn use_devices(worker: &Worker, change: impl FnOnce(&mut Devices), who: &str) {
    let mut devices = voice_plan(who).devices;
    change(&mut devices);
    worker.tell(&MediaCommand::SetDevices { session: CALL, devices });
}

#[test]
fn a_call_goes_on_at_another_headset() {
    if !machine_is_able() {
        return;
    }
    let system = two_people();
    system.add_device("Audio/Sink", "headset");
    system.add_device("Audio/Source/Virtual", "headset-mic");
    let (_a, b) = call(&system, voice_plan);
    let hers = hum(&system, "mic-a", HERTZ);
    until_heard(&system, "speaker-b", true);
    let headset = |devices: &mut Devices| {
        devices.speaker = Some("headset".into());
        devices.microphone = Some("headset-mic".into());
    };
    use_devices(&b, headset, "b");
    until_heard(&system, "headset", true);
    until_heard(&system, "speaker-b", false);
    drop(hers);
    let _his = hum(&system, "headset-mic", HERTZ);
    until_heard(&system, "speaker-a", true);
    use_devices(&b, |_| {}, "b");
    until_heard(&system, "speaker-a", false);
}

#[test]
fn a_microphone_that_is_closed_stays_closed_when_the_devices_change() {
    if !machine_is_able() {
        return;
    }
    let system = two_people();
    system.add_device("Audio/Source/Virtual", "headset-mic");
    let (_a, b) = call(&system, voice_plan);
    wait_for("the microphone", || system.has_node("ahoy-microphone-7").then_some(()));
    b.tell(&MediaCommand::SetMuted { session: CALL, muted: true });
    let open = || system.list("Node").matches("ahoy-microphone-7").count();
    wait_for("only hers", || (open() == 1).then_some(()));
    use_devices(&b, |devices| devices.microphone = Some("headset-mic".into()), "b");
    // What was told before a tone is done when it has ended.
    b.tell(&MediaCommand::PlayTone { tone: Tone::Waiting, device: None });
    b.wait("the end of the tone", |event| {
        matches!(event, MediaEvent::ToneEnded { .. }).then_some(())
    });
    assert_eq!(open(), 1);
    b.tell(&MediaCommand::SetMuted { session: CALL, muted: false });
    let _his = hum(&system, "headset-mic", HERTZ);
    until_heard(&system, "speaker-a", true);
}

#[test]
fn another_camera_is_seen_by_the_other_side() {
    if !machine_is_able() {
        return;
    }
    let system = two_people();
    let _red = system.add_camera("camera-a", CAMERA, RED);
    let _blue = system.add_camera("camera-back", CAMERA, BLUE);
    let (a, _b) = call(&system, |who| {
        let mut plan = video_plan(who);
        plan.video.iter_mut().for_each(|video| video.send = who == "a");
        plan
    });
    let seen = |channel: usize| {
        wait_for("its colour", || {
            mostly(look_at(&system, "remote-b", (640, 360)), channel).then_some(())
        });
    };
    seen(0);
    use_devices(&a, |devices| devices.camera = Some("camera-back".into()), "a");
    seen(2);
    use_devices(&a, |_| {}, "a");
    seen(0);
}

#[test]
fn who_is_not_to_be_heard_here_is_silent_until_wanted_again() {
    if !machine_is_able() {
        return;
    }
    let system = two_people();
    let (_a, b) = call(&system, voice_plan);
    let _hers = hum(&system, "mic-a", HERTZ);
    until_heard(&system, "speaker-b", true);
    for silent in [true, false] {
        b.tell(&MediaCommand::SetSilent { session: CALL, silent });
        until_heard(&system, "speaker-b", !silent);
    }
}

#[test]
fn digits_are_heard_by_the_other_side_also_while_muted() {
    if !machine_is_able() {
        return;
    }
    let system = two_people();
    let (a, _b) = call(&system, voice_plan);
    let _hers = hum(&system, "mic-a", HERTZ);
    until_heard(&system, "speaker-b", true);
    a.tell(&MediaCommand::SetMuted { session: CALL, muted: true });
    until_heard(&system, "speaker-b", false);
    wait_for("the digit", || {
        // For as long as is listened once; a slow machine may begin to listen late, and then there are more.
        a.tell(&MediaCommand::PlayDtmf { session: CALL, tones: "5".repeat(20) });
        let sound = heard(&system, "speaker-b:monitor_MONO");
        let (low, high) = (share(&sound, 770.0), share(&sound, 1336.0));
        (loudness(&sound) > 0.01 && low > 0.3 && high > 0.3).then_some(())
    });
    until_heard(&system, "speaker-b", false);
}
