//! GStreamer: pipelines built from text, and the samples that go in and out.
//!
//! Owns: the one thin layer that touches GStreamer. Does not own: what is in a pipeline
//! ([`crate::describe`]) or when it runs ([`crate::session`]). Invariant: every pipeline runs on the
//! system clock, starts and ends in this process, and is stopped when its [`Flow`] is dropped.

mod audio;
mod file;
pub(crate) mod plugins;
mod video;

use std::sync::Arc;

use gstreamer::{self as gst, prelude::*};
use gstreamer_app::{AppSink, AppSrc};

pub(crate) use audio::{receive_audio, send_audio};
pub(crate) use file::{Piece, decode};
pub(crate) use video::{Watcher, receive_video, send_video};

/// Why a pipeline does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlowError {
    /// An element is missing or a property is unknown.
    #[error("the media library cannot build this ({0}); are its plugins installed?")]
    Build(String),
    /// It was built but does not start.
    #[error("the media library does not start this ({0})")]
    Start(String),
}

/// Told when a pipeline fails while it runs. Called on a thread of GStreamer.
pub(crate) type OnError = Arc<dyn Fn(String) + Send + Sync>;

/// A running pipeline.
pub(crate) struct Flow {
    pipeline: gst::Pipeline,
    entry: AppSrc,
}

impl Flow {
    /// Builds a pipeline, lets `wire` attach to it, and starts it.
    fn start(
        text: &str,
        on_error: OnError,
        wire: impl FnOnce(&gst::Pipeline) -> Result<(), FlowError>,
    ) -> Result<Self, FlowError> {
        let built =
            gst::parse::launch(text).map_err(|error| FlowError::Build(error.to_string()))?;
        let pipeline = built
            .downcast::<gst::Pipeline>()
            .map_err(|_| FlowError::Build("a single element is no pipeline".into()))?;
        let entry = element(&pipeline, crate::describe::IN)?
            .downcast::<AppSrc>()
            .map_err(|_| FlowError::Build("the entry is no appsrc".into()))?;
        // The clock of a device would tie sending and playing together through PipeWire.
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        watch(&pipeline, on_error);
        wire(&pipeline)?;
        // From here on dropping it stops it.
        let flow = Self { pipeline, entry };
        match flow.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(flow),
            Err(error) => Err(FlowError::Start(error.to_string())),
        }
    }

    /// Where data goes in; may be kept by the thread that has it.
    pub(crate) fn entry(&self) -> AppSrc {
        self.entry.clone()
    }

    /// Puts one packet in, stamped with its time of arrival.
    pub(crate) fn push(&self, packet: &[u8]) {
        // Refused only while stopping.
        let _ = self.entry.push_buffer(gst::Buffer::from_slice(packet.to_vec()));
    }

    /// Puts all of a file in.
    pub(crate) fn push_all(&self, file: &[u8]) {
        self.push(file);
        // Refused only while stopping.
        let _ = self.entry.end_of_stream();
    }

    /// Packets that the jitter buffer declared lost.
    pub(crate) fn lost(&self) -> u64 {
        self.jitter_buffer("num-lost")
    }

    /// How much the arrival of packets varies, ms (RFC 3550, 6.4.1).
    pub(crate) fn jitter_ms(&self) -> u32 {
        (self.jitter_buffer("avg-jitter") / 1_000_000) as u32
    }

    fn jitter_buffer(&self, count: &str) -> u64 {
        let jitter = self.pipeline.by_name(crate::describe::JITTER);
        let stats = jitter.map(|jitter| jitter.property::<gst::Structure>("stats"));
        stats.and_then(|stats| stats.get::<u64>(count).ok()).unwrap_or(0)
    }

    /// Asks the encoder for a picture that stands alone.
    pub(crate) fn force_key_frame(&self) {
        let wish = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
        if let Some(sink) = self.pipeline.by_name(crate::describe::OUT) {
            sink.send_event(gst::event::CustomUpstream::new(wish));
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn element(pipeline: &gst::Pipeline, name: &str) -> Result<gst::Element, FlowError> {
    let missing = || FlowError::Build(format!("no element is called {name}"));
    pipeline.by_name(name).ok_or_else(missing)
}

fn sink(pipeline: &gst::Pipeline, name: &str) -> Result<AppSink, FlowError> {
    element(pipeline, name)?
        .downcast::<AppSink>()
        .map_err(|_| FlowError::Build(format!("{name} is no appsink")))
}

/// Has every sample of a sink handled where it arrives.
fn on_sample(sink: &AppSink, handle: impl Fn(&gst::Sample) + Send + Sync + 'static) {
    let pulled = move |sink: &AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        handle(&sample);
        Ok(gst::FlowSuccess::Ok)
    };
    let callbacks = gstreamer_app::AppSinkCallbacks::builder().new_sample(pulled).build();
    sink.set_callbacks(callbacks);
}

/// Reports errors. There is no main loop: the handler runs where the message is posted and drops
/// all of them, so none pile up.
fn watch(pipeline: &gst::Pipeline, on_error: OnError) {
    let Some(bus) = pipeline.bus() else {
        return;
    };
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            on_error(error.error().to_string());
        }
        gst::BusSyncReply::Drop
    });
}
