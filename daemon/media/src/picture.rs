//! Pictures as bytes: which layouts a camera may deliver and how their rows are laid out.
//!
//! Owns: layouts, row arithmetic, the slot for the latest picture. Does not own: conversion and
//! codecs (GStreamer). Invariant: [`repack`] never reads outside what it was given; a picture that
//! is shorter than its format says is `None`.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How the pixels of a camera's picture are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// 4:2:2, one plane: what most webcams give at small sizes.
    Yuy2,
    /// 4:2:0, three planes.
    I420,
    /// 4:2:0, two planes.
    Nv12,
    /// Four bytes a pixel, the last one unused or alpha.
    Rgbx,
    /// Four bytes a pixel, the last one unused or alpha.
    Bgrx,
    /// Three bytes a pixel.
    Rgb,
    /// Three bytes a pixel.
    Bgr,
    /// One JPEG per picture: what most webcams give at large sizes.
    Jpeg,
}

/// What a camera delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CameraFormat {
    pub(crate) layout: Layout,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Rows of one plane: how many bytes of each hold pixels, how far apart they start, how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rows {
    bytes: usize,
    stride: usize,
    count: usize,
}

const fn up(value: usize, to: usize) -> usize {
    value.div_ceil(to) * to
}

/// The planes of a raw layout as GStreamer expects them without further description.
fn planes(format: CameraFormat) -> Vec<Rows> {
    let (width, height) = (format.width as usize, format.height as usize);
    let rows = |bytes: usize, stride: usize, count: usize| Rows { bytes, stride, count };
    match format.layout {
        Layout::Yuy2 => vec![rows(up(width, 2) * 2, up(width * 2, 4), height)],
        Layout::Rgbx | Layout::Bgrx => vec![rows(width * 4, width * 4, height)],
        Layout::Rgb | Layout::Bgr => vec![rows(width * 3, up(width * 3, 4), height)],
        Layout::I420 => {
            let chroma = rows(up(width, 2) / 2, up(up(width, 2) / 2, 4), up(height, 2) / 2);
            vec![rows(width, up(width, 4), up(height, 2)), chroma, chroma]
        }
        Layout::Nv12 => {
            let stride = up(width, 4);
            vec![rows(width, stride, up(height, 2)), rows(up(width, 2), stride, up(height, 2) / 2)]
        }
        Layout::Jpeg => Vec::new(),
    }
}

/// How far apart the rows of plane `number` start in a source whose first plane has `stride`.
const fn source_stride(layout: Layout, number: usize, stride: usize) -> usize {
    match layout {
        Layout::I420 if number > 0 => stride / 2,
        Layout::I420
        | Layout::Nv12
        | Layout::Yuy2
        | Layout::Rgbx
        | Layout::Bgrx
        | Layout::Rgb
        | Layout::Bgr
        | Layout::Jpeg => stride,
    }
}

/// A plane, or all planes one after the other, as a camera gave them.
pub(crate) struct Given<'a> {
    pub(crate) bytes: &'a [u8],
    /// Bytes from row to row; 0: rows follow each other as the format says.
    pub(crate) stride: usize,
}

/// Brings a camera's picture into the rows that its format has by default.
pub(crate) fn repack(format: CameraFormat, given: &[Given<'_>]) -> Option<Vec<u8>> {
    let first = given.first()?;
    if format.layout == Layout::Jpeg {
        return (!first.bytes.is_empty()).then(|| first.bytes.to_vec());
    }
    let mut picture = Vec::new();
    let mut offset = 0;
    for (number, rows) in planes(format).into_iter().enumerate() {
        let (bytes, stride) = match given.get(number) {
            Some(own) if number > 0 => (own.bytes, own.stride),
            Some(_) | None => {
                let stride = source_stride(format.layout, number, first.stride);
                (first.bytes.get(offset..)?, stride)
            }
        };
        let stride = if stride == 0 { rows.stride } else { stride };
        copy_rows(rows, bytes, stride, &mut picture)?;
        offset += stride * rows.count;
    }
    Some(picture)
}

fn copy_rows(rows: Rows, bytes: &[u8], stride: usize, into: &mut Vec<u8>) -> Option<()> {
    for row in 0..rows.count {
        let from = row * stride;
        // The last row of an odd-height picture may be missing from tightly packed sources.
        let pixels = bytes.get(from..from + rows.bytes)?;
        into.extend_from_slice(pixels);
        into.resize(into.len() + rows.stride - rows.bytes, 0);
    }
    Some(())
}

/// Slows a camera down to a rate.
#[derive(Debug)]
pub(crate) struct Pace {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// At most `fps` pictures a second.
    pub(crate) fn new(fps: u32) -> Self {
        Self { gap: Duration::from_secs(1) / fps.max(1), next: None }
    }

    /// Whether the picture that comes `now` is one of them. A camera at just this rate jitters, so
    /// half a gap too early is still in time; what was early is not forgotten.
    pub(crate) fn passes(&mut self, now: Instant) -> bool {
        let due = self.next.unwrap_or(now);
        if now + self.gap / 2 < due {
            return false;
        }
        self.next = Some(due.max(now.checked_sub(self.gap).unwrap_or(now)) + self.gap);
        true
    }
}

/// One picture ready to be shown: BGRA, rows without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

/// Holds the latest picture only: a window that is slow or absent holds nothing up.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Shown>>);

impl Slot {
    /// Puts a picture in. True when the slot was empty: the showing side is to be told.
    pub(crate) fn put(&self, picture: Shown) -> bool {
        self.0.lock().is_ok_and(|mut slot| slot.replace(picture).is_none())
    }

    /// Takes the picture out.
    pub(crate) fn take(&self) -> Option<Shown> {
        self.0.lock().ok()?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn format(layout: Layout, width: u32, height: u32) -> CameraFormat {
        CameraFormat { layout, width, height }
    }

    #[test]
    fn padded_rows_lose_their_padding() {
        let bytes: Vec<u8> = (0..2 * 32).collect();
        let given = [Given { bytes: &bytes, stride: 32 }];
        let picture = repack(format(Layout::Rgbx, 4, 2), &given).expect("a picture");
        assert_eq!(picture, [&bytes[..16], &bytes[32..48]].concat());
    }

    #[test]
    fn planes_in_one_buffer_are_found_by_the_stride() {
        let mut bytes = vec![1; 16 * 4];
        bytes.extend([2; 8 * 2]);
        bytes.extend([3; 8 * 2]);
        let given = [Given { bytes: &bytes, stride: 16 }];
        let picture = repack(format(Layout::I420, 8, 4), &given).expect("a picture");
        assert_eq!(picture, [vec![1; 32], vec![2; 8], vec![3; 8]].concat());
    }

    #[test]
    fn planes_in_buffers_of_their_own_are_joined() {
        let given = [Given { bytes: &[1; 32], stride: 0 }, Given { bytes: &[2; 32], stride: 16 }];
        let picture = repack(format(Layout::Nv12, 8, 4), &given).expect("a picture");
        assert_eq!(picture, [vec![1; 32], vec![2; 16]].concat());
    }

    #[test]
    fn a_short_picture_is_none() {
        for layout in [Layout::Yuy2, Layout::I420, Layout::Nv12, Layout::Rgbx, Layout::Rgb] {
            let given = [Given { bytes: &[0; 40], stride: 0 }];
            assert_eq!(repack(format(layout, 64, 64), &given), None, "{layout:?}");
        }
        assert_eq!(repack(format(Layout::Jpeg, 64, 64), &[]), None);
    }

    fn passed(camera_fps: u32, plan_fps: u32) -> usize {
        let (mut pace, start) = (Pace::new(plan_fps), Instant::now());
        let at = |number: u32| {
            let jitter = Duration::from_millis(u64::from(number * 7 % 5));
            start + Duration::from_secs(1) * number / camera_fps + jitter
        };
        (0..camera_fps * 4).filter(|number| pace.passes(at(*number))).count()
    }

    #[test]
    fn a_fast_camera_is_slowed_down_and_others_are_left_alone() {
        assert!((118..=122).contains(&passed(60, 30)), "{}", passed(60, 30));
        assert!((118..=122).contains(&passed(50, 30)), "{}", passed(50, 30));
        assert_eq!(passed(30, 30), 120);
        assert_eq!(passed(15, 30), 60);
    }

    #[test]
    fn only_the_latest_picture_waits() {
        let slot = Slot::default();
        let shown = |width| Shown { width, height: 1, pixels: vec![0; 4] };
        assert!(slot.put(shown(1)));
        assert!(!slot.put(shown(2)));
        assert_eq!(slot.take(), Some(shown(2)));
        assert_eq!(slot.take(), None);
        assert!(slot.put(shown(3)));
    }
}
