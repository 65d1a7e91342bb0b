//! Pictures of a PipeWire node, as they come.
//!
//! Owns: the thread that reads them, one for each node that is looked at. Does not own: drawing. Invariant:
//! there is one picture at most that nobody has drawn yet, the newest; a size that a peer chose
//! never makes this process take more than [`LARGEST`]; JPEG is read of cameras only, never of a peer.

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
            format_utils::parse_format,
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
    /// Looks at the node of this name, of a call. Where that fails the frames end.
    pub(crate) fn start(node: &str) -> std::io::Result<(Self, Frames)> {
        Self::look_at(node, &[Coding::Raw])
    }

    /// The same with a camera; many on USB give larger pictures as JPEG only, and some nothing else.
    pub(crate) fn of_camera(node: &str) -> std::io::Result<(Self, Frames)> {
        Self::look_at(node, &[Coding::Raw, Coding::Jpeg])
    }

    fn look_at(node: &str, codings: &'static [Coding]) -> std::io::Result<(Self, Frames)> {
        let (tell, frames) = watch::channel(None);
        let (quit, quits) = pipewire::channel::channel();
        let node = node.replace('\0', "");
        let thread = std::thread::Builder::new().name("video".into()).spawn(move || {
            if let Err(error) = look(&node, codings, tell, quits) {
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
    codings: &[Coding],
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
    let open = open(&core, (node, codings), tell, &main_loop)?;
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
    (node, codings): (&str, &[Coding]),
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
    let offers: Vec<Vec<u8>> = codings.iter().map(|coding| offer(*coding)).collect();
    let mut pods: Vec<&Pod> = offers.iter().filter_map(|offer| Pod::from_bytes(offer)).collect();
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS;
    stream.connect(Direction::Input, None, flags, &mut pods)?;
    Ok(Open { _listener: listener, stream })
}

/// How pictures come, in the order in which they are liked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Raw,
    Jpeg,
}

/// What was agreed.
#[derive(Clone, Copy, Debug)]
enum Agreed {
    Raw(Layout, u32, u32),
    /// Each says its size itself.
    Jpeg,
}

/// `None` for what is too large.
fn agreed_picture(param: &Pod) -> Option<Agreed> {
    if parse_format(param).ok()?.1 == MediaSubtype::Mjpg {
        return Some(Agreed::Jpeg);
    }
    let mut info = VideoInfoRaw::new();
    info.parse(param).ok()?;
    let (size, layout) = (info.size(), Layout::of(info.format())?);
    let fits = |side: u32| (1..=LARGEST).contains(&side);
    let fits = fits(size.width) && fits(size.height);
    fits.then_some(Agreed::Raw(layout, size.width, size.height))
}

fn newest(stream: &StreamRef, agreed: Agreed) -> Option<Frame> {
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
    let (pixels, width, height) = match agreed {
        Agreed::Raw(layout, width, height) => {
            let size = (width as usize, height as usize);
            (pixels::bgra(layout, bytes, usize::try_from(stride).ok()?, size)?, width, height)
        }
        Agreed::Jpeg => pixels::of_jpeg(bytes, LARGEST)?,
    };
    Some(Frame { width, height, pixels: Bytes::from_owned(pixels) })
}

/// Any layout that is understood, of any size, at any rate.
fn offer(coding: Coding) -> Vec<u8> {
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
    let subtype = match coding {
        Coding::Raw => MediaSubtype::Raw,
        Coding::Jpeg => MediaSubtype::Mjpg,
    };
    let mut properties = vec![
        id(FormatProperties::MediaType, MediaType::Video.as_raw()),
        id(FormatProperties::MediaSubtype, subtype.as_raw()),
    ];
    if coding == Coding::Raw {
        let key = FormatProperties::VideoFormat.as_raw();
        properties.push(Property::new(key, Value::Choice(layouts)));
    }
    properties.extend([
        Property::new(FormatProperties::VideoSize.as_raw(), Value::Choice(sizes)),
        Property::new(FormatProperties::VideoFramerate.as_raw(), Value::Choice(rates)),
    ]);
    let (type_, id) = (SpaTypes::ObjectParamFormat.as_raw(), ParamType::EnumFormat.as_raw());
    let object = Object { type_, id, properties };
    let cursor = std::io::Cursor::new(Vec::new());
    // Writing to memory cannot fail; an empty offer would be refused by PipeWire and reported.
    PodSerializer::serialize(cursor, &Value::Object(object))
        .map(|(cursor, _)| cursor.into_inner())
        .unwrap_or_default()
}
