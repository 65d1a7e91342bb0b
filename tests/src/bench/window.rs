//! What it costs to show a call: the window's CPU and memory at 360p30, by each renderer that GTK has here.
//!
//! Owns: the scene. Does not own: the window. Invariant: a peer that shows the same picture on the same screen
//! is measured in the same run.

use std::{
    thread,
    time::{Duration, Instant},
};

use ahoy_trial::{Person, Result, Setup, Stage, until, window::Windows};

use crate::{
    figure,
    process::{cpu, pss},
    progress,
};

/// CPU is counted over this time.
const COUNTED: Duration = Duration::from_secs(10);
/// The first pictures are dearer: windows are opened, and the buttons before the picture have not receded yet.
const SETTLED: Duration = Duration::from_secs(6);
/// By their names in `GSK_RENDERER`. Without a graphics card GL is drawn by the processor.
const RENDERERS: [&str; 2] = ["cairo", "gl"];

/// What Bob's camera sees.
const BOB: [u8; 3] = [0xa0, 0x40, 0x20];

/// Runs it.
pub(crate) fn run() -> Result<()> {
    let peer = with_two(peer)?;
    let mut last = Ok(());
    let mut drawn = false;
    for renderer in RENDERERS {
        let play = |stage: &Stage, alice: &Person<'_>, bob: &Person<'_>, contact: &str| {
            drawn_by(renderer, peer, (stage, alice, bob, contact))
        };
        let done = with_two(play);
        // Not every screen has every renderer.
        if let Err(trouble) = &done {
            progress(&format!("not drawn by {renderer} here: {trouble}"));
        }
        drawn |= done.is_ok();
        last = done;
    }
    if drawn { Ok(()) } else { last }
}

/// On a stage of their own: a screen keeps something of each program that was on it.
fn with_two<T>(
    play: impl FnOnce(&Stage, &Person<'_>, &Person<'_>, &str) -> Result<T>,
) -> Result<T> {
    let stage = Stage::start()?;
    let alice = Person::start(&stage, "Alice", Setup { notifications: false, ..Setup::ALL })?;
    let setup = Setup { notifications: false, camera: Some(0xa0_40_20), ..Setup::ALL };
    let bob = Person::start(&stage, "Bob", setup)?;
    let contact = bob.accept(&alice.invite()?)?;
    play(&stage, &alice, &bob, &contact)
}

fn drawn_by(
    renderer: &str,
    peer: Option<f64>,
    (stage, alice, bob, contact): (&Stage, &Person<'_>, &Person<'_>, &str),
) -> Result<()> {
    progress(&format!("a video call drawn by {renderer}"));
    let windows = Windows::open(alice, &["--background"], &[("GSK_RENDERER", renderer)])?;
    let call = talk(alice, bob, contact)?;
    // GTK 4.8 tells screen readers of nothing while it has to draw, which without a card it always has.
    until("Bob on the screen", || is_seen(stage).then_some(()))?;
    let name = format!("window_360p30_{renderer}");
    if let Some(share) = counted(windows.process()) {
        figure(&format!("{name}_cpu"), share, "% of a core");
        if let Some(peer) = peer.filter(|peer| *peer > 0.0) {
            figure(&format!("{name}_ratio"), share / peer, "times GStreamer without a window");
        }
    }
    if let Some(memory) = pss(windows.process()) {
        figure(&format!("{name}_pss"), memory, "MB");
    }
    end(alice, bob, &call)
}

/// Whether a fifth of the screen is Bob.
fn is_seen(stage: &Stage) -> bool {
    let Ok((rgb, width, height)) = stage.look() else { return false };
    let is_bob = |pixel: &&[u8]| pixel.iter().zip(BOB).all(|(one, it)| one.abs_diff(it) < 24);
    rgb.chunks_exact(3).filter(is_bob).count() * 5 > width * height
}

/// The same pictures read and scaled to the same size by GStreamer, and not shown: what anybody pays at least.
fn peer(stage: &Stage, alice: &Person<'_>, bob: &Person<'_>, contact: &str) -> Result<Option<f64>> {
    progress("the same pictures scaled by GStreamer");
    let call = talk(alice, bob, contact)?;
    let ringing = alice.current("ActiveCall").unwrap_or_default();
    let node = until("a picture", || {
        let node = alice.bus.text(&ringing, "Call", "RemoteVideoNode");
        (!node.is_empty()).then_some(node)
    })?;
    let target = format!("target-object={node}");
    let (size, scaled) = ("video/x-raw,width=960,height=540,format=BGRx", "videoconvertscale");
    let mut command = stage.command("gst-launch-1.0");
    command.args(["-q", "pipewiresrc", &target, "!", scaled, "!", size, "!", "fakesink"]);
    let viewer = ahoy_trial::process::Running::start("gst-launch-1.0", &mut command)?;
    let share = counted(viewer.id());
    drop(viewer);
    end(alice, bob, &call)?;
    if let Some(share) = share {
        figure("window_360p30_gstreamer_cpu", share, "% of a core");
    }
    Ok(share)
}

/// % of a core.
fn counted(process: u32) -> Option<f64> {
    thread::sleep(SETTLED);
    let (before, start) = (cpu(process)?, Instant::now());
    thread::sleep(COUNTED);
    Some((cpu(process)? - before) / start.elapsed().as_secs_f64() * 100.0)
}

fn talk(alice: &Person<'_>, bob: &Person<'_>, contact: &str) -> Result<String> {
    let call = bob.call(contact, true)?;
    let ringing = alice.rings()?;
    alice.answer(&ringing, true)?;
    bob.until_state(&call, "active")?;
    alice.until_state(&ringing, "active")?;
    Ok(call)
}

fn end(alice: &Person<'_>, bob: &Person<'_>, call: &str) -> Result<()> {
    bob.hang_up(call)?;
    for person in [alice, bob] {
        until("the end", || person.current("ActiveCall").is_none().then_some(()))?;
    }
    Ok(())
}
