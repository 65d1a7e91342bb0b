//! `ahoy-test-camera NAME WIDTHxHEIGHT@FPS RRGGBB`: a camera for tests. Never installed.
//!
//! Owns: a PipeWire node of class Video/Source that shows a moving square before one colour. Does
//! not own: anything of Ahoy. Invariant: like a real camera it gives pictures to whoever is linked,
//! however often that changes. (GStreamer's pipewiresink in mode=provide does not: its buffers go
//! when a viewer does, and sooner or later the source before it stalls.)
#![expect(clippy::expect_used, reason = "a device of a test ends with a message")]

use std::{cell::Cell, rc::Rc, time::Duration};

use pipewire::{
    context::Context,
    main_loop::MainLoop,
    properties::properties,
    spa::{
        param::{
            ParamType,
            format::{FormatProperties, MediaSubtype, MediaType},
            video::VideoFormat,
        },
        pod::{Object, Pod, Property, Value, serialize::PodSerializer},
        utils::{Direction, Fraction, Id, Rectangle, SpaTypes},
    },
    stream::{Stream, StreamFlags, StreamRef, StreamState},
};

/// The side of the moving square, pixels.
const SQUARE: usize = 40;

#[derive(Clone, Copy)]
struct Camera {
    width: usize,
    height: usize,
    fps: u32,
    /// Y, U, V (BT.601, studio swing).
    colour: [u8; 3],
}

impl Camera {
    fn parse(size: &str, colour: &str) -> Option<Self> {
        let (size, fps) = size.split_once('@')?;
        let (width, height) = size.split_once('x')?;
        let [_, red, green, blue] = u32::from_str_radix(colour, 16).ok()?.to_be_bytes();
        let [red, green, blue] = [red, green, blue].map(f32::from);
        let colour = [
            16.0 + 0.257 * red + 0.504 * green + 0.098 * blue,
            128.0 - 0.148 * red - 0.291 * green + 0.439 * blue,
            128.0 + 0.439 * red - 0.368 * green - 0.071 * blue,
        ];
        Some(Self {
            width: width.parse().ok()?,
            height: height.parse().ok()?,
            fps: fps.parse().ok()?,
            colour: colour.map(|value| value.round() as u8),
        })
    }

    /// Picture `number` as YUY2: the square wanders along the foot and never covers the middle or an
    /// upper corner, where tests look for the colour.
    fn draw(self, number: usize, into: &mut [u8]) {
        let [luma, u, v] = self.colour;
        let left = (number * 8) % self.width.saturating_sub(SQUARE).max(1);
        let top = self.height.saturating_sub(SQUARE + 8);
        for (row, line) in into.chunks_exact_mut(self.width * 2).take(self.height).enumerate() {
            for (pair, pixels) in line.chunks_exact_mut(4).enumerate() {
                let inside = (top..top + SQUARE).contains(&row)
                    && (left..left + SQUARE).contains(&(pair * 2));
                let pixel = if inside { [235, 128, 235, 128] } else { [luma, u, luma, v] };
                pixels.copy_from_slice(&pixel);
            }
        }
    }

    fn format(self) -> Vec<u8> {
        let id =
            |key: FormatProperties, value: u32| Property::new(key.as_raw(), Value::Id(Id(value)));
        let size = Rectangle { width: self.width as u32, height: self.height as u32 };
        let rate = Fraction { num: self.fps, denom: 1 };
        pod(
            SpaTypes::ObjectParamFormat,
            ParamType::EnumFormat,
            vec![
                id(FormatProperties::MediaType, MediaType::Video.as_raw()),
                id(FormatProperties::MediaSubtype, MediaSubtype::Raw.as_raw()),
                id(FormatProperties::VideoFormat, VideoFormat::YUY2.as_raw()),
                Property::new(FormatProperties::VideoSize.as_raw(), Value::Rectangle(size)),
                Property::new(FormatProperties::VideoFramerate.as_raw(), Value::Fraction(rate)),
            ],
        )
    }

    fn buffers(self) -> Vec<u8> {
        use pipewire::spa::sys;
        let int = |key: u32, value: usize| Property::new(key, Value::Int(value as i32));
        pod(
            SpaTypes::ObjectParamBuffers,
            ParamType::Buffers,
            vec![
                int(sys::SPA_PARAM_BUFFERS_buffers, 4),
                int(sys::SPA_PARAM_BUFFERS_blocks, 1),
                int(sys::SPA_PARAM_BUFFERS_size, self.width * self.height * 2),
                int(sys::SPA_PARAM_BUFFERS_stride, self.width * 2),
            ],
        )
    }
}

fn pod(kind: SpaTypes, id: ParamType, properties: Vec<Property>) -> Vec<u8> {
    let object = Object { type_: kind.as_raw(), id: id.as_raw(), properties };
    let cursor = std::io::Cursor::new(Vec::new());
    let written = PodSerializer::serialize(cursor, &Value::Object(object));
    written.expect("memory takes everything").0.into_inner()
}

fn give(stream: &StreamRef, camera: Camera, number: usize) {
    let Some(mut buffer) = stream.dequeue_buffer() else { return };
    let Some(data) = buffer.datas_mut().first_mut() else { return };
    let length = camera.width * camera.height * 2;
    let Some(room) = data.data().and_then(|bytes| bytes.get_mut(..length)) else { return };
    camera.draw(number, room);
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.stride_mut() = camera.width as i32 * 2;
    *chunk.size_mut() = length as u32;
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: ahoy-test-camera NAME WIDTHxHEIGHT@FPS RRGGBB";
    let [name, size, colour] = arguments.as_slice() else { panic!("{usage}") };
    let camera = Camera::parse(size, colour).expect(usage);
    pipewire::init();
    let main_loop = MainLoop::new(None).expect("a loop");
    let context = Context::new(&main_loop).expect("a context");
    let core = context.connect(None).expect("PipeWire");
    let wanted = properties! {
        "media.type" => "Video",
        "media.class" => "Video/Source",
        "media.role" => "Camera",
        "node.name" => name.as_str(),
        "node.description" => name.as_str(),
    };
    let stream = Rc::new(Stream::new(&core, name, wanted).expect("a stream"));
    let number = Cell::new(0);
    let _listener = stream
        .add_local_listener_with_user_data(())
        .param_changed(move |stream, (), id, param| {
            if id == ParamType::Format.as_raw() && param.is_some() {
                let buffers = camera.buffers();
                let mut pods = [Pod::from_bytes(&buffers).expect("a pod")];
                stream.update_params(&mut pods).expect("buffers");
            }
        })
        .process(move |stream, ()| {
            number.set(number.get() + 1);
            give(stream, camera, number.get());
        })
        .register()
        .expect("a listener");
    let format = camera.format();
    let flags = StreamFlags::DRIVER | StreamFlags::MAP_BUFFERS;
    let mut offers = [Pod::from_bytes(&format).expect("a pod")];
    stream.connect(Direction::Output, None, flags, &mut offers).expect("a node");
    let shutter = stream.clone();
    let timer = main_loop.loop_().add_timer(move |_| {
        if shutter.state() == StreamState::Streaming {
            // Refused only while the links change; the next picture comes in time.
            let _ = shutter.trigger_process();
        }
    });
    let every = Duration::from_secs(1) / camera.fps.max(1);
    timer.update_timer(Some(every), Some(every)).into_result().expect("a timer");
    let quit = main_loop.clone();
    let _errors = core
        .add_listener_local()
        .error(move |id, _, _, _| {
            if id == pipewire::core::PW_ID_CORE {
                quit.quit();
            }
        })
        .register();
    main_loop.run();
}
