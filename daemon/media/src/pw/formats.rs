//! Formats as PipeWire spells them.
//!
//! Owns: the offers made for each kind of stream and reading what was agreed. Does not own:
//! streams. Invariant: what was agreed is read only from formats that were offered.

use ahoy_core::media::VideoSize;
use pipewire::spa::{
    param::{
        ParamType,
        audio::{AudioFormat, AudioInfoRaw},
        format::{FormatProperties, MediaSubtype, MediaType},
        format_utils::parse_format,
        video::{VideoFormat, VideoInfoRaw},
    },
    pod::{
        ChoiceValue, Object, Pod, Property, Value, ValueArray, deserialize::PodDeserializer,
        serialize::PodSerializer,
    },
    utils::{Choice, ChoiceEnum, ChoiceFlags, Fraction, Id, Rectangle, SpaTypes},
};

use crate::{
    picture::{CameraFormat, Layout},
    sound::RATE,
};

/// Raw layouts and their names in PipeWire. Alpha is treated as unused.
const LAYOUTS: [(VideoFormat, Layout); 9] = [
    (VideoFormat::YUY2, Layout::Yuy2),
    (VideoFormat::I420, Layout::I420),
    (VideoFormat::NV12, Layout::Nv12),
    (VideoFormat::RGBx, Layout::Rgbx),
    (VideoFormat::BGRx, Layout::Bgrx),
    (VideoFormat::RGBA, Layout::Rgbx),
    (VideoFormat::BGRA, Layout::Bgrx),
    (VideoFormat::RGB, Layout::Rgb),
    (VideoFormat::BGR, Layout::Bgr),
];
/// The largest camera picture taken; scaled down before it is encoded.
const LARGEST: Rectangle = Rectangle { width: 1920, height: 1920 };
const SMALLEST: Rectangle = Rectangle { width: 16, height: 16 };

fn serialized(object: Object) -> Vec<u8> {
    let cursor = std::io::Cursor::new(Vec::new());
    // Writing to memory cannot fail; an empty offer would be refused by PipeWire and reported.
    PodSerializer::serialize(cursor, &Value::Object(object))
        .map(|(cursor, _)| cursor.into_inner())
        .unwrap_or_default()
}

fn format_object(properties: Vec<Property>) -> Object {
    Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties,
    }
}

/// The one format of sound.
pub(super) fn sound() -> Vec<u8> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::S16LE);
    info.set_rate(RATE);
    info.set_channels(1);
    let mut position = [0; 64];
    position[0] = pipewire::spa::sys::SPA_AUDIO_CHANNEL_MONO;
    info.set_position(position);
    serialized(format_object(info.into()))
}

fn id(key: FormatProperties, value: u32) -> Property {
    Property::new(key.as_raw(), Value::Id(Id(value)))
}

fn kind(subtype: MediaSubtype) -> [Property; 2] {
    [
        id(FormatProperties::MediaType, MediaType::Video.as_raw()),
        id(FormatProperties::MediaSubtype, subtype.as_raw()),
    ]
}

/// Any size and rate, best the planned one.
fn any_size(size: VideoSize) -> [Property; 2] {
    let sizes = ChoiceValue::Rectangle(Choice(
        ChoiceFlags::empty(),
        ChoiceEnum::Range {
            default: Rectangle { width: size.width, height: size.height },
            min: SMALLEST,
            max: LARGEST,
        },
    ));
    let rates = ChoiceValue::Fraction(Choice(
        ChoiceFlags::empty(),
        ChoiceEnum::Range {
            default: Fraction { num: size.fps, denom: 1 },
            min: Fraction { num: 0, denom: 1 },
            max: Fraction { num: 120, denom: 1 },
        },
    ));
    [
        Property::new(FormatProperties::VideoSize.as_raw(), Value::Choice(sizes)),
        Property::new(FormatProperties::VideoFramerate.as_raw(), Value::Choice(rates)),
    ]
}

/// Silences a stream, or lets it be heard as loud as its own volumes say. `softMute` is the one
/// property for it that session managers do not keep for the program's next stream; it sets the
/// volumes aside, and only setting them anew brings them back (measured with PipeWire 0.3.65).
pub(super) fn silence(shut: bool, volumes: &[f32]) -> Vec<u8> {
    use pipewire::spa::sys;
    let mut properties = vec![Property::new(sys::SPA_PROP_softMute, Value::Bool(shut))];
    if !shut && !volumes.is_empty() {
        let volumes = Value::ValueArray(ValueArray::Float(volumes.to_vec()));
        properties.push(Property::new(sys::SPA_PROP_channelVolumes, volumes));
    }
    let (type_, id) = (SpaTypes::ObjectParamProps.as_raw(), ParamType::Props.as_raw());
    serialized(Object { type_, id, properties })
}

/// What a stream's properties say: whether it is silenced, and its volumes.
pub(super) fn loudness(props: &Pod) -> (Option<bool>, Option<Vec<f32>>) {
    use pipewire::spa::sys;
    let (mut silenced, mut volumes) = (None, None);
    if let Ok((_, Value::Object(object))) = PodDeserializer::deserialize_any_from(props.as_bytes())
    {
        for Property { key, value, .. } in object.properties {
            match (key, value) {
                (sys::SPA_PROP_softMute, Value::Bool(on)) => silenced = Some(on),
                (sys::SPA_PROP_channelVolumes, Value::ValueArray(ValueArray::Float(each))) => {
                    volumes = Some(each);
                }
                _ => {}
            }
        }
    }
    (silenced, volumes)
}

/// What is taken from cameras: raw pictures first, JPEG where that is all there is at this size.
pub(super) fn camera(size: VideoSize) -> [Vec<u8>; 2] {
    let layouts = ChoiceValue::Id(Choice(
        ChoiceFlags::empty(),
        ChoiceEnum::Enum {
            default: Id(LAYOUTS[0].0.as_raw()),
            alternatives: LAYOUTS.iter().map(|(format, _)| Id(format.as_raw())).collect(),
        },
    ));
    let layout = Property::new(FormatProperties::VideoFormat.as_raw(), Value::Choice(layouts));
    let raw = kind(MediaSubtype::Raw).into_iter().chain([layout]).chain(any_size(size));
    let jpeg = kind(MediaSubtype::Mjpg).into_iter().chain(any_size(size));
    [serialized(format_object(raw.collect())), serialized(format_object(jpeg.collect()))]
}

/// What a video node offers: BGRA of one size, at whatever rate pictures come. Windows draw it as
/// it is, also where no graphics card does it; PipeWire 0.3.65 converts no video.
pub(super) fn shown(width: u32, height: u32) -> Vec<u8> {
    let [media, subtype] = kind(MediaSubtype::Raw);
    let key = FormatProperties::VideoSize.as_raw();
    let rate = FormatProperties::VideoFramerate.as_raw();
    serialized(format_object(vec![
        media,
        subtype,
        id(FormatProperties::VideoFormat, VideoFormat::BGRA.as_raw()),
        Property::new(key, Value::Rectangle(Rectangle { width, height })),
        Property::new(rate, Value::Fraction(Fraction { num: 0, denom: 1 })),
    ]))
}

/// How many buffers a video node wants and how large.
pub(super) fn shown_buffers(width: u32, height: u32) -> Vec<u8> {
    use pipewire::spa::sys;
    let stride = width.saturating_mul(4);
    let int = |key: u32, value: u32| {
        Property::new(key, Value::Int(i32::try_from(value).unwrap_or(i32::MAX)))
    };
    let count = ChoiceValue::Int(Choice(
        ChoiceFlags::empty(),
        ChoiceEnum::Range { default: 4, min: 2, max: 8 },
    ));
    serialized(Object {
        type_: SpaTypes::ObjectParamBuffers.as_raw(),
        id: ParamType::Buffers.as_raw(),
        properties: vec![
            Property::new(sys::SPA_PARAM_BUFFERS_buffers, Value::Choice(count)),
            int(sys::SPA_PARAM_BUFFERS_blocks, 1),
            int(sys::SPA_PARAM_BUFFERS_size, stride.saturating_mul(height)),
            int(sys::SPA_PARAM_BUFFERS_stride, stride),
        ],
    })
}

/// Reads what was agreed with a camera.
pub(super) fn camera_format(param: &Pod) -> Option<CameraFormat> {
    let (media, subtype) = parse_format(param).ok()?;
    if media != MediaType::Video {
        return None;
    }
    if subtype == MediaSubtype::Mjpg {
        let size = rectangle(param)?;
        return Some(CameraFormat { layout: Layout::Jpeg, width: size.width, height: size.height });
    }
    let mut info = VideoInfoRaw::new();
    info.parse(param).ok()?;
    let (_, layout) = LAYOUTS.iter().find(|(format, _)| *format == info.format())?;
    let size = info.size();
    Some(CameraFormat { layout: *layout, width: size.width, height: size.height })
}

/// The size in a format that the library has no reader for.
fn rectangle(param: &Pod) -> Option<Rectangle> {
    let (_, value) = PodDeserializer::deserialize_any_from(param.as_bytes()).ok()?;
    let Value::Object(object) = value else {
        return None;
    };
    let size = FormatProperties::VideoSize.as_raw();
    let property = object.properties.into_iter().find(|property| property.key == size)?;
    // A choice that is none is how some sources spell a fixed value.
    if let Value::Rectangle(size)
    | Value::Choice(ChoiceValue::Rectangle(Choice(_, ChoiceEnum::None(size)))) = property.value
    {
        Some(size)
    } else {
        None
    }
}
