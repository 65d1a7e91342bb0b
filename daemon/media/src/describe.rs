//! From plan to pipeline, as text.
//!
//! Owns: which elements with which properties carry out a plan. Does not own: building or running
//! them ([`crate::flow`]) or devices ([`crate::pw`]): every pipeline starts and ends in the process.
//! Invariant: pure; the same plan gives the same text. Names used from outside are the constants.

use ahoy_core::{
    media::{AudioPlan, RingtoneFormat, VideoPlan, VideoSize},
    worker::MAX_RTP,
};

use crate::{
    picture::{CameraFormat, Layout},
    sound::RATE,
};

/// Where data enters a pipeline.
pub(crate) const IN: &str = "in";
/// Where packets or sound leave it.
pub(crate) const OUT: &str = "out";
/// Where pictures to show leave it.
pub(crate) const SHOW: &str = "show";
/// The jitter buffer.
pub(crate) const JITTER: &str = "jitter";
/// What joins packets to frames.
pub(crate) const DEPAY: &str = "depay";

/// RTP payload type of voice.
pub(crate) const AUDIO_PT: u8 = 96;
/// RTP payload type of pictures.
pub(crate) const VIDEO_PT: u8 = 97;
/// Loss the Opus encoder is told to expect, percent. Past 5 libopus 1.3.1 spends so much of 32 kbit/s
/// on redundancy that voice suffers (measured: spectral distance of speech 7.6 -> 9.0 dB at 10 ms
/// frames, sweeps out of silence unrecognisable); up to 5 it keeps redundancy for when it is cheap.
const EXPECTED_LOSS: u8 = 5;
/// How long a missing video packet is waited for, ms. Pictures are not delayed by it unless one is
/// missing; past it a key frame is cheaper than the wait.
const VIDEO_WAIT_MS: u32 = 60;
/// Frames between key frames when nobody asks for one: loss is repaired on request, this is only
/// the net under it.
const KEY_FRAME_EVERY: u32 = 150;

/// Elements the pipelines are made of: loaded before the worker locks itself in.
pub(crate) const ELEMENTS: [&str; 17] = [
    "appsrc",
    "appsink",
    "capsfilter",
    "jpegdec",
    "opusdec",
    "opusenc",
    "queue",
    "rtpjitterbuffer",
    "rtpopusdepay",
    "rtpopuspay",
    "rtpvp8depay",
    "rtpvp8pay",
    "tee",
    "videoconvert",
    "videoscale",
    "vp8dec",
    "vp8enc",
];
/// Elements that only apps' ringtones need: without them the ring is our own.
pub(crate) const RINGTONE_ELEMENTS: [&str; 5] =
    ["audioconvert", "audioresample", "oggdemux", "vorbisdec", "wavparse"];
/// The plugins they are in, by the name of their file.
pub(crate) const PLUGINS: [&str; 13] = [
    "app",
    "audioconvert",
    "audioresample",
    "coreelements",
    "jpeg",
    "ogg",
    "opus",
    "rtp",
    "rtpmanager",
    "videoconvertscale",
    "vorbis",
    "vpx",
    "wavparse",
];

fn raw_sound() -> String {
    format!("audio/x-raw,format=S16LE,layout=interleaved,rate={RATE},channels=1")
}

/// A ringtone's file to samples, as fast as they are taken.
pub(crate) fn ringtone(format: RingtoneFormat) -> String {
    let sound = raw_sound();
    let decode = match format {
        RingtoneFormat::OggVorbis => "oggdemux ! vorbisdec",
        RingtoneFormat::OggOpus => "oggdemux ! opusdec",
        RingtoneFormat::Wav => "wavparse",
    };
    format!(
        "appsrc name={IN} format=bytes ! {decode} ! audioconvert ! audioresample ! {sound} \
         ! appsink name={OUT} sync=false async=false"
    )
}

/// Microphone samples to RTP. CBR without DTX: sizes of packets must not tell phrases. In-band FEC
/// works only with the voice modes of Opus, hence the audio type.
pub(crate) fn audio_send(plan: &AudioPlan) -> String {
    let sound = raw_sound();
    let frame = if plan.frame_ms == 10 { 10 } else { 20 };
    let bitrate = plan.bitrate.clamp(6_000, 128_000);
    format!(
        "appsrc name={IN} is-live=true format=time caps={sound} \
         ! opusenc audio-type=voice bitrate={bitrate} bitrate-type=cbr inband-fec=true \
         packet-loss-percentage={EXPECTED_LOSS} dtx=false frame-size={frame} complexity=9 \
         ! rtpopuspay pt={AUDIO_PT} mtu={MAX_RTP} \
         ! appsink name={OUT} sync=false async=false max-buffers=16 drop=true"
    )
}

/// RTP to samples. Nothing here waits for a clock except a missing packet: the delay is kept by
/// [`crate::playout`], so the 120 ms that opusdec declares with in-band FEC cost nothing.
pub(crate) fn audio_receive(plan: &AudioPlan) -> String {
    let sound = raw_sound();
    let wait = plan.jitter_ms.clamp(10, 500);
    format!(
        "appsrc name={IN} is-live=true format=time do-timestamp=true \
         caps=application/x-rtp,media=audio,clock-rate={RATE},encoding-name=OPUS,payload={AUDIO_PT} \
         ! rtpjitterbuffer name={JITTER} latency={wait} do-lost=true \
         ! rtpopusdepay name={DEPAY} ! opusdec plc=true use-inband-fec=true ! {sound} \
         ! appsink name={OUT} sync=false async=false max-buffers=64 drop=true"
    )
}

/// Caps of what a camera delivers, at the planned rate at most.
fn camera_caps(format: CameraFormat, fps: u32) -> String {
    let CameraFormat { layout, width, height } = format;
    let kind = match layout {
        Layout::Yuy2 => "video/x-raw,format=YUY2",
        Layout::I420 => "video/x-raw,format=I420",
        Layout::Nv12 => "video/x-raw,format=NV12",
        Layout::Rgbx => "video/x-raw,format=RGBx",
        Layout::Bgrx => "video/x-raw,format=BGRx",
        Layout::Rgb => "video/x-raw,format=RGB",
        Layout::Bgr => "video/x-raw,format=BGR",
        Layout::Jpeg => "image/jpeg,parsed=true",
    };
    format!("{kind},width={width},height={height},framerate={fps}/1,pixel-aspect-ratio=1/1")
}

/// Camera pictures to RTP, and to the self view. A camera that is too fast is slowed down before
/// this (videorate aborts the process on cameras without a fixed rate, 1.22.0); a slow one costs no
/// invented pictures. The queues drop what the encoder has no time for.
pub(crate) fn video_send(plan: &VideoPlan, camera: CameraFormat) -> String {
    let decode = if camera.layout == Layout::Jpeg { "! jpegdec " } else { "" };
    let VideoSize { width, height, fps } = plan.size;
    let caps = camera_caps(camera, fps);
    let bitrate = plan.bitrate.max(50_000);
    // More threads wait for each other in busy loops (measured: 35 % of a core with two at 360p30);
    // they pay off only where one would not keep up on a slow machine.
    let threads = if width * height > 640 * 480 { 2 } else { 1 };
    format!(
        "appsrc name={IN} is-live=true format=time do-timestamp=true max-buffers=2 \
         leaky-type=downstream caps={caps} {decode}\
         ! videoconvert ! videoscale \
         ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1 \
         ! tee name=split \
         split. ! queue max-size-buffers=2 max-size-time=0 max-size-bytes=0 leaky=downstream \
         ! vp8enc deadline=1 cpu-used=-6 threads={threads} end-usage=cbr target-bitrate={bitrate} \
         keyframe-max-dist={KEY_FRAME_EVERY} lag-in-frames=0 dropframe-threshold=30 \
         buffer-initial-size=300 buffer-optimal-size=400 buffer-size=600 \
         ! rtpvp8pay pt={VIDEO_PT} mtu={MAX_RTP} picture-id-mode=15-bit \
         ! appsink name={OUT} sync=false async=false max-buffers=256 drop=true \
         split. ! queue max-size-buffers=1 max-size-time=0 max-size-bytes=0 leaky=downstream \
         ! videoconvert ! video/x-raw,format=BGRA \
         ! appsink name={SHOW} sync=false async=false max-buffers=1 drop=true"
    )
}

/// RTP to pictures to show.
pub(crate) fn video_receive() -> String {
    format!(
        "appsrc name={IN} is-live=true format=time do-timestamp=true \
         caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload={VIDEO_PT} \
         ! rtpjitterbuffer name={JITTER} latency={VIDEO_WAIT_MS} do-lost=true \
         ! rtpvp8depay name={DEPAY} wait-for-keyframe=true request-keyframe=true \
         ! vp8dec threads=1 ! videoconvert ! video/x-raw,format=BGRA \
         ! appsink name={SHOW} sync=false async=false max-buffers=2 drop=true"
    )
}

#[cfg(test)]
mod tests;
