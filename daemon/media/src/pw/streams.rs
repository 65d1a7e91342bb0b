//! The streams themselves: one function for each kind, and what they do with a buffer.
//!
//! Owns: node properties, buffers, reading and filling them. Does not own: when a stream exists
//! ([`super::thread`]). Invariant: callbacks touch only what they were given and send notes. Sound is
//! handled on the library's data thread, once a cycle; everything else on the PipeWire thread. What
//! both could reach is behind a lock that is held for a copy and no longer.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Mutex},
};

use pipewire::{
    core::Core,
    properties::Properties,
    spa::{param::ParamType, pod::Pod, utils::Direction},
    stream::{ListenerLocalBuilder, Stream, StreamFlags, StreamListener, StreamRef, StreamState},
};

use super::{Note, Notes, Spec, formats};
use crate::{
    health::Key,
    picture::{CameraFormat, Given, Shown, Slot, repack},
    sound::{RATE, Sound},
};

/// An open stream. Disconnected first, so that the data thread is out of the callbacks; then fields
/// are dropped in this order: the listener before what it listens to.
pub(super) struct Open {
    _listener: StreamListener<()>,
    stream: Stream,
    /// Being closed is no news.
    closing: Rc<Cell<bool>>,
    shows: Option<Shows>,
}

/// What a video node shows.
#[derive(Clone)]
struct Shows {
    slot: Arc<Slot>,
    /// The size last offered, and the one agreed with who is linked.
    offered: Rc<Cell<(u32, u32)>>,
    agreed: Rc<Cell<Option<(u32, u32)>>>,
    next: Rc<RefCell<Option<Shown>>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.closing.set(true);
        // Waits for the data thread. Refused only where the connection is gone, and its thread's
        // work with it.
        if let Err(error) = self.stream.disconnect() {
            tracing::debug!(%error, "a stream was not disconnected");
        }
    }
}

impl Open {
    /// Takes the picture out of the slot and, if someone is linked to the node, hands it out.
    pub(super) fn show(&self) {
        let Some((shows, picture)) =
            self.shows.as_ref().and_then(|shows| Some((shows, shows.slot.take()?)))
        else {
            return;
        };
        let size = (picture.width, picture.height);
        if shows.offered.replace(size) != size {
            update(&self.stream, &[formats::shown(size.0, size.1)]);
        }
        if shows.agreed.get() == Some(size) && self.stream.state() == StreamState::Streaming {
            shows.next.replace(Some(picture));
            if let Err(error) = self.stream.trigger_process() {
                tracing::debug!(%error, "a picture was not shown");
            }
        }
    }
}

/// Opens a stream.
pub(super) fn open(
    core: &Core,
    key: Key,
    spec: &Spec,
    notes: &Notes,
) -> Result<Open, pipewire::Error> {
    match spec {
        Spec::Capture { name, target, quantum, sink } => {
            let mut props =
                properties("Audio", "Capture", "Communication", name, target.as_deref());
            props.insert("node.latency", format!("{quantum}/{RATE}"));
            let stream = Stream::new(core, &clean(name), props)?;
            let (sink, closing) = (sink.clone(), Rc::default());
            let listener = states(&stream, key, notes, &closing)
                .process(move |stream, ()| take_sound(stream, &|bytes| sink(bytes)))
                .register()?;
            connect(&stream, Direction::Input, SOUND, &[formats::sound()])?;
            Ok(Open { _listener: listener, stream, closing, shows: None })
        }
        Spec::Playback { name, target, quantum, media_role, sound } => {
            let mut props = properties("Audio", "Playback", media_role, name, target.as_deref());
            props.insert("node.latency", format!("{quantum}/{RATE}"));
            let stream = Stream::new(core, &clean(name), props)?;
            let closing = Rc::default();
            let listener = playing(states(&stream, key, notes, &closing), key, notes, sound);
            let listener = listener.register()?;
            connect(&stream, Direction::Output, SOUND, &[formats::sound()])?;
            Ok(Open { _listener: listener, stream, closing, shows: None })
        }
        Spec::Camera { name, target, size, sink } => {
            let props = properties("Video", "Capture", "Communication", name, target.as_deref());
            let stream = Stream::new(core, &clean(name), props)?;
            let closing = Rc::default();
            let listener = looking(states(&stream, key, notes, &closing), sink.clone());
            let listener = listener.register()?;
            connect(&stream, Direction::Input, AUTO, &formats::camera(*size))?;
            Ok(Open { _listener: listener, stream, closing, shows: None })
        }
        Spec::Picture { name, slot } => picture(core, key, name, slot, notes),
    }
}

/// Linked by the session manager to the target or the default.
const AUTO: StreamFlags = StreamFlags::AUTOCONNECT.union(StreamFlags::MAP_BUFFERS);
/// The same, handled on the data thread. On the PipeWire thread each cycle that finds it busy asks for
/// one buffer more, and those buffers stay queued as delay until the stream closes (measured: 48 ms
/// more in a call that opens pictures beside its voice).
const SOUND: StreamFlags = AUTO.union(StreamFlags::RT_PROCESS);
/// Linked by whoever wants to look; gives the pace itself, since nothing else in that graph does.
const OFFERED: StreamFlags = StreamFlags::DRIVER.union(StreamFlags::MAP_BUFFERS);
/// The size a video node is offered with before the first picture: what every call starts with.
const FIRST_SIZE: (u32, u32) = (640, 360);

fn clean(name: &str) -> String {
    name.replace('\0', "")
}

fn properties(
    media: &str,
    category: &str,
    role: &str,
    name: &str,
    target: Option<&str>,
) -> Properties {
    let mut props = Properties::new();
    props.insert("media.type", media);
    props.insert("media.category", category);
    props.insert("media.role", role);
    props.insert("media.name", clean(name));
    props.insert("node.name", clean(name));
    props.insert("application.name", "Ahoy");
    if let Some(target) = target {
        props.insert("target.object", clean(target));
    }
    props
}

fn connect(
    stream: &Stream,
    direction: Direction,
    flags: StreamFlags,
    offers: &[Vec<u8>],
) -> Result<(), pipewire::Error> {
    let mut pods: Vec<&Pod> = offers.iter().filter_map(|bytes| Pod::from_bytes(bytes)).collect();
    stream.connect(direction, None, flags, &mut pods)
}

/// The listener that every stream has: its states become notes.
fn states<'a>(
    stream: &'a Stream,
    key: Key,
    notes: &Notes,
    closing: &Rc<Cell<bool>>,
) -> ListenerLocalBuilder<'a, ()> {
    let (notes, closing) = (notes.clone(), closing.clone());
    stream.add_local_listener_with_user_data(()).state_changed(move |_, (), old, new| match new {
        _ if closing.get() => {}
        StreamState::Streaming => notes(Note::Live(key)),
        StreamState::Error(why) => {
            let why = format!("PipeWire stopped the stream ({why}); it is tried again");
            notes(Note::Down(key, Some(why)));
        }
        StreamState::Paused | StreamState::Connecting | StreamState::Unconnected => {
            if old == StreamState::Streaming {
                notes(Note::Down(key, None));
            }
        }
    })
}

fn take_sound(stream: &StreamRef, sink: &dyn Fn(&[u8])) {
    // All that wait, oldest first: after a hiccup of this thread there can be several.
    while let Some(mut buffer) = stream.dequeue_buffer() {
        let Some(data) = buffer.datas_mut().first_mut() else {
            continue;
        };
        let (from, size) = (data.chunk().offset() as usize, data.chunk().size() as usize);
        if let Some(bytes) = data.data().and_then(|all| all.get(from..from.checked_add(size)?)) {
            sink(bytes);
        }
    }
}

fn playing<'a>(
    listener: ListenerLocalBuilder<'a, ()>,
    key: Key,
    notes: &Notes,
    sound: &Arc<Mutex<dyn Sound>>,
) -> ListenerLocalBuilder<'a, ()> {
    let (sound, over_notes) = (sound.clone(), notes.clone());
    let mut samples = Vec::new();
    let draining = Cell::new(false);
    listener
        .process(move |stream, ()| {
            let over = play(stream, &sound, &mut samples);
            if over && !draining.replace(true) {
                drop(stream.flush(true));
            }
        })
        .drained(move |_, ()| over_notes(Note::SoundOver(key)))
}

/// Fills one buffer; true once the sound is over.
fn play(stream: &StreamRef, sound: &Mutex<dyn Sound>, samples: &mut Vec<i16>) -> bool {
    let Some(mut buffer) = stream.dequeue_buffer() else {
        return false;
    };
    let requested = usize::try_from(buffer.requested()).unwrap_or(0);
    let Some(data) = buffer.datas_mut().first_mut() else {
        return false;
    };
    let Some(bytes) = data.data() else {
        return false;
    };
    let room = bytes.len() / 2;
    let count = if requested == 0 { room.min(RATE as usize / 100) } else { room.min(requested) };
    samples.resize(count, 0);
    let over = match sound.lock() {
        Ok(mut sound) => {
            sound.pull(samples);
            sound.is_over()
        }
        Err(_) => true,
    };
    for (slot, sample) in bytes.chunks_exact_mut(2).zip(samples.iter()) {
        slot.copy_from_slice(&sample.to_le_bytes());
    }
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.stride_mut() = 2;
    *chunk.size_mut() = (count * 2) as u32;
    over
}

fn looking(
    listener: ListenerLocalBuilder<'_, ()>,
    sink: super::PictureSink,
) -> ListenerLocalBuilder<'_, ()> {
    let agreed = Rc::new(Cell::new(None));
    let format = agreed.clone();
    listener
        .param_changed(move |_, (), id, param| {
            if id == ParamType::Format.as_raw() {
                let agreed = param.and_then(formats::camera_format);
                tracing::debug!(?agreed, "camera format");
                format.set(agreed);
            }
        })
        .process(move |stream, ()| {
            let Some(format) = agreed.get() else {
                return;
            };
            // Only the newest: an old picture is worth nothing.
            let mut newest = None;
            while let Some(buffer) = stream.dequeue_buffer() {
                newest = Some(buffer);
            }
            if let Some(picture) = newest.and_then(|mut buffer| copy(format, buffer.datas_mut())) {
                sink(format, picture);
            }
        })
}

fn copy(format: CameraFormat, datas: &mut [pipewire::spa::buffer::Data]) -> Option<Vec<u8>> {
    let given: Option<Vec<Given<'_>>> = datas
        .iter_mut()
        .map(|data| {
            let chunk = data.chunk();
            let (from, size) = (chunk.offset() as usize, chunk.size() as usize);
            let stride = usize::try_from(chunk.stride()).ok()?;
            let bytes = data.data()?.get(from..from.checked_add(size)?)?;
            Some(Given { bytes, stride })
        })
        .collect();
    repack(format, &given?)
}

/// A node that offers pictures.
fn picture(
    core: &Core,
    key: Key,
    name: &str,
    slot: &Arc<Slot>,
    notes: &Notes,
) -> Result<Open, pipewire::Error> {
    let mut props = properties("Video", "Playback", "Communication", name, None);
    props.insert("media.class", "Stream/Output/Video");
    props.insert("node.description", clean(name));
    let stream = Stream::new(core, &clean(name), props)?;
    let shows = Shows {
        slot: slot.clone(),
        offered: Rc::new(Cell::new(FIRST_SIZE)),
        agreed: Rc::default(),
        next: Rc::default(),
    };
    let (agreed, next) = (shows.agreed.clone(), shows.next.clone());
    let closing = Rc::default();
    let listener = states(&stream, key, notes, &closing)
        .param_changed(move |stream, (), id, param| {
            if id != ParamType::Format.as_raw() {
                return;
            }
            let size = param.and_then(formats::camera_format).map(|it| (it.width, it.height));
            agreed.set(size);
            if let Some((width, height)) = size {
                update(stream, &[formats::shown_buffers(width, height)]);
            }
        })
        .process(move |stream, ()| {
            if let Some(picture) = next.take() {
                hand_out(stream, &picture);
            }
        })
        .register()?;
    let (width, height) = FIRST_SIZE;
    connect(&stream, Direction::Output, OFFERED, &[formats::shown(width, height)])?;
    Ok(Open { _listener: listener, stream, closing, shows: Some(shows) })
}

fn update(stream: &StreamRef, offers: &[Vec<u8>]) {
    let mut pods: Vec<&Pod> = offers.iter().filter_map(|bytes| Pod::from_bytes(bytes)).collect();
    if let Err(error) = stream.update_params(&mut pods) {
        tracing::warn!(%error, "a video node keeps its old format");
    }
}

fn hand_out(stream: &StreamRef, picture: &Shown) {
    let Some(mut buffer) = stream.dequeue_buffer() else {
        return;
    };
    let Some(data) = buffer.datas_mut().first_mut() else {
        return;
    };
    let length = picture.pixels.len();
    let Some(room) = data.data().and_then(|bytes| bytes.get_mut(..length)) else {
        *data.chunk_mut().size_mut() = 0;
        return;
    };
    room.copy_from_slice(&picture.pixels);
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.stride_mut() = (picture.width * 4) as i32;
    *chunk.size_mut() = length as u32;
}
