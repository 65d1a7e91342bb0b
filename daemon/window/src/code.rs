//! QR codes: drawing those of one's own invites, reading those of others.
//!
//! Owns: both, and the locked process that opens pictures. Does not own: what a code says (the call service
//! checks it). Invariant: a picture from a file is decoded in a process without network, bus, or files of the
//! user; what leaves it is text of bounded length.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use ahoy_sandbox::Policy;
use image::{ImageReader, Limits};
use qrcode::{Color, EcLevel, QrCode};

/// The argument that makes this program the process that reads pictures.
pub(crate) const READ: &str = "--read-code";
/// Modules of light around a code (ISO/IEC 18004).
const QUIET: usize = 4;
/// A photograph of a phone is smaller.
const LARGEST_FILE: u64 = 32 << 20;
const LARGEST_SIDE: u32 = 8192;
const LARGEST_PICTURE: u64 = 256 << 20;
/// More than fits into the largest code (version 40, level L).
const LONGEST_TEXT: u64 = 4096;
/// Reading a picture takes less, also on a phone.
const LONGEST: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A square of grey, a byte for each module.
pub(crate) struct Drawn {
    pub(crate) side: usize,
    pub(crate) modules: Vec<u8>,
}

/// Draws a text; `None`: it is too long for a code.
pub(crate) fn draw(text: &str) -> Option<Drawn> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (inner, side) = (code.width(), code.width() + 2 * QUIET);
    let mut modules = vec![0xff; side * side];
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            modules[(at / inner + QUIET) * side + at % inner + QUIET] = 0;
        }
    }
    Some(Drawn { side, modules })
}

/// Reads the code in a picture of grey bytes.
pub(crate) fn read(width: usize, height: usize, grey: &[u8]) -> Option<String> {
    if width == 0 || grey.len() < width.checked_mul(height)? {
        return None;
    }
    let mut picture =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| grey[y * width + x]);
    picture.detect_grids().into_iter().find_map(|grid| Some(grid.decode().ok()?.1))
}

/// Why there is no text in a picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    /// The file, or the process that reads it.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is no picture, or has no code.
    #[error("there is no QR code in it")]
    NoCode,
}

/// Reads the code in a picture file. Takes a moment: not for the thread that draws.
pub(crate) fn read_file(path: &Path) -> Result<String, CodeError> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(READ)
        .env_clear()
        .stdin(Stdio::from(File::open(path)?))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = child.stdout.take();
    let text = thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|output| output.take(LONGEST_TEXT).read_to_string(&mut text));
        read.is_some_and(|read| read.is_ok()).then_some(text)
    });
    let until = Instant::now() + LONGEST;
    let done = loop {
        match child.try_wait()? {
            Some(status) => break status.success(),
            None if Instant::now() > until => {
                child.kill()?;
                child.wait()?;
                break false;
            }
            None => thread::sleep(LOOK_AGAIN),
        }
    };
    let text = text.join().ok().flatten().filter(|text| done && !text.is_empty());
    text.ok_or(CodeError::NoCode)
}

/// The process that reads: a picture on standard input, the text of its code on standard output.
pub(crate) fn serve() -> ExitCode {
    if let Err(error) = ahoy_sandbox::lock(&Policy::default()) {
        // Nothing was read yet.
        let _ = writeln!(std::io::stderr(), "ahoy-window: {error}");
        return ExitCode::FAILURE;
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LARGEST_FILE).read_to_end(&mut bytes);
    let text = read.ok().and_then(|_| decode(&bytes));
    let said = text.map(|text| std::io::stdout().write_all(text.as_bytes()));
    if said.is_some_and(|said| said.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn decode(bytes: &[u8]) -> Option<String> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_PICTURE);
    let mut reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.limits(limits);
    let grey = reader.decode().ok()?.into_luma8();
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    read(width, height, grey.as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code of modules of some pixels.
    fn enlarged(drawn: &Drawn, scale: usize) -> (usize, Vec<u8>) {
        let side = drawn.side * scale;
        let at = |at: usize| drawn.modules[at / side / scale * drawn.side + at % side / scale];
        (side, (0..side * side).map(at).collect())
    }

    #[test]
    fn what_is_drawn_is_read() {
        let text = format!("ahoy:{}", "y8x3".repeat(85));
        let (side, grey) = enlarged(&draw(&text).expect("it fits"), 4);
        assert_eq!(read(side, side, &grey).as_deref(), Some(text.as_str()));
    }

    #[test]
    fn a_picture_without_a_code_or_of_another_size_is_none() {
        assert_eq!(read(64, 64, &[0x80; 64 * 64]), None);
        assert_eq!(read(64, 64, &[0x80; 64]), None);
        assert_eq!(read(0, 0, &[]), None);
        assert_eq!(read(usize::MAX, 2, &[]), None);
        assert!(draw(&"x".repeat(5000)).is_none());
    }

    #[test]
    fn a_picture_file_is_read_and_a_damaged_one_is_none() {
        let (side, grey) = enlarged(&draw("ahoy:hello").expect("it fits"), 8);
        let side = u32::try_from(side).expect("small");
        let picture = image::GrayImage::from_raw(side, side, grey).expect("its size");
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).expect("a PNG");
        let png = png.into_inner();
        assert_eq!(decode(&png).as_deref(), Some("ahoy:hello"));
        assert_eq!(decode(&png[..png.len() / 2]), None);
        assert_eq!(decode(b"GIF89a and no more"), None);
        assert_eq!(decode(&[]), None);
    }
}
