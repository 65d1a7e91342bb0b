//! The microphone: one PipeWire capture stream, open only while somebody is listened to. The other side
//! of a call is listened to in the same way, on its way to the speaker.
//!
//! Owns: the connection on the socket handed over, the stream and its samples. Does not own: when to
//! open it, or what is in the sound. Invariant: after [`Microphone::close`], and after a drop, the
//! sound server has no stream of ours.

use std::{
    cell::Cell,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use pipewire::{
    context::Context,
    core::{Core, Listener, PW_ID_CORE},
    keys,
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

use crate::endpoint::RATE;

/// What is listened to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// A microphone, by its node's name; `None`: the default.
    Microphone(Option<&'a str>),
    /// A stream that plays, by its node's name.
    Stream(&'a str),
}

impl<'a> Source<'a> {
    const fn node(self) -> Option<&'a str> {
        match self {
            Self::Microphone(node) => node,
            Self::Stream(node) => Some(node),
        }
    }

    /// The node's name, and what people see in their sound settings while it listens.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Microphone(_) => ("ahoy-voice", "Ahoy voice commands"),
            Self::Stream(_) => ("ahoy-captions", "Ahoy captions"),
        }
    }
}

/// Samples kept when nobody takes them; older ones are dropped. Ten seconds: the worker takes them
/// many times a second.
const MOST_SAMPLES: usize = RATE as usize * 10;
/// How long the server gets to confirm that the stream is gone.
const GOODBYE: Duration = Duration::from_millis(500);

/// Why there is no sound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MicrophoneError {
    /// The library of PipeWire does not start.
    #[error("PipeWire's client library does not start here: {0}")]
    Library(pipewire::Error),
    /// The socket handed over leads nowhere.
    #[error("no connection to PipeWire: {0}. Check that pipewire and wireplumber are running")]
    Connection(String),
    /// The microphone is not there (any more).
    #[error("the microphone {0} is not available: {1}. Choose another in the sound settings")]
    Unavailable(String, String),
    /// Nothing plays (any more).
    #[error("the other side's voice does not play: {0}")]
    NotPlaying(String),
}

impl From<pipewire::Error> for MicrophoneError {
    fn from(error: pipewire::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

/// PipeWire's client library, without any connection.
pub(crate) struct PipeWire {
    context: Context,
    main_loop: MainLoop,
}

impl PipeWire {
    /// Starts the library. Opens no socket.
    pub(crate) fn new() -> Result<Self, MicrophoneError> {
        pipewire::init();
        let main_loop = MainLoop::new(None).map_err(MicrophoneError::Library)?;
        let context = Context::new(&main_loop).map_err(MicrophoneError::Library)?;
        Ok(Self { context, main_loop })
    }

    /// Becomes readable when [`PipeWire::dispatch`] has something to do.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.main_loop.loop_().fd()
    }

    /// Does what is due, without waiting.
    pub(crate) fn dispatch(&self) {
        self.main_loop.loop_().iterate(Duration::ZERO);
    }

    /// Opens a microphone on a connected socket.
    pub(crate) fn open(
        &self,
        socket: OwnedFd,
        source: Source<'_>,
    ) -> Result<Microphone, MicrophoneError> {
        tracing::debug!(fd = socket.as_raw_fd(), "connecting to PipeWire");
        let core = self.context.connect_fd(socket, None)?;
        let shared = Arc::new(Shared::default());
        let confirmed = Rc::new(Cell::new(None));
        let core_listener = watch(&core, &shared, &confirmed);
        let stream = Stream::new(&core, source.names().1, stream_properties(source))?;
        let stream_listener = listen(&stream, &shared)?;
        connect(&stream, source.node().is_some())?;
        Ok(Microphone {
            _core_listener: core_listener,
            _stream_listener: stream_listener,
            stream,
            core,
            shared,
            confirmed,
            main_loop: self.main_loop.clone(),
            is_stream: matches!(source, Source::Stream(_)),
            name: source.node().unwrap_or("chosen as default").to_owned(),
        })
    }
}

fn watch(core: &Core, shared: &Arc<Shared>, confirmed: &Rc<Cell<Option<i32>>>) -> Listener {
    let (connected, failed) = (Arc::clone(shared), Arc::clone(shared));
    let confirmed = Rc::clone(confirmed);
    core.add_listener_local()
        .info(move |_| connected.connected.store(true, Relaxed))
        .done(move |id, seq| {
            if id == PW_ID_CORE {
                confirmed.set(Some(seq.seq()));
            }
        })
        .error(move |id, _, result, message| {
            // Other ids are the stream's, which reports for itself.
            if id == PW_ID_CORE {
                let error = io::Error::from_raw_os_error(result.abs());
                failed.fail(format!("{message} ({error})"));
            }
        })
        .register()
}

fn stream_properties(source: Source<'_>) -> pipewire::properties::Properties {
    let (node, title) = source.names();
    let mut properties = properties! {
        *keys::MEDIA_TYPE => "Audio",
        *keys::MEDIA_CATEGORY => "Capture",
        *keys::MEDIA_ROLE => "Communication",
        *keys::MEDIA_NAME => title,
        *keys::NODE_NAME => node,
        *keys::NODE_DESCRIPTION => title,
        *keys::APP_NAME => "Ahoy",
        // 50 ms: the end of an utterance is noticed that much later at most. Less makes the whole
        // sound graph run faster, which stutters on a busy machine (measured: missed commands).
        *keys::NODE_LATENCY => "800/16000",
    };
    if let Some(node) = source.node() {
        properties.insert(*keys::TARGET_OBJECT, node);
    }
    properties
}

fn listen(
    stream: &Stream,
    shared: &Arc<Shared>,
) -> Result<StreamListener<Arc<Shared>>, pipewire::Error> {
    stream
        .add_local_listener_with_user_data(Arc::clone(shared))
        .state_changed(|_, shared, _, state| match state {
            StreamState::Error(message) => shared.fail(message),
            StreamState::Unconnected => shared.fail("it was taken away".to_owned()),
            StreamState::Streaming => shared.streaming.store(true, Relaxed),
            StreamState::Paused if shared.streaming.load(Relaxed) => {
                shared.fail("it stopped giving sound".to_owned());
            }
            StreamState::Connecting | StreamState::Paused => {}
        })
        .process(|stream, shared| take_samples(stream, shared))
        .register()
}

fn take_samples(stream: &StreamRef, shared: &Shared) {
    while let Some(mut buffer) = stream.dequeue_buffer() {
        let Some(data) = buffer.datas_mut().first_mut() else {
            continue;
        };
        let (offset, size) = (data.chunk().offset() as usize, data.chunk().size() as usize);
        let bytes = data.data().and_then(|all| {
            let from = offset.min(all.len());
            all.get(from..all.len().min(from.saturating_add(size)))
        });
        let samples = bytes.unwrap_or_default().as_chunks::<2>().0;
        let mut kept = shared.samples.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(samples.iter().map(|sample| i16::from_le_bytes(*sample)));
        let excess = kept.len().saturating_sub(MOST_SAMPLES);
        kept.drain(..excess);
    }
}

fn connect(stream: &Stream, named: bool) -> Result<(), MicrophoneError> {
    let mut format = AudioInfoRaw::new();
    format.set_format(AudioFormat::S16LE);
    format.set_rate(RATE);
    format.set_channels(1);
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: format.into(),
    };
    let bytes = PodSerializer::serialize(io::Cursor::new(Vec::new()), &Value::Object(object))
        .map_err(|error| MicrophoneError::Connection(error.to_string()))?
        .0
        .into_inner();
    let pod = Pod::from_bytes(&bytes)
        .ok_or_else(|| MicrophoneError::Connection("its sound format".to_owned()))?;
    let mut flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS;
    if named {
        // The one asked for or none: another one may stand in another room.
        flags |= StreamFlags::DONT_RECONNECT;
    }
    stream.connect(Direction::Input, None, flags, &mut [pod])?;
    Ok(())
}

/// What the callbacks leave for the worker. They come in PipeWire's own thread whenever nobody is
/// inside the main loop at that moment (seen as a panic of a cell in the place of this lock).
#[derive(Debug, Default)]
struct Shared {
    samples: Mutex<Vec<i16>>,
    connected: AtomicBool,
    streaming: AtomicBool,
    closing: AtomicBool,
    failed: Mutex<Option<String>>,
}

impl Shared {
    fn fail(&self, why: String) {
        if !self.closing.load(Relaxed) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        }
    }

    fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An open microphone.
pub(crate) struct Microphone {
    // In this order: listeners go before what they listen to, the stream before its connection.
    _stream_listener: StreamListener<Arc<Shared>>,
    _core_listener: Listener,
    stream: Stream,
    core: Core,
    shared: Arc<Shared>,
    /// The last request that the server has answered.
    confirmed: Rc<Cell<Option<i32>>>,
    main_loop: MainLoop,
    is_stream: bool,
    name: String,
}

impl Microphone {
    /// Whether sound is coming in.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.streaming.load(Relaxed)
    }

    /// The samples since the last call.
    pub(crate) fn take(&self) -> Result<Vec<i16>, MicrophoneError> {
        match self.shared.failed() {
            Some(why) if self.shared.connected.load(Relaxed) => Err(self.unavailable(&why)),
            Some(why) => Err(MicrophoneError::Connection(why)),
            None => {
                let mut kept = self.shared.samples.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(std::mem::take(&mut *kept))
            }
        }
    }

    /// The error for a microphone that gives no sound.
    pub(crate) fn unavailable(&self, why: &str) -> MicrophoneError {
        if !self.shared.connected.load(Relaxed) {
            MicrophoneError::Connection("it does not answer".to_owned())
        } else if self.is_stream {
            MicrophoneError::NotPlaying(why.to_owned())
        } else {
            MicrophoneError::Unavailable(self.name.clone(), why.to_owned())
        }
    }

    /// Closes it and waits until the server has let go, so that the light is off when people are
    /// told that nobody listens.
    pub(crate) fn close(self) {
        self.shared.closing.store(true, Relaxed);
        let Ok(()) = self.stream.disconnect() else {
            return;
        };
        let Ok(asked) = self.core.sync(0) else {
            return;
        };
        let deadline = Instant::now() + GOODBYE;
        while self.confirmed.get() != Some(asked.seq()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!("PipeWire did not confirm that the microphone is closed");
                return;
            }
            self.main_loop.loop_().iterate(left);
        }
    }
}
