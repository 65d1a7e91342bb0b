//! Looking at pictures as a window does.
//!
//! Owns: reading a node's pictures. Does not own: the node. Invariant: what is looked at came through
//! PipeWire.

use super::{Running, SoundSystem, wait_for};

/// The colour (RGBA) in the middle of what a node shows, as a window would get it.
pub fn look_at(system: &SoundSystem, node: &str, (width, height): (u32, u32)) -> [u8; 4] {
    let file = system.dir.join(format!("{node}.bgra"));
    let location = format!("location={}", file.display());
    let target = format!("target-object={node}");
    let child = system
        .command("gst-launch-1.0")
        .args(["-q", "pipewiresrc", &target, "num-buffers=6", "!"])
        .args(["video/x-raw,format=BGRA", "!", "filesink", &location])
        .spawn();
    let mut child = Running(child.expect("gst-launch-1.0"));
    wait_for(&format!("pictures from {node}"), || child.0.try_wait().expect("its state"));
    let bytes = std::fs::read(&file).expect("pictures");
    let picture = (width * height * 4) as usize;
    assert!(bytes.len() >= picture, "{} bytes from {node}", bytes.len());
    let middle = bytes.len() - picture / 2 + width as usize * 2;
    let [blue, green, red, alpha] = bytes[middle..middle + 4].try_into().expect("a pixel");
    [red, green, blue, alpha]
}

/// Whether a colour is mostly this one of red, green and blue.
pub fn mostly(colour: [u8; 4], channel: usize) -> bool {
    (0..3).all(|other| other == channel || colour[channel] > colour[other].saturating_add(80))
}
