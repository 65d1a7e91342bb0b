//! Pictures of cameras and calls as rows of BGRA: as cairo has them, so that GTK copies them and turns nothing round
//! (which took half of what a call's window cost, measured).
//!
//! Owns: the layouts that are understood, turning them round, shrinking. Does not own: where bytes come from.
//! Invariant: pure; bytes that are no picture of the size are `None`, never a panic; every pixel is opaque.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits};
use pipewire::spa::param::video::VideoFormat;

/// How the pixels of a picture lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Rgba,
    /// The fourth byte means nothing.
    Rgbx,
    Bgra,
    Bgrx,
    /// Y0 U Y1 V: what most cameras on USB give.
    Yuy2,
    /// A plane of Y, then one of U and V in turn: what most cameras of phones give.
    Nv12,
    /// Planes of Y, U and V.
    I420,
}

impl Layout {
    /// All, the dearest to turn round last.
    pub(crate) const ALL: [(Self, VideoFormat); 7] = [
        (Self::Rgba, VideoFormat::RGBA),
        (Self::Rgbx, VideoFormat::RGBx),
        (Self::Bgra, VideoFormat::BGRA),
        (Self::Bgrx, VideoFormat::BGRx),
        (Self::Yuy2, VideoFormat::YUY2),
        (Self::Nv12, VideoFormat::NV12),
        (Self::I420, VideoFormat::I420),
    ];

    /// What PipeWire calls so.
    pub(crate) fn of(format: VideoFormat) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == format).map(|(layout, _)| layout)
    }

    /// Bytes of a row of the first plane.
    fn row(self, width: usize) -> Option<usize> {
        match self {
            Self::Rgba | Self::Rgbx | Self::Bgra | Self::Bgrx => width.checked_mul(4),
            // Pixels share their colour by two.
            Self::Yuy2 => width.checked_next_multiple_of(2)?.checked_mul(2),
            Self::Nv12 | Self::I420 => Some(width),
        }
    }
}

/// Rows of BGRA without gaps. `stride`: bytes from row to row, 0: there are no gaps.
pub(crate) fn bgra(
    layout: Layout,
    bytes: &[u8],
    stride: usize,
    (width, height): (usize, usize),
) -> Option<Vec<u8>> {
    let row = layout.row(width)?;
    let stride = if stride == 0 { row } else { stride };
    if stride < row || width == 0 {
        return None;
    }
    let line = |number: usize| {
        let from = number.checked_mul(stride)?;
        bytes.get(from..from.checked_add(row)?)
    };
    let mut pixels: Vec<[u8; 4]> = Vec::with_capacity(width.checked_mul(height)?);
    let mut turned = |turn: fn(&[u8]) -> [u8; 4]| {
        for number in 0..height {
            pixels.extend(line(number)?.chunks_exact(4).map(turn));
        }
        Some(())
    };
    match layout {
        Layout::Rgba | Layout::Rgbx => turned(|pixel| [pixel[2], pixel[1], pixel[0], 0xff])?,
        Layout::Bgra | Layout::Bgrx => turned(|pixel| [pixel[0], pixel[1], pixel[2], 0xff])?,
        Layout::Yuy2 => {
            for number in 0..height {
                let pairs = line(number)?.chunks_exact(4);
                let both = |pair: &[u8]| [pair[0], pair[2]].map(|y| colour(y, pair[1], pair[3]));
                pixels.extend(pairs.flat_map(both).take(width));
            }
        }
        Layout::Nv12 | Layout::I420 => {
            let chroma = Chroma::new(layout, bytes, stride, (width, height))?;
            for number in 0..height {
                for (x, y) in line(number)?.iter().enumerate() {
                    let (u, v) = chroma.at(x / 2, number / 2)?;
                    pixels.push(colour(*y, u, v));
                }
            }
        }
    }
    Some(pixels.into_flattened())
}

/// A picture of a camera that gives JPEG, no side longer than `largest`; with its width and height.
pub(crate) fn of_jpeg(bytes: &[u8], largest: u32) -> Option<(Vec<u8>, u32, u32)> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(largest), Some(largest));
    reader.limits(limits);
    let picture = reader.decode().ok()?.into_rgba8();
    let (width, height) = picture.dimensions();
    let size = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    let pixels = bgra(Layout::Rgba, picture.as_raw(), 0, size)?;
    Some((pixels, width, height))
}

/// The colour of a picture in planes, of half its size each way.
struct Chroma<'b> {
    u: &'b [u8],
    v: &'b [u8],
    stride: usize,
    /// Bytes from one value to the next.
    step: usize,
}

impl<'b> Chroma<'b> {
    fn new(
        layout: Layout,
        bytes: &'b [u8],
        stride: usize,
        (_, height): (usize, usize),
    ) -> Option<Self> {
        let rest = bytes.get(stride.checked_mul(height)?..)?;
        if layout == Layout::Nv12 {
            return Some(Self { u: rest, v: rest.get(1..)?, stride, step: 2 });
        }
        let stride = stride.div_ceil(2);
        let v = rest.get(stride.checked_mul(height.div_ceil(2))?..)?;
        Some(Self { u: rest, v, stride, step: 1 })
    }

    fn at(&self, x: usize, y: usize) -> Option<(u8, u8)> {
        let place = y.checked_mul(self.stride)?.checked_add(x.checked_mul(self.step)?)?;
        Some((*self.u.get(place)?, *self.v.get(place)?))
    }
}

/// ITU-R BT.601 of limited range, in 1/256.
fn colour(y: u8, u: u8, v: u8) -> [u8; 4] {
    let (y, u, v) = (298 * (i32::from(y) - 16), i32::from(u) - 128, i32::from(v) - 128);
    let byte = |value: i32| ((value + 128) >> 8).clamp(0, 255) as u8;
    [byte(y + 516 * u), byte(y - 100 * u - 208 * v), byte(y + 409 * v), 0xff]
}

/// The same picture, smaller by a whole number each way: each pixel the mean of those it stands for. Cairo shrinks to
/// less than three quarters by a dear filter.
pub(crate) fn shrunk(
    pixels: &[u8],
    (width, height): (usize, usize),
    by: usize,
) -> Option<(Vec<u8>, usize, usize)> {
    let (wide, high) = (width.checked_div(by)?, height.checked_div(by)?);
    let row = width.checked_mul(4)?;
    if wide == 0 || high == 0 || pixels.len() < row.checked_mul(height)? {
        return None;
    }
    let count = u32::try_from(by.checked_mul(by)?).ok()?;
    let mut small = Vec::with_capacity(wide * high * 4);
    // Lines are added up first, byte by byte, which processors do many at a time: the more, the smaller the sums. Those
    // of more lines than fit would be of pictures larger than are taken.
    if by > usize::from(u16::MAX / u16::from(u8::MAX)) {
        return None;
    }
    let mut sums = vec![0_u16; row];
    for lines in pixels.chunks_exact(row * by).take(high) {
        sums.fill(0);
        for line in lines.chunks_exact(row) {
            sums.iter_mut().zip(line).for_each(|(sum, byte)| *sum += u16::from(*byte));
        }
        for block in sums.chunks_exact(4 * by) {
            let mut pixel = [0_u32; 4];
            for part in block.chunks_exact(4) {
                pixel.iter_mut().zip(part).for_each(|(sum, part)| *sum += u32::from(*part));
            }
            small.extend(pixel.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX)));
        }
    }
    Some((small, wide, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_as_jpeg_is_read_and_one_that_is_broken_or_too_large_is_none() {
        let colour = image::Rgb([0xa0, 0x40, 0x20]);
        let picture = image::RgbImage::from_pixel(64, 48, colour);
        let mut bytes = Vec::new();
        let into = &mut Cursor::new(&mut bytes);
        picture.write_to(into, ImageFormat::Jpeg).expect("a JPEG");
        let (pixels, width, height) = of_jpeg(&bytes, 64).expect("read");
        assert_eq!((width, height, pixels.len()), (64, 48, 64 * 48 * 4));
        let near = |(one, other): (&u8, u8)| one.abs_diff(other) < 8;
        assert!(pixels[..4].iter().zip([0x20, 0x40, 0xa0, 0xff]).all(near), "{:?}", &pixels[..4]);
        assert!(of_jpeg(&bytes, 63).is_none(), "too large");
        assert!(of_jpeg(&bytes[..20], 64).is_none(), "cut off");
        assert!(of_jpeg(b"no picture", 64).is_none());
    }

    #[test]
    fn rows_lose_their_gaps() {
        let bytes: Vec<u8> = (0..24).collect();
        let expected = vec![0, 1, 2, 255, 4, 5, 6, 255, 12, 13, 14, 255, 16, 17, 18, 255];
        assert_eq!(bgra(Layout::Bgra, &bytes, 12, (2, 2)), Some(expected));
        assert_eq!(
            bgra(Layout::Rgba, &bytes[..16], 0, (2, 2)).map(|pixels| pixels.len()),
            Some(16)
        );
    }

    #[test]
    fn what_is_no_picture_of_the_size_is_left_out() {
        for (layout, _) in Layout::ALL {
            assert_eq!(bgra(layout, &[0; 5], 0, (2, 2)), None, "{layout:?}");
            assert_eq!(bgra(layout, &[0; 64], 1, (2, 2)), None, "{layout:?}");
            assert_eq!(bgra(layout, &[], usize::MAX, (1, 2)), None, "{layout:?}");
            assert_eq!(bgra(layout, &[0; 64], 0, (usize::MAX, 2)), None, "{layout:?}");
            assert_eq!(bgra(layout, &[0; 64], 0, (0, 2)), None, "{layout:?}");
        }
    }

    #[test]
    fn red_is_red_in_every_layout() {
        let (y, u, v) = (81, 90, 240);
        let red = |layout| {
            let bytes: Vec<u8> = match layout {
                Layout::Rgba | Layout::Rgbx => [255, 0, 0, 255].repeat(4),
                Layout::Bgra | Layout::Bgrx => [0, 0, 255, 255].repeat(4),
                Layout::Yuy2 => [y, u, y, v].repeat(2),
                Layout::Nv12 | Layout::I420 => vec![y, y, y, y, u, v],
            };
            bgra(layout, &bytes, 0, (2, 2)).expect("a picture")
        };
        for (layout, _) in Layout::ALL {
            for pixel in red(layout).chunks_exact(4) {
                let near = |value: u8, wanted: u8| value.abs_diff(wanted) <= 2;
                let is_red = near(pixel[2], 255) && near(pixel[1], 0) && near(pixel[0], 0);
                assert!(is_red && pixel[3] == 255, "{layout:?}: {pixel:?}");
            }
        }
    }

    #[test]
    fn a_shrunk_picture_has_the_means_of_its_pixels() {
        let grey = |values: &[u8]| values.iter().flat_map(|value| [*value; 4]).collect::<Vec<u8>>();
        let pixels = grey(&[0, 100, 7, 200, 100, 7, 9, 9, 9]);
        assert_eq!(shrunk(&pixels, (3, 3), 2), Some((grey(&[100]), 1, 1)));
        assert_eq!(shrunk(&pixels, (3, 3), 1), Some((pixels.clone(), 3, 3)));
        assert_eq!(shrunk(&pixels, (3, 3), 4), None);
        assert_eq!(shrunk(&pixels, (3, 3), 0), None);
        assert_eq!(shrunk(&pixels, (9, 9), 2), None);
    }

    #[test]
    fn a_picture_of_odd_sides_has_all_its_pixels() {
        assert_eq!(bgra(Layout::Yuy2, &[128; 24], 0, (3, 3)).map(|all| all.len()), Some(36));
        assert_eq!(bgra(Layout::Nv12, &[128; 32], 4, (3, 3)).map(|all| all.len()), Some(36));
        assert_eq!(bgra(Layout::I420, &[128; 32], 4, (3, 3)).map(|all| all.len()), Some(36));
    }
}
