//! Snapshots of the pipelines, as text.

use super::*;

const AUDIO: AudioPlan = AudioPlan { frame_ms: 10, bitrate: 32_000, jitter_ms: 20, muted: false };
const VIDEO: VideoPlan =
    VideoPlan { send: true, size: VideoSize::P360, bitrate: 500_000, accept: VideoSize::P720 };

/// One element per line, for reading.
fn lines(text: &str) -> Vec<String> {
    text.split(" ! ").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn voice_is_sent_as_constant_bit_rate_opus_with_fec() {
    assert_eq!(
        lines(&audio_send(&AUDIO)),
        [
            "appsrc name=in is-live=true format=time \
             caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1",
            "opusenc audio-type=voice bitrate=32000 bitrate-type=cbr inband-fec=true \
             packet-loss-percentage=5 dtx=false frame-size=10 complexity=9",
            "rtpopuspay pt=96 mtu=1085",
            "appsink name=out sync=false async=false max-buffers=16 drop=true",
        ]
    );
}

#[test]
fn frame_length_is_10_or_20_ms_and_nothing_else() {
    for (planned, coded) in [(10, 10), (20, 20), (0, 20), (60, 20)] {
        let plan = AudioPlan { frame_ms: planned, ..AUDIO };
        assert!(audio_send(&plan).contains(&format!("frame-size={coded} ")), "{planned}");
    }
}

#[test]
fn a_plan_out_of_range_still_gives_a_pipeline_in_range() {
    let plan = AudioPlan { bitrate: u32::MAX, jitter_ms: u32::MAX, ..AUDIO };
    assert!(audio_send(&plan).contains("bitrate=128000 "));
    assert!(audio_receive(&plan).contains("latency=500 "));
    let plan = VideoPlan { bitrate: 0, ..VIDEO };
    let camera = CameraFormat { layout: Layout::I420, width: 640, height: 360 };
    assert!(video_send(&plan, camera).contains("target-bitrate=50000 "));
}

#[test]
fn voice_is_received_through_the_jitter_buffer_with_concealment() {
    assert_eq!(
        lines(&audio_receive(&AUDIO)),
        [
            "appsrc name=in is-live=true format=time do-timestamp=true \
             caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=96",
            "rtpjitterbuffer name=jitter latency=20 do-lost=true",
            "rtpopusdepay name=depay",
            "opusdec plc=true use-inband-fec=true",
            "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1",
            "appsink name=out sync=false async=false max-buffers=64 drop=true",
        ]
    );
}

#[test]
fn pictures_are_scaled_coded_and_shown_to_ourselves() {
    let camera = CameraFormat { layout: Layout::Yuy2, width: 1280, height: 720 };
    let text = video_send(&VIDEO, camera);
    let lines = lines(&text);
    assert_eq!(
        lines[0],
        "appsrc name=in is-live=true format=time do-timestamp=true max-buffers=2 \
         leaky-type=downstream caps=video/x-raw,format=YUY2,width=1280,height=720,framerate=30/1,\
         pixel-aspect-ratio=1/1"
    );
    assert_eq!(lines[3], "video/x-raw,format=I420,width=640,height=360,pixel-aspect-ratio=1/1");
    assert_eq!(
        lines[6],
        "vp8enc deadline=1 cpu-used=-6 threads=1 end-usage=cbr target-bitrate=500000 \
         keyframe-max-dist=150 lag-in-frames=0 dropframe-threshold=30 buffer-initial-size=300 \
         buffer-optimal-size=400 buffer-size=600"
    );
    assert_eq!(lines[7], "rtpvp8pay pt=97 mtu=1085 picture-id-mode=15-bit");
    assert!(!text.contains("jpegdec"));
}

#[test]
fn a_jpeg_camera_gets_a_decoder() {
    let camera = CameraFormat { layout: Layout::Jpeg, width: 1280, height: 720 };
    let text = video_send(&VIDEO, camera);
    assert!(text.contains("caps=image/jpeg,parsed=true,width=1280,height=720"));
    assert!(text.contains("pixel-aspect-ratio=1/1 ! jpegdec ! videoconvert"));
}

#[test]
fn pictures_are_received_from_a_key_frame_on() {
    assert_eq!(
        lines(&video_receive()),
        [
            "appsrc name=in is-live=true format=time do-timestamp=true \
             caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=VP8,payload=97",
            "rtpjitterbuffer name=jitter latency=60 do-lost=true",
            "rtpvp8depay name=depay wait-for-keyframe=true request-keyframe=true",
            "vp8dec threads=1",
            "videoconvert",
            "video/x-raw,format=BGRA",
            "appsink name=show sync=false async=false max-buffers=2 drop=true",
        ]
    );
}

#[test]
fn every_element_named_in_a_pipeline_is_loaded_before_the_lock() {
    let camera = CameraFormat { layout: Layout::Jpeg, width: 64, height: 64 };
    let mut all = vec![
        audio_send(&AUDIO),
        audio_receive(&AUDIO),
        video_send(&VIDEO, camera),
        video_receive(),
    ];
    let ringtones = [RingtoneFormat::OggVorbis, RingtoneFormat::OggOpus, RingtoneFormat::Wav];
    all.extend(ringtones.map(ringtone));
    let loaded = [&ELEMENTS[..], &RINGTONE_ELEMENTS].concat();
    for text in all {
        for part in text.replace(" split. ! ", " ! ").split(" ! ") {
            let name = part.split_whitespace().next().unwrap_or("capsfilter");
            let caps = name.contains('/');
            assert!(caps || loaded.contains(&name), "{name} is not loaded");
        }
    }
}
