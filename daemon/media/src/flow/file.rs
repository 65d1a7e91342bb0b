//! Decoding a file: bytes in, samples out, until its end.
//!
//! Owns: the end and the failure of such a pipeline. Does not own: which file. Invariant: whoever
//! takes the samples sets the pace, and a pipeline whose taker is gone ends.

use std::sync::{Arc, mpsc::SyncSender};

use gstreamer as gst;
use gstreamer_app::AppSinkCallbacks;

use super::{Flow, FlowError, sink};
use crate::describe::OUT;

/// What comes of a file.
pub(crate) enum Piece {
    /// The next samples.
    Samples(Vec<i16>),
    /// There are no more.
    End,
    /// It cannot be decoded, or no further.
    Failed(String),
}

/// Starts decoding.
pub(crate) fn decode(text: &str, tell: SyncSender<Piece>) -> Result<Flow, FlowError> {
    let (ended, failed) = (tell.clone(), tell.clone());
    let on_error = Arc::new(move |why| drop(failed.try_send(Piece::Failed(why))));
    Flow::start(text, on_error, |pipeline| {
        let callbacks = AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let buffer = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
                let bytes = buffer.ok_or(gst::FlowError::Error)?;
                let pairs = bytes.chunks_exact(2);
                let samples = pairs.map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
                tell.send(Piece::Samples(samples)).map_err(|_| gst::FlowError::Eos)?;
                Ok(gst::FlowSuccess::Ok)
            })
            // The taker may be gone.
            .eos(move |_| drop(ended.send(Piece::End)))
            .build();
        sink(pipeline, OUT)?.set_callbacks(callbacks);
        Ok(())
    })
}
