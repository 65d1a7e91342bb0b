//! Pictures of a PipeWire node, as they come.
//!
//! Owns: the thread that reads them, one for each node that is looked at. Does not own: drawing. Invariant:
//! there is one picture at most that nobody has drawn yet, the newest; a size that a peer chose
//! never makes this process take more than [`LARGEST`].

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
};

use gtk::glib::Bytes;
use pipewire::{
    context::Context,
    core::Core,
    main_loop::MainLoop,
    properties::properties,
    spa::{
        param::{
            ParamType,
            format::{FormatProperties, MediaSubtype, MediaType},
            video::{VideoFormat, VideoInfoRaw},
        },
        pod::{ChoiceValue, Object, Pod, Property, Value, serialize::PodSerializer},
        utils::{Choice, ChoiceEnum, ChoiceFlags, Direction, Fraction, Id, Rectangle, SpaTypes},
    },
    stream::{Stream, StreamFlags, StreamListener, StreamRef, StreamState},
};
use tokio::sync::watch;

use crate::pixels::{self, Layout};

/// A picture larger than any that a call has, on either side.
const LARGEST: u32 = 4096;

/// Rows of BGRA, without gaps.
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Bytes,
}

/// The newest picture; `None`: none yet, or none any more.
pub(crate) type Frames = watch::Receiver<Option<Arc<Frame>>>;

/// Looks at a node until it is dropped.
pub(crate) struct Viewer {
    quit: pipewire::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    /// Looks at the node of this name. Where that fails the frames end.
    pub(crate) fn start(node: &str) -> std::io::Result<(Self, Frames)> {
        let (tell, frames) = watch::channel(None);
        let (quit, quits) = pipewire::channel::channel();
        let node = node.replace('\0', "");
        let thread = std::thread::Builder::new().name("video".into()).spawn(move || {
            if let Err(error) = look(&node, tell, quits) {
                tracing::warn!(%error, "the picture of a call");
            }
        })?;
        Ok((Self { quit, thread: Some(thread) }, frames))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        // Refused only where the thread has ended.
        let _ = self.quit.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Told = watch::Sender<Option<Arc<Frame>>>;

fn look(
    node: &str,
    tell: Told,
    quits: pipewire::channel::Receiver<()>,
) -> Result<(), pipewire::Error> {
    pipewire::init();
    let main_loop = MainLoop::new(None)?;
    let context = Context::new(&main_loop)?;
    let core = context.connect(None)?;
    let quit = main_loop.clone();
    let attached = quits.attach(main_loop.loop_(), move |()| quit.quit());
    let quit = main_loop.clone();
    let errors = core.add_listener_local().error(move |_, _, _, _| quit.quit()).register();
    let open = open(&core, node, tell, &main_loop)?;
    main_loop.run();
    drop((open, errors, attached));
    Ok(())
}

/// The listener before what it listens to.
struct Open {
    _listener: StreamListener<()>,
    stream: Stream,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Err(error) = self.stream.disconnect() {
            tracing::debug!(%error, "a stream was not disconnected");
        }
    }
}

fn open(
    core: &Core,
    node: &str,
    tell: Told,
    main_loop: &MainLoop,
) -> Result<Open, pipewire::Error> {
    let wanted = properties! {
        "media.type" => "Video",
        "media.category" => "Capture",
        "media.role" => "Communication",
        "node.name" => "ahoy-window",
        "application.name" => "Ahoy",
        "target.object" => node,
        // Another node would be somebody else's picture.
        "node.dont-reconnect" => "true",
    };
    let stream = Stream::new(core, "ahoy-window", wanted)?;
    let size = Rc::new(Cell::new(None));
    let (agreed, quit) = (size.clone(), main_loop.clone());
    let tell = Rc::new(RefCell::new(tell));
    let listener = stream
        .add_local_listener_with_user_data(())
        .state_changed(move |_, (), _, new| {
            if let StreamState::Error(why) = new {
                tracing::debug!(why, "the stream of a picture");
                quit.quit();
            }
        })
        .param_changed(move |_, (), id, param| {
            if id == ParamType::Format.as_raw() {
                agreed.set(param.and_then(agreed_picture));
            }
        })
        .process(move |stream, ()| {
            if let Some(frame) = size.get().and_then(|size| newest(stream, size)) {
                tell.borrow_mut().send_replace(Some(Arc::new(frame)));
            }
        })
        .register()?;
    let offer = offer();
    let mut pods: Vec<&Pod> = Pod::from_bytes(&offer).into_iter().collect();
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS;
    stream.connect(Direction::Input, None, flags, &mut pods)?;
    Ok(Open { _listener: listener, stream })
}

/// What was agreed; `None` for what is too large.
fn agreed_picture(param: &Pod) -> Option<(Layout, u32, u32)> {
    let mut info = VideoInfoRaw::new();
    info.parse(param).ok()?;
    let (size, layout) = (info.size(), Layout::of(info.format())?);
    let fits = |side: u32| (1..=LARGEST).contains(&side);
    (fits(size.width) && fits(size.height)).then_some((layout, size.width, size.height))
}

fn newest(stream: &StreamRef, (layout, width, height): (Layout, u32, u32)) -> Option<Frame> {
    // An old picture is worth nothing.
    let mut newest = None;
    while let Some(buffer) = stream.dequeue_buffer() {
        newest = Some(buffer);
    }
    let mut buffer = newest?;
    let data = buffer.datas_mut().first_mut()?;
    let (from, stride) = (data.chunk().offset() as usize, data.chunk().stride());
    let size = data.chunk().size() as usize;
    let bytes = data.data()?.get(from..from.checked_add(size)?)?;
    let (stride, size) = (usize::try_from(stride).ok()?, (width as usize, height as usize));
    let pixels = pixels::bgra(layout, bytes, stride, size)?;
    Some(Frame { width, height, pixels: Bytes::from_owned(pixels) })
}

/// Any layout that is understood, of any size, at any rate.
fn offer() -> Vec<u8> {
    let id = |key: FormatProperties, value: u32| Property::new(key.as_raw(), Value::Id(Id(value)));
    let side = |side| Rectangle { width: side, height: side };
    let sizes = ChoiceEnum::Range { default: side(640), min: side(1), max: side(LARGEST) };
    let rate = |num| Fraction { num, denom: 1 };
    let rates = ChoiceEnum::Range { default: rate(30), min: rate(0), max: rate(120) };
    let layout = |(_, format): (Layout, VideoFormat)| Id(format.as_raw());
    let alternatives = Layout::ALL.map(layout).to_vec();
    let layouts = ChoiceEnum::Enum { default: layout(Layout::ALL[0]), alternatives };
    let layouts = ChoiceValue::Id(Choice(ChoiceFlags::empty(), layouts));
    let sizes = ChoiceValue::Rectangle(Choice(ChoiceFlags::empty(), sizes));
    let rates = ChoiceValue::Fraction(Choice(ChoiceFlags::empty(), rates));
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: vec![
            id(FormatProperties::MediaType, MediaType::Video.as_raw()),
            id(FormatProperties::MediaSubtype, MediaSubtype::Raw.as_raw()),
            Property::new(FormatProperties::VideoFormat.as_raw(), Value::Choice(layouts)),
            Property::new(FormatProperties::VideoSize.as_raw(), Value::Choice(sizes)),
            Property::new(FormatProperties::VideoFramerate.as_raw(), Value::Choice(rates)),
        ],
    };
    let cursor = std::io::Cursor::new(Vec::new());
    // Writing to memory cannot fail; an empty offer would be refused by PipeWire and reported.
    PodSerializer::serialize(cursor, &Value::Object(object))
        .map(|(cursor, _)| cursor.into_inner())
        .unwrap_or_default()
}
