//! Picture pipelines: camera to packets and self view, packets to pictures.
//!
//! Owns: refusing pictures before the decoder, noticing that a key frame is needed. Does not own:
//! who is asked for it. Invariant: no frame larger than agreed, and none without a preceding key
//! frame that was accepted, reaches the decoder.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ahoy_core::media::VideoSize;
use gstreamer::{self as gst, prelude::*};

use super::{Flow, FlowError, OnError, audio::with_bytes, element, on_sample, sink};
use crate::{
    describe::{DEPAY, OUT, SHOW},
    picture::Shown,
    vp8::{self, FrameHead},
};

/// Starts encoding; `send` gets each packet, `show` the pictures of the self view.
pub(crate) fn send_video(
    text: &str,
    on_error: OnError,
    send: impl Fn(&[u8], bool) + Send + Sync + 'static,
    show: impl Fn(Shown) + Send + Sync + 'static,
) -> Result<Flow, FlowError> {
    Flow::start(text, on_error, |pipeline| {
        on_sample(&sink(pipeline, OUT)?, move |sample| {
            // The payloader sets the marker on a picture's last packet.
            let last =
                sample.buffer().is_some_and(|it| it.flags().contains(gst::BufferFlags::MARKER));
            with_bytes(sample, &|bytes| send(bytes, last));
        });
        on_sample(&sink(pipeline, SHOW)?, move |sample| with_picture(sample, &show));
        Ok(())
    })
}

/// What a receiving pipeline tells. Called on threads of GStreamer.
pub(crate) struct Watcher {
    /// A picture was decoded.
    pub(crate) show: Box<dyn Fn(Shown) + Send + Sync>,
    /// The decoder cannot go on without a key frame.
    pub(crate) key_frame_needed: Arc<dyn Fn() + Send + Sync>,
    /// A picture of this size was refused.
    pub(crate) refused: Box<dyn Fn(u32, u32) + Send + Sync>,
}

/// Starts decoding pictures no larger than `accept`.
pub(crate) fn receive_video(
    text: &str,
    accept: VideoSize,
    on_error: OnError,
    watcher: Watcher,
) -> Result<Flow, FlowError> {
    let Watcher { show, key_frame_needed, refused } = watcher;
    Flow::start(text, on_error, |pipeline| {
        on_sample(&sink(pipeline, SHOW)?, move |sample| with_picture(sample, &show));
        let depay = element(pipeline, DEPAY)?;
        let no_pad = || FlowError::Build("the depayloader has no pads".into());
        let frames = depay.static_pad("src").ok_or_else(no_pad)?;
        let open = AtomicBool::new(false);
        let wanted = key_frame_needed.clone();
        frames.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let verdict = info.buffer().map_or(Verdict::Drop, |frame| judge(frame, accept, &open));
            match verdict {
                Verdict::Pass => gst::PadProbeReturn::Ok,
                Verdict::Drop => gst::PadProbeReturn::Drop,
                Verdict::WantKeyFrame => {
                    wanted();
                    gst::PadProbeReturn::Drop
                }
                Verdict::Refuse(width, height) => {
                    refused(width, height);
                    gst::PadProbeReturn::Drop
                }
            }
        });
        // Wishes of the depayloader (packets lost) and the decoder (cannot decode) come by here.
        let packets = depay.static_pad("sink").ok_or_else(no_pad)?;
        packets.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let wish = info.event().and_then(|event| Some(event.structure()?.name() == KEY_WISH));
            if wish == Some(true) {
                key_frame_needed();
            }
            gst::PadProbeReturn::Ok
        });
        Ok(())
    })
}

/// The name of GStreamer's event that asks for a key frame.
const KEY_WISH: &str = "GstForceKeyUnit";

#[derive(Clone, Copy)]
enum Verdict {
    Pass,
    Drop,
    WantKeyFrame,
    Refuse(u32, u32),
}

/// Judges one frame. `open` is whether the last key frame was accepted.
fn judge(frame: &gst::BufferRef, accept: VideoSize, open: &AtomicBool) -> Verdict {
    let Ok(map) = frame.map_readable() else {
        return Verdict::Drop;
    };
    match vp8::head(&map) {
        FrameHead::Key { width, height } => {
            let fits = vp8::acceptable(width, height, accept);
            open.store(fits, Ordering::Relaxed);
            if fits { Verdict::Pass } else { Verdict::Refuse(width, height) }
        }
        FrameHead::Delta if open.load(Ordering::Relaxed) => Verdict::Pass,
        FrameHead::Delta => Verdict::Drop,
        FrameHead::Broken => Verdict::WantKeyFrame,
    }
}

fn with_picture(sample: &gst::Sample, show: &dyn Fn(Shown)) {
    let size = sample.caps().and_then(|caps| {
        let format = caps.structure(0)?;
        let side = |name| format.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
        Some((side("width")?, side("height")?))
    });
    let Some((width, height)) = size else {
        return;
    };
    with_bytes(sample, &|bytes| {
        // BGRA rows have no gaps in GStreamer: four bytes a pixel are always aligned.
        if bytes.len() == width as usize * height as usize * 4 {
            show(Shown { width, height, pixels: bytes.to_vec() });
        }
    });
}
