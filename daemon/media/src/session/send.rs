//! Sending: microphone and camera to packets.
//!
//! Owns: the encoding pipelines of a session. Does not own: the capture streams. Invariant: the
//! picture pipeline always matches the format the camera delivers now.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use ahoy_core::media::{MediaPart, SessionId};
use gstreamer_app::AppSrc;

use super::Session;
use crate::{
    describe,
    flow::{self, OnError},
    inbox::{FlowKind, Input, Inputs},
    mix::SharedMixer,
    picture::{CameraFormat, Pace},
    pw::{PictureSink, SoundSink},
};

/// Where camera pictures enter: the pipeline for the format that was last announced.
#[derive(Clone, Default)]
pub(super) struct CameraEntry(Arc<Mutex<Entry>>);

#[derive(Default)]
struct Entry {
    announced: Option<CameraFormat>,
    pipeline: Option<AppSrc>,
    /// Whether a picture came since this was asked last.
    fresh: bool,
}

impl CameraEntry {
    /// What the camera's stream calls with each picture. The first of another format is announced
    /// and dropped: its pipeline is built by the main thread.
    pub(super) fn sink(&self, id: SessionId, fps: u32, inputs: Inputs) -> PictureSink {
        let entry = self.0.clone();
        let pace = Mutex::new(Pace::new(fps));
        Arc::new(move |format, picture| {
            if !pace.lock().is_ok_and(|mut pace| pace.passes(Instant::now())) {
                return;
            }
            let Ok(mut entry) = entry.lock() else {
                return;
            };
            entry.fresh = true;
            if entry.announced != Some(format) {
                *entry = Entry { announced: Some(format), pipeline: None, fresh: true };
                inputs.put(Input::Camera(id, format));
            } else if let Some(pipeline) = &entry.pipeline {
                // Refused only while stopping; a full queue drops its oldest picture.
                let _ = pipeline.push_buffer(gstreamer::Buffer::from_slice(picture));
            }
        })
    }

    fn use_pipeline(&self, format: CameraFormat, pipeline: AppSrc) {
        if let Ok(mut entry) = self.0.lock()
            && entry.announced == Some(format)
        {
            entry.pipeline = Some(pipeline);
        }
    }

    /// Whether a picture came since this was asked last.
    pub(super) fn gave(&self) -> bool {
        self.0.lock().is_ok_and(|mut entry| std::mem::take(&mut entry.fresh))
    }

    /// The pipeline is gone; the next picture announces its format anew.
    pub(super) fn forget(&self) {
        if let Ok(mut entry) = self.0.lock() {
            *entry = Entry::default();
        }
    }
}

/// Adds the other calls' voices to what is captured.
fn mixing(mixer: SharedMixer, sink: SoundSink) -> SoundSink {
    Arc::new(move |bytes| {
        let mixed = mixer.lock().ok().filter(|mixer| !mixer.is_empty()).map(|mut mixer| {
            let samples = bytes.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]]));
            let mut samples: Vec<i16> = samples.collect();
            mixer.add_to(&mut samples);
            samples
        });
        match mixed {
            Some(samples) => {
                let bytes: Vec<u8> = samples.into_iter().flat_map(i16::to_le_bytes).collect();
                sink(&bytes);
            }
            None => sink(bytes),
        }
    })
}

impl Session {
    /// The handler for a pipeline's errors.
    pub(super) fn on_error(&self, kind: FlowKind) -> OnError {
        let (id, inputs) = (self.id, self.inputs.clone());
        Arc::new(move |why| inputs.put(Input::Failed(id, kind, why)))
    }

    /// Starts encoding voice.
    pub(super) fn encode_voice(&mut self) {
        let shared = self.shared.clone();
        let built = flow::send_audio(
            &describe::audio_send(&self.plan.audio),
            self.on_error(FlowKind::AudioSend),
            move |packet| shared.send_voice(packet),
        );
        match built {
            Ok((flow, sink)) => self.voice = Some((flow, mixing(self.mixer.clone(), sink))),
            Err(error) => self.report(MediaPart::Microphone, error.to_string()),
        }
    }

    /// Starts encoding pictures of this format.
    pub(super) fn encode_pictures(&mut self, format: CameraFormat) {
        let Some(plan) = &self.plan.video else {
            return;
        };
        self.pictures = None;
        let (sending, showing) = (self.shared.clone(), self.shared.clone());
        let built = flow::send_video(
            &describe::video_send(plan, format),
            self.on_error(FlowKind::VideoSend),
            move |packet, last| sending.send_picture(packet, last),
            move |picture| showing.show_self(picture),
        );
        match built {
            Ok(flow) => {
                self.camera.use_pipeline(format, flow.entry());
                self.pictures = Some(flow);
            }
            Err(error) => self.report(MediaPart::Camera, error.to_string()),
        }
    }
}
