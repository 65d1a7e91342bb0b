//! Voice pipelines: samples to packets, packets to samples.
//!
//! Owns: time stamps of captured sound. Does not own: the playout. Invariant: captured samples are
//! stamped by their number, so packets' times count samples; only a real gap (mute) moves them.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gstreamer as gst;

use super::{Flow, FlowError, OnError, on_sample, sink};
use crate::{describe::OUT, pw::SoundSink, sound::RATE};

/// Starts encoding; `send` gets each packet. Returns the flow and where captured sound goes in.
pub(crate) fn send_audio(
    text: &str,
    on_error: OnError,
    send: impl Fn(&[u8]) + Send + Sync + 'static,
) -> Result<(Flow, SoundSink), FlowError> {
    let flow = Flow::start(text, on_error, |pipeline| {
        on_sample(&sink(pipeline, OUT)?, move |sample| with_bytes(sample, &send));
        Ok(())
    })?;
    let entry = flow.entry();
    let stamps = Mutex::new(Stamps::new(Instant::now()));
    let sink: SoundSink = Arc::new(move |bytes| {
        let Ok(stamp) =
            stamps.lock().map(|mut stamps| stamps.next(Instant::now(), bytes.len() / 2))
        else {
            return;
        };
        let mut buffer = gst::Buffer::from_slice(bytes.to_vec());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(stamp.as_nanos() as u64));
        }
        let _ = entry.push_buffer(buffer);
    });
    Ok((flow, sink))
}

/// Starts decoding; `play` gets the samples as they come.
pub(crate) fn receive_audio(
    text: &str,
    on_error: OnError,
    play: impl Fn(&[u8]) + Send + Sync + 'static,
) -> Result<Flow, FlowError> {
    Flow::start(text, on_error, |pipeline| {
        on_sample(&sink(pipeline, OUT)?, move |sample| with_bytes(sample, &play));
        Ok(())
    })
}

pub(super) fn with_bytes(sample: &gst::Sample, take: &dyn Fn(&[u8])) {
    if let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) {
        take(&map);
    }
}

/// Gives captured samples their times.
struct Stamps {
    start: Instant,
    next: Duration,
}

/// Samples this far from where their number puts them follow a gap: the microphone was closed.
const GAP: Duration = Duration::from_millis(150);

impl Stamps {
    const fn new(start: Instant) -> Self {
        Self { start, next: Duration::ZERO }
    }

    /// The time of the first of `count` samples that arrived `now`.
    fn next(&mut self, now: Instant, count: usize) -> Duration {
        let length = Duration::from_secs(count as u64) / RATE;
        let arrived = now.duration_since(self.start).saturating_sub(length);
        if arrived.abs_diff(self.next) > GAP {
            self.next = arrived.max(self.next);
        }
        let stamp = self.next;
        self.next += length;
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn jittery_arrival_does_not_move_the_stamps() {
        let start = Instant::now();
        let mut stamps = Stamps::new(start);
        for (number, late) in [0, 9, 2, 30, 1].into_iter().enumerate() {
            let now = start + MS * (10 * (number as u32 + 1) + late);
            assert_eq!(stamps.next(now, 480), MS * 10 * number as u32);
        }
    }

    #[test]
    fn a_closed_microphone_leaves_a_gap() {
        let start = Instant::now();
        let mut stamps = Stamps::new(start);
        stamps.next(start + MS * 10, 480);
        assert_eq!(stamps.next(start + MS * 5010, 480), MS * 5000);
        assert_eq!(stamps.next(start + MS * 5020, 480), MS * 5010);
    }
}
