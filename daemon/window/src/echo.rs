//! Hearing oneself: a few seconds of the microphone, played back.
//!
//! Owns: the thread with both streams, one after the other. Does not own: which devices. Invariant: what was
//! recorded is in memory only and gone with the test; the microphone is open for [`LENGTH`] and not longer.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use pipewire::{
    context::Context,
    core::Core,
    main_loop::MainLoop,
    properties::properties,
    spa::{
        param::{
            ParamType,
            audio::{AudioFormat, AudioInfoRaw},
        },
        pod::{Object, Pod, Value, serialize::PodSerializer},
        utils::{Direction, SpaTypes},
    },
    stream::{Stream, StreamFlags, StreamListener, StreamRef, StreamState},
};
use tokio::sync::watch;

const RATE: u32 = 48_000;
const SAMPLE: usize = size_of::<f32>();
/// How long one speaks.
const LENGTH: Duration = Duration::from_secs(3);
/// A device that gives or takes nothing is given up after this, each way.
const LONGEST: Duration = Duration::from_secs(8);

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Heard {
    /// The stream is being opened.
    #[default]
    Opening,
    /// One is heard this loud, 0 to 1, of the loudest that can be.
    Listening(f64),
    /// It is played back.
    Playing,
    /// Over: the loudest there was.
    Over(f64),
}

/// Listens, then plays; the channel ends where a device does not work.
pub(crate) fn start(microphone: &str, speaker: &str) -> std::io::Result<watch::Receiver<Heard>> {
    let (tell, heard) = watch::channel(Heard::default());
    let nodes = [microphone, speaker].map(|node| node.replace('\0', ""));
    std::thread::Builder::new().name("echo".into()).spawn(move || {
        if let Err(error) = run(&nodes, &tell) {
            tracing::warn!(%error, "the test of microphone and speaker");
        }
    })?;
    Ok(heard)
}

fn run(
    [microphone, speaker]: &[String; 2],
    tell: &watch::Sender<Heard>,
) -> Result<(), pipewire::Error> {
    pipewire::init();
    let main_loop = MainLoop::new(None)?;
    let core = Context::new(&main_loop)?.connect(None)?;
    let samples = record(&main_loop, &core, microphone, tell)?;
    let loudest = peak(&samples);
    if samples.is_empty() {
        return Ok(());
    }
    tell.send_replace(Heard::Playing);
    if play(&main_loop, &core, speaker, samples)? {
        tell.send_replace(Heard::Over(loudest));
    }
    Ok(())
}

/// What the microphone hears; nothing where it does not work.
fn record(
    main_loop: &MainLoop,
    core: &Core,
    node: &str,
    tell: &watch::Sender<Heard>,
) -> Result<Vec<f32>, pipewire::Error> {
    let stream = stream(core, node, "Capture")?;
    let taken: Rc<RefCell<Vec<f32>>> = Rc::default();
    let (into, quit, tell) = (taken.clone(), main_loop.clone(), tell.clone());
    let wanted = RATE as usize * LENGTH.as_secs() as usize;
    let listener = listen(&stream, main_loop, move |stream| {
        let fresh = take(stream);
        tell.send_replace(Heard::Listening(peak(&fresh)));
        let mut all = into.borrow_mut();
        all.extend(fresh);
        if all.len() >= wanted {
            quit.quit();
        }
    })?;
    run_stream(main_loop, (stream, listener), Direction::Input)?;
    Ok(taken.take())
}

/// Plays it; whether all of it was taken.
fn play(
    main_loop: &MainLoop,
    core: &Core,
    node: &str,
    samples: Vec<f32>,
) -> Result<bool, pipewire::Error> {
    let stream = stream(core, node, "Playback")?;
    let (place, done) = (Cell::new(0), Rc::new(Cell::new(false)));
    let (over, quit) = (done.clone(), main_loop.clone());
    let listener = listen(&stream, main_loop, move |stream| {
        let given = give(stream, &samples[place.get().min(samples.len())..]);
        place.set(place.get() + given);
        if place.get() >= samples.len() {
            over.set(true);
            quit.quit();
        }
    })?;
    run_stream(main_loop, (stream, listener), Direction::Output)?;
    Ok(done.get())
}

fn stream(core: &Core, node: &str, category: &str) -> Result<Stream, pipewire::Error> {
    let mut wanted = properties! {
        "media.type" => "Audio",
        "media.category" => category,
        "media.role" => "Communication",
        "media.name" => "Ahoy test",
        "node.name" => "ahoy-window-test",
        "application.name" => "Ahoy",
    };
    if !node.is_empty() {
        wanted.insert("target.object", node);
    }
    Stream::new(core, "ahoy-window-test", wanted)
}

fn listen(
    stream: &Stream,
    main_loop: &MainLoop,
    process: impl Fn(&StreamRef) + 'static,
) -> Result<StreamListener<()>, pipewire::Error> {
    let quit = main_loop.clone();
    stream
        .add_local_listener_with_user_data(())
        .state_changed(move |_, (), _, new| {
            if let StreamState::Error(why) = new {
                tracing::debug!(why, "the test of a device");
                quit.quit();
            }
        })
        .process(move |stream, ()| process(stream))
        .register()
}

/// Runs until the stream has done its work, or does none.
fn run_stream(
    main_loop: &MainLoop,
    (stream, listener): (Stream, StreamListener<()>),
    direction: Direction,
) -> Result<(), pipewire::Error> {
    let late = main_loop.clone();
    let timer = main_loop.loop_().add_timer(move |_| late.quit());
    timer.update_timer(Some(LONGEST), None).into_result()?;
    let format = format();
    let mut pods: Vec<&Pod> = Pod::from_bytes(&format).into_iter().collect();
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS;
    stream.connect(direction, None, flags, &mut pods)?;
    main_loop.run();
    stream.disconnect()?;
    drop(listener);
    Ok(())
}

fn take(stream: &StreamRef) -> Vec<f32> {
    let mut fresh = Vec::new();
    while let Some(mut buffer) = stream.dequeue_buffer() {
        let Some(data) = buffer.datas_mut().first_mut() else { continue };
        let (from, size) = (data.chunk().offset() as usize, data.chunk().size() as usize);
        let bytes = data.data().and_then(|bytes| bytes.get(from..from.checked_add(size)?));
        let (samples, _) = bytes.unwrap_or_default().as_chunks::<SAMPLE>();
        fresh.extend(samples.iter().map(|sample| f32::from_le_bytes(*sample)));
    }
    fresh
}

/// Fills a buffer; how many samples it took.
fn give(stream: &StreamRef, samples: &[f32]) -> usize {
    let Some(mut buffer) = stream.dequeue_buffer() else { return 0 };
    let Some(data) = buffer.datas_mut().first_mut() else { return 0 };
    let Some(bytes) = data.data() else { return 0 };
    let (room, _) = bytes.as_chunks_mut::<SAMPLE>();
    let count = room.len().min(samples.len());
    room.iter_mut().zip(samples).for_each(|(room, sample)| *room = sample.to_le_bytes());
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.stride_mut() = SAMPLE as i32;
    *chunk.size_mut() = u32::try_from(count * SAMPLE).unwrap_or(0);
    count
}

fn peak(samples: &[f32]) -> f64 {
    f64::from(samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()))).min(1.0)
}

fn format() -> Vec<u8> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::F32LE);
    info.set_rate(RATE);
    info.set_channels(1);
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: info.into(),
    };
    let cursor = std::io::Cursor::new(Vec::new());
    // Writing to memory cannot fail; an empty offer would be refused by PipeWire and reported.
    PodSerializer::serialize(cursor, &Value::Object(object))
        .map(|(cursor, _)| cursor.into_inner())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_sample_counts_on_either_side_of_silence() {
        assert_eq!(peak(&[]), 0.0);
        assert_eq!(peak(&[0.25, -0.5]), 0.5);
        assert_eq!(peak(&[7.0]), 1.0);
    }
}
