//! The size of a VP8 picture, read before any decoder sees it (RFC 6386, 9.1).
//!
//! Owns: the header of a key frame. Does not own: decoding. Invariant: total; reads ten bytes.

use ahoy_core::media::VideoSize;

/// What the header of a VP8 frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameHead {
    /// Depends on earlier frames.
    Delta,
    /// Stands alone and sets the size.
    Key {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// No VP8 frame.
    Broken,
}

/// Reads the head of one whole VP8 frame.
pub(crate) fn head(frame: &[u8]) -> FrameHead {
    let Some(&first) = frame.first() else {
        return FrameHead::Broken;
    };
    if first & 1 == 1 {
        return FrameHead::Delta;
    }
    match frame.get(3..10) {
        Some([0x9d, 0x01, 0x2a, w0, w1, h0, h1]) => FrameHead::Key {
            // The two top bits are a scaling hint for the renderer.
            width: u32::from(u16::from_le_bytes([*w0, *w1]) & 0x3fff),
            height: u32::from(u16::from_le_bytes([*h0, *h1]) & 0x3fff),
        },
        Some(_) | None => FrameHead::Broken,
    }
}

/// Whether a picture may go to the decoder. Turned sideways counts as the same size.
pub(crate) fn acceptable(width: u32, height: u32, accept: VideoSize) -> bool {
    let (long, short) = (accept.width.max(accept.height), accept.width.min(accept.height));
    width > 0 && height > 0 && width.max(height) <= long && width.min(height) <= short
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 10] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];

    #[test]
    fn a_key_frame_tells_its_size() {
        assert_eq!(head(&KEY), FrameHead::Key { width: 640, height: 360 });
    }

    #[test]
    fn scaling_bits_are_not_size() {
        let mut scaled = KEY;
        scaled[7] |= 0xc0;
        assert_eq!(head(&scaled), FrameHead::Key { width: 640, height: 360 });
    }

    #[test]
    fn truncated_and_unmarked_key_frames_are_broken() {
        for length in 1..10 {
            assert_eq!(head(&KEY[..length]), FrameHead::Broken, "{length} bytes");
        }
        assert_eq!(head(&[]), FrameHead::Broken);
        assert_eq!(head(&[0; 10]), FrameHead::Broken);
    }

    #[test]
    fn other_frames_are_deltas() {
        assert_eq!(head(&[0x11]), FrameHead::Delta);
    }

    #[test]
    fn pictures_up_to_the_agreed_size_pass_either_way_up() {
        assert!(acceptable(1280, 720, VideoSize::P720));
        assert!(acceptable(720, 1280, VideoSize::P720));
        assert!(!acceptable(1281, 720, VideoSize::P720));
        assert!(!acceptable(1280, 1280, VideoSize::P720));
        assert!(!acceptable(0, 720, VideoSize::P720));
    }
}
