//! The worker in a call is locked in, every thread of it.

mod common;

use std::fs;

use ahoy_core::media::MediaEvent;
use common::{SoundSystem, call, machine_is_able, video_plan};

#[test]
fn every_thread_of_a_worker_in_a_call_is_under_the_filter_and_has_local_sockets_only() {
    if !machine_is_able() {
        return;
    }
    let system = SoundSystem::start();
    for who in ["a", "b"] {
        system.add_device("Audio/Source/Virtual", &format!("mic-{who}"));
        system.add_device("Audio/Sink", &format!("speaker-{who}"));
    }
    let (a, _b) = call(&system, video_plan);
    a.wait("voice", |event| matches!(event, MediaEvent::AudioPlaying { .. }).then_some(()));
    let process = format!("/proc/{}", a.process.0.id());
    let mut threads = 0;
    for thread in fs::read_dir(format!("{process}/task")).expect("its threads") {
        let status = thread.expect("a thread").path().join("status");
        // A streaming thread may end while we look.
        let Ok(status) = fs::read_to_string(status) else { continue };
        threads += 1;
        assert!(status.contains("\nSeccomp:\t2\n"), "no filter: {status}");
        assert!(status.contains("\nNoNewPrivs:\t1\n"), "may gain privileges: {status}");
    }
    assert!(threads > 4, "{threads} threads");
    // Besides the parent's and PipeWire's, GStreamer wakes its own threads through socket pairs.
    let local = fs::read_to_string(format!("{process}/net/unix")).expect("local sockets");
    let descriptors = fs::read_dir(format!("{process}/fd")).expect("its descriptors");
    let mut sockets = 0;
    for link in descriptors.flatten().filter_map(|it| fs::read_link(it.path()).ok()) {
        let link = link.to_string_lossy().into_owned();
        if let Some(inode) = link.strip_prefix("socket:[").and_then(|it| it.strip_suffix(']')) {
            sockets += 1;
            let listed = local.lines().any(|line| line.split_whitespace().any(|it| it == inode));
            assert!(listed, "{link} is no local socket");
        }
    }
    assert!(sockets >= 2, "{sockets} sockets");
}
