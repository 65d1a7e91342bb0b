//! What the worker costs: time to start, time to be back, processor, memory.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells figures"
)]

mod common;

use std::{
    fs,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use ahoy_core::media::{MediaCommand, MediaEvent, VideoSize};
use common::{
    CALL, GREY, SoundSystem, Worker, call, machine_is_able, video_plan, voice_plan, wait_for,
};

/// What a killed worker may cost of the voice, from its end to the first packet of the next one.
const BACK_WITHIN: Duration = Duration::from_millis(1500);

fn system() -> SoundSystem {
    let system = SoundSystem::start();
    for who in ["a", "b"] {
        system.add_device("Audio/Source/Virtual", &format!("mic-{who}"));
        system.add_device("Audio/Sink", &format!("speaker-{who}"));
    }
    system
}

fn ready(event: &MediaEvent) -> Option<()> {
    matches!(event, MediaEvent::Ready { .. }).then_some(())
}

#[test]
fn a_killed_worker_costs_less_than_a_second_and_a_half_of_voice() {
    if !machine_is_able() {
        return;
    }
    let system = system();
    let (mut a, b) = call(&system, voice_plan);
    b.wait("voice", |event| matches!(event, MediaEvent::AudioPlaying { .. }).then_some(()));
    a.process.kill();
    let killed = Instant::now();
    let a = Worker::start(&system);
    a.wait("readiness", ready);
    println!("MEASURED media_worker_start {} ms", killed.elapsed().as_millis());
    a.connect(&system);
    a.send_to(&b);
    a.tell(&MediaCommand::Start { session: CALL, plan: voice_plan("a") });
    wait_for("voice", || (a.packets[0].load(Ordering::Relaxed) > 0).then_some(()));
    let back = killed.elapsed();
    println!("MEASURED media_worker_back {} ms", back.as_millis());
    assert!(back < BACK_WITHIN, "{back:?}");
}

/// Processor time used so far, and memory of its own.
fn usage(worker: &Worker) -> (Duration, u64) {
    let process = format!("/proc/{}", worker.process.0.id());
    let stat = fs::read_to_string(format!("{process}/stat")).expect("its state");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().filter_map(|it| it.parse::<u64>().ok()).sum();
    let memory = fs::read_to_string(format!("{process}/smaps_rollup")).unwrap_or_default();
    let line = memory.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    // 100 ticks a second on every Linux that has /proc.
    (Duration::from_millis(ticks * 10), kib)
}

/// Processor of one side over five seconds of a call, percent of one core.
fn measure(name: &str, worker: &Worker) {
    let (before, start) = (usage(worker).0, Instant::now());
    let first = worker.seen();
    let mut left = 5;
    worker.wait_after(first, "five seconds", |event| {
        left -= i32::from(matches!(event, MediaEvent::Stats { .. }));
        (left == 0).then_some(())
    });
    let (after, memory) = usage(worker);
    let percent = (after - before).as_secs_f64() * 100.0 / start.elapsed().as_secs_f64();
    println!("MEASURED {name}_cpu {percent:.1} % of a core");
    println!("MEASURED {name}_pss {memory} KiB");
    assert!(percent < 100.0, "{name} takes a whole core");
}

#[test]
fn a_call_takes_a_small_part_of_a_core() {
    if !machine_is_able() {
        return;
    }
    let system = system();
    let idle = Worker::connected(&system);
    idle.wait("readiness", ready);
    println!("MEASURED media_idle_pss {} KiB", usage(&idle).1);
    let (a, _b) = call(&system, voice_plan);
    a.wait("voice", |event| matches!(event, MediaEvent::AudioPlaying { .. }).then_some(()));
    measure("media_audio_call", &a);
    drop(a);
    let _cameras =
        ["camera-a", "camera-b"].map(|name| system.add_camera(name, VideoSize::P360, GREY));
    let (a, b) = call(&system, video_plan);
    for worker in [&a, &b] {
        worker.wait("pictures", |event| {
            matches!(event, MediaEvent::VideoShowing { .. }).then_some(())
        });
    }
    let shown = |event: &MediaEvent| {
        if let MediaEvent::Stats { stats, .. } = event { Some(stats.video_shown) } else { None }
    };
    let before = b.wait_after(b.seen(), "counters", shown);
    let start = Instant::now();
    measure("media_video_call", &a);
    let after = b.wait_after(b.seen(), "counters", shown);
    let rate = (after - before) as f64 / start.elapsed().as_secs_f64();
    println!("MEASURED media_video_call_fps {rate:.1} 1/s");
    assert!(rate > 10.0, "{rate:.1} pictures a second");
}
