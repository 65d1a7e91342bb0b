//! The items of a report descriptor (HID 1.11, 6.2.2).
//!
//! Owns: where each item ends and what it carries. Does not own: what items add up to. Invariant:
//! every item takes at least one byte, so that reading ends.

use super::DescriptorError;

/// The two high parts of an item's first byte: its tag and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Input,
    Output,
    Feature,
    Collection,
    EndCollection,
    UsagePage,
    LogicalMinimum,
    ReportSize,
    ReportId,
    ReportCount,
    Push,
    Pop,
    Usage,
    UsageMinimum,
    UsageMaximum,
    /// Anything else: it changes nothing here.
    Other,
}

impl Tag {
    const fn of(prefix: u8) -> Self {
        match prefix & 0xfc {
            0x80 => Self::Input,
            0x90 => Self::Output,
            0xb0 => Self::Feature,
            0xa0 => Self::Collection,
            0xc0 => Self::EndCollection,
            0x04 => Self::UsagePage,
            0x14 => Self::LogicalMinimum,
            0x74 => Self::ReportSize,
            0x84 => Self::ReportId,
            0x94 => Self::ReportCount,
            0xa4 => Self::Push,
            0xb4 => Self::Pop,
            0x08 => Self::Usage,
            0x18 => Self::UsageMinimum,
            0x28 => Self::UsageMaximum,
            _ => Self::Other,
        }
    }
}

/// One item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) tag: Tag,
    /// What it carries, without its sign; 0 where it carries nothing.
    pub(super) value: u32,
    /// Bytes of that: 0, 1, 2 or 4.
    pub(super) size: usize,
}

impl Item {
    /// What it carries, as a number with a sign.
    pub(super) const fn signed(self) -> i32 {
        let [first, second, ..] = self.value.to_le_bytes();
        match self.size {
            1 => i8::from_le_bytes([first]) as i32,
            2 => i16::from_le_bytes([first, second]) as i32,
            _ => self.value.cast_signed(),
        }
    }
}

/// The first byte of an item of any length, which no device has ever had a use for.
const LONG: u8 = 0xfe;

/// The items of a descriptor, in order; the last one may be an error.
pub(super) struct Items<'a>(pub(super) &'a [u8]);

impl Iterator for Items<'_> {
    type Item = Result<Item, DescriptorError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&prefix, rest) = self.0.split_first()?;
        let (head, size) = match prefix {
            LONG => (2, rest.first().map_or(0, |size| usize::from(*size))),
            _ => (0, [0, 1, 2, 4][usize::from(prefix & 3)]),
        };
        let Some((data, rest)) = rest.split_at_checked(head + size) else {
            self.0 = &[];
            return Some(Err(DescriptorError::Truncated));
        };
        self.0 = rest;
        if prefix == LONG {
            return Some(Ok(Item { tag: Tag::Other, value: 0, size: 0 }));
        }
        let value = data.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        Some(Ok(Item { tag: Tag::of(prefix), value, size }))
    }
}
