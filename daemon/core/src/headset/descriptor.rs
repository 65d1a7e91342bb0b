//! What a report descriptor says of a headset, and reading and writing reports by it.
//!
//! Owns: which bits are hook switch, mute and play (HID Usage Tables 1.12: Telephony page 0x0B,
//! Consumer page 0x0C) and which light lamps (LED page 0x08). Does not own: anything else a device
//! has. Invariant: a field that is found lies within [`MAX_REPORT`].

use std::collections::BTreeMap;

use super::{
    MAX_DESCRIPTOR, MAX_REPORT, Scene,
    items::{Item, Items, Tag},
};

/// Usages, with their page in the high half.
mod usage {
    pub(super) const TELEPHONY: u32 = 0x0b;
    pub(super) const HOOK_SWITCH: u32 = 0x000b_0020;
    pub(super) const PHONE_MUTE: u32 = 0x000b_002f;
    pub(super) const PLAY_PAUSE: u32 = 0x000c_00cd;
    pub(super) const LED_MUTE: u32 = 0x0008_0009;
    pub(super) const LED_OFF_HOOK: u32 = 0x0008_0017;
    pub(super) const LED_RING: u32 = 0x0008_0018;
}

/// Bits of an Input or Output item (HID 1.11, 6.2.2.5).
mod flag {
    pub(super) const VARIABLE: u32 = 1 << 1;
    pub(super) const RELATIVE: u32 = 1 << 2;
    pub(super) const NO_PREFERRED_STATE: u32 = 1 << 5;
}

/// Pushes of the global state at most; Linux has as many (`HID_GLOBAL_STACK_SIZE` is 4).
const STACK: usize = 4;
const MAX_BITS: u32 = MAX_REPORT as u32 * 8;

/// Why a descriptor says nothing of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// It is longer than [`MAX_DESCRIPTOR`].
    #[error("the descriptor is longer than {MAX_DESCRIPTOR} bytes")]
    TooLong,
    /// Its last item is cut off.
    #[error("the descriptor ends within an item")]
    Truncated,
    /// A report would be longer than [`MAX_REPORT`].
    #[error("a report is longer than {MAX_REPORT} bytes")]
    ReportTooLong,
    /// Report ids go from 1 to 255.
    #[error("a report has the id {0}")]
    ReportId(u32),
    /// Push and Pop do not fit each other.
    #[error("Push and Pop do not fit each other")]
    Stack,
    /// No button for calls.
    #[error("there is no hook switch, mute or play button of a telephone")]
    NoButtons,
}

/// What in a field means "pressed".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Anything but 0.
    NotZero,
    /// This value, in any of the field's places.
    Value(u32),
}

/// Where a button or a lamp lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The id of its report; 0 where reports have none.
    pub report: u8,
    /// Its first bit, counted from the byte after the id.
    pub at: u32,
    /// Bits of each place, 1 to 32.
    pub size: u32,
    /// Places.
    pub count: u32,
    /// What counts.
    pub means: Means,
}

/// How a button moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Each 1 is a press, and 0 is nothing (relative).
    Pulses,
    /// 1 while it is held, then 0 (it has a preferred state).
    Returns,
    /// It stays as it was put (no preferred state).
    Stays,
}

/// A button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where.
    pub field: Field,
    /// How it moves.
    pub manner: Manner,
}

/// What a report says of each button; `None`: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressed {
    /// The hook switch; true is off the hook.
    pub hook: Option<bool>,
    /// The mute button.
    pub mute: Option<bool>,
    /// Play or pause.
    pub play: Option<bool>,
}

/// What a headset has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Whether reports begin with an id.
    pub numbered: bool,
    /// Its hook switch.
    pub hook: Option<Key>,
    /// Its mute button.
    pub mute: Option<Key>,
    /// Its play or pause button.
    pub play: Option<Key>,
    /// The lamp that is on in calls.
    pub off_hook_lamp: Option<Field>,
    /// The lamp that is on while it is muted.
    pub mute_lamp: Option<Field>,
    /// The lamp that is on while it rings.
    pub ring_lamp: Option<Field>,
    /// Bits of each output report, by id.
    outputs: BTreeMap<u8, u32>,
}

impl Layout {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// What is wrong with it, or that it is of no headset with buttons.
    pub fn parse(descriptor: &[u8]) -> Result<Self, DescriptorError> {
        if descriptor.len() > MAX_DESCRIPTOR {
            return Err(DescriptorError::TooLong);
        }
        let mut reader = Reader::default();
        for item in Items(descriptor) {
            reader.item(item?)?;
        }
        let layout = reader.layout;
        let phone = layout.hook.is_some() || layout.mute.is_some();
        if phone || (reader.telephony && layout.play.is_some()) {
            Ok(layout)
        } else {
            Err(DescriptorError::NoButtons)
        }
    }

    /// What a report of the device says, its id first where reports have one.
    #[must_use]
    pub fn decode(&self, report: &[u8]) -> Pressed {
        let (id, data) = match report.split_first() {
            Some((id, data)) if self.numbered => (*id, data),
            _ => (0, report),
        };
        let read = |key: Option<Key>| key.filter(|key| key.field.report == id)?.field.read(data);
        Pressed { hook: read(self.hook), mute: read(self.mute), play: read(self.play) }
    }

    /// The reports that make the lamps show this, each as hidraw wants it: the id first, 0 where
    /// reports have none. At most three.
    #[must_use]
    pub fn lamps(&self, scene: &Scene) -> Vec<Vec<u8>> {
        let lamps = [
            (self.off_hook_lamp, scene.off_hook()),
            (self.mute_lamp, scene.off_hook() && scene.muted),
            (self.ring_lamp, scene.ring),
        ];
        let mut reports: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for (lamp, on) in lamps {
            let Some(lamp) = lamp else { continue };
            let bits = self.outputs.get(&lamp.report).copied().unwrap_or_default();
            let length = usize::try_from(bits.div_ceil(8)).unwrap_or_default();
            let report = reports.entry(lamp.report).or_insert_with(|| {
                let mut report = vec![0; 1 + length];
                report[0] = lamp.report;
                report
            });
            if on {
                lamp.light(&mut report[1..]);
            }
        }
        reports.into_values().collect()
    }
}

impl Field {
    /// Whether it counts as pressed; `None`: the report is too short to say.
    fn read(&self, data: &[u8]) -> Option<bool> {
        let places =
            (0..self.count).map(|place| bits(data, self.at + place * self.size, self.size));
        let mut any = false;
        for value in places {
            any |= match self.means {
                Means::NotZero => value? != 0,
                Means::Value(wanted) => value? == wanted,
            };
        }
        Some(any)
    }

    fn light(&self, data: &mut [u8]) {
        let (byte, bit) = place(self.at);
        if let Some(byte) = data.get_mut(byte) {
            *byte |= 1 << bit;
        }
    }
}

/// The byte that a bit lies in, and where in it.
fn place(bit: u32) -> (usize, u32) {
    (usize::try_from(bit / 8).unwrap_or(usize::MAX), bit % 8)
}

fn bits(data: &[u8], at: u32, size: u32) -> Option<u32> {
    (at..at + size).rev().try_fold(0, |value, bit| {
        let (byte, bit) = place(bit);
        Some(value << 1 | u32::from(data.get(byte)? >> bit & 1))
    })
}

/// The global items.
#[derive(Clone, Copy, Default)]
struct Global {
    page: u32,
    minimum: i32,
    size: u32,
    count: u32,
    report: u8,
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    layout: Layout,
    global: Global,
    stack: Vec<Global>,
    /// Usages of the next field, in order: first and last of each run.
    usages: Vec<(u32, u32)>,
    minimum: Option<u32>,
    inputs: BTreeMap<u8, u32>,
    telephony: bool,
}

impl Reader {
    fn item(&mut self, item: Item) -> Result<(), DescriptorError> {
        let global = &mut self.global;
        match item.tag {
            Tag::UsagePage => global.page = item.value & 0xffff,
            Tag::LogicalMinimum => global.minimum = item.signed(),
            Tag::ReportSize => global.size = item.value,
            Tag::ReportCount => global.count = item.value,
            Tag::ReportId => self.report_id(item.value)?,
            Tag::Push if self.stack.len() < STACK => self.stack.push(self.global),
            Tag::Pop => self.global = self.stack.pop().ok_or(DescriptorError::Stack)?,
            Tag::Push => return Err(DescriptorError::Stack),
            Tag::Usage => {
                let usage = self.full(item);
                self.usages.push((usage, usage));
            }
            Tag::UsageMinimum => self.minimum = Some(self.full(item)),
            Tag::UsageMaximum => {
                let last = self.full(item);
                let first = self.minimum.take().unwrap_or(last);
                self.usages.push((first, last));
            }
            Tag::Input => self.input(item.value)?,
            Tag::Output => self.output()?,
            Tag::Collection => {
                // Of an application, as the page goes: that of a headset, a handset or a phone.
                let usage = self.usages.first().map_or(0, |(usage, _)| *usage);
                self.telephony |= item.value == 1 && usage >> 16 == usage::TELEPHONY;
                self.forget_local();
            }
            Tag::Feature | Tag::EndCollection => self.forget_local(),
            Tag::Other => {}
        }
        Ok(())
    }

    fn report_id(&mut self, id: u32) -> Result<(), DescriptorError> {
        let known = u8::try_from(id).ok().filter(|id| *id != 0);
        self.global.report = known.ok_or(DescriptorError::ReportId(id))?;
        self.layout.numbered = true;
        Ok(())
    }

    /// A usage with its page: its own where it brings one, else the page of now.
    const fn full(&self, item: Item) -> u32 {
        if item.size == 4 { item.value } else { self.global.page << 16 | item.value & 0xffff }
    }

    fn forget_local(&mut self) {
        self.usages.clear();
        self.minimum = None;
    }

    /// The first bit of the field that comes now, in its report.
    fn place(ends: &mut BTreeMap<u8, u32>, global: Global) -> Result<u32, DescriptorError> {
        let end = ends.entry(global.report).or_default();
        let at = *end;
        let length = global.size.checked_mul(global.count);
        let length = length.filter(|length| *length <= MAX_BITS - at);
        *end += length.ok_or(DescriptorError::ReportTooLong)?;
        Ok(at)
    }

    /// How many places before this usage's own.
    fn index(&self, wanted: u32) -> Option<u32> {
        let mut before: u32 = 0;
        for (first, last) in &self.usages {
            if (*first..=*last).contains(&wanted) {
                return before.checked_add(wanted - first);
            }
            before = before.checked_add(last.saturating_sub(*first))?.checked_add(1)?;
        }
        None
    }

    /// A usage that has a place of its own. Fields that are called constant count, too: headsets
    /// send their hook switch in them (Anker PowerConf, Razer), and filling has no usages.
    fn variable(&self, wanted: u32, at: u32) -> Option<Field> {
        let Global { size, count, report, .. } = self.global;
        let index = self.index(wanted).filter(|index| *index < count)?;
        let fits = (1..=32).contains(&size);
        let at = at + index * size;
        fits.then_some(Field { report, at, size, count: 1, means: Means::NotZero })
    }

    /// A usage that is told by its number.
    fn array(&self, wanted: u32, at: u32) -> Option<Field> {
        let Global { size, count, report, minimum, .. } = self.global;
        let value = i64::from(self.index(wanted)?) + i64::from(minimum);
        let value = u32::try_from(value).ok()?;
        let fits = (1..=32).contains(&size) && count > 0;
        fits.then_some(Field { report, at, size, count, means: Means::Value(value) })
    }

    fn input(&mut self, flags: u32) -> Result<(), DescriptorError> {
        let at = Self::place(&mut self.inputs, self.global)?;
        let variable = flags & flag::VARIABLE != 0;
        let manner = match (variable, flags & flag::RELATIVE, flags & flag::NO_PREFERRED_STATE) {
            (true, 0, 0) | (false, ..) => Manner::Returns,
            (true, 0, _) => Manner::Stays,
            (true, ..) => Manner::Pulses,
        };
        let find = |wanted| {
            let field = if variable { self.variable(wanted, at) } else { self.array(wanted, at) };
            field.map(|field| Key { field, manner })
        };
        let found = [usage::HOOK_SWITCH, usage::PHONE_MUTE, usage::PLAY_PAUSE].map(find);
        let layout = &mut self.layout;
        let known = [&mut layout.hook, &mut layout.mute, &mut layout.play];
        for (known, found) in known.into_iter().zip(found) {
            *known = known.or(found);
        }
        self.forget_local();
        Ok(())
    }

    fn output(&mut self) -> Result<(), DescriptorError> {
        let at = Self::place(&mut self.layout.outputs, self.global)?;
        let found = [usage::LED_OFF_HOOK, usage::LED_MUTE, usage::LED_RING]
            .map(|wanted| self.variable(wanted, at));
        let layout = &mut self.layout;
        let known = [&mut layout.off_hook_lamp, &mut layout.mute_lamp, &mut layout.ring_lamp];
        for (known, found) in known.into_iter().zip(found) {
            *known = known.or(found);
        }
        self.forget_local();
        Ok(())
    }
}
