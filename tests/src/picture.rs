//! What a PipeWire video node shows.
//!
//! Owns: looking at a node as a window would, counting pictures, writing PNG. Does not own: the
//! node. Invariant: every picture that is counted came out of PipeWire.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{ChildStdout, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Result, Stage, Trouble,
    person::built,
    process::{Running, program},
    within,
};

/// A picture: I420 as it came.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    planes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    at: Vec<Instant>,
    last: Picture,
    different: usize,
}

/// Somebody who looks at a node.
#[derive(Debug)]
pub struct Viewer {
    seen: Arc<Mutex<Seen>>,
    node: String,
    _running: Running,
}

/// What was measured of a node.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Pictures a second.
    pub fps: f64,
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// How many of the pictures differ from the one before.
    pub different: usize,
}

fn read(output: ChildStdout, seen: &Mutex<Seen>) -> Option<()> {
    let mut output = BufReader::with_capacity(1 << 20, output);
    let mut header = String::new();
    output.read_line(&mut header).ok()?;
    let size = |letter: char| {
        let word = header.split(' ').find_map(|word| word.strip_prefix(letter))?;
        word.trim().parse::<usize>().ok()
    };
    let (width, height) = (size('W')?, size('H')?);
    let length = width * height + 2 * (width.div_ceil(2) * height.div_ceil(2));
    loop {
        let mut line = Vec::new();
        output.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        let mut planes = vec![0; length];
        output.read_exact(&mut planes).ok()?;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.at.push(Instant::now());
        if seen.last.planes != planes {
            seen.different += 1;
        }
        seen.last = Picture { width, height, planes };
    }
}

impl Viewer {
    /// Starts to look at a node, by its name or serial number.
    ///
    /// # Errors
    /// GStreamer does not start.
    pub fn start(stage: &Stage, node: &str) -> Result<Self> {
        let target = format!("target-object={node}");
        let mut command = stage.command("gst-launch-1.0");
        command.args(["-q", "pipewiresrc", &target, "!", "videoconvert", "!"]).args([
            "video/x-raw,format=I420",
            "!",
            "y4menc",
            "!",
            "fdsink",
            "fd=1",
        ]);
        let mut running = Running::start("gst-launch-1.0", command.stdout(Stdio::piped()))?;
        let seen = Arc::<Mutex<Seen>>::default();
        if let Some(output) = running.child().stdout.take() {
            let seen = seen.clone();
            // Ends with the pipe.
            std::thread::spawn(move || read(output, &seen));
        }
        Ok(Self { seen, node: node.to_owned(), _running: running })
    }

    fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the first picture came.
    ///
    /// # Errors
    /// [`Trouble::Late`].
    pub fn first(&self) -> Result<Instant> {
        let what = format!("a picture from {}", self.node);
        crate::until(&what, || self.look(|seen| seen.at.first().copied()))
    }

    /// The last picture.
    #[must_use]
    pub fn last(&self) -> Picture {
        self.look(|seen| seen.last.clone())
    }

    /// Counts for a time, from the next picture on.
    ///
    /// # Errors
    /// Pictures stop.
    pub fn measure(&self, time: Duration) -> Result<Rate> {
        let (from, different) = self.look(|seen| (seen.at.len(), seen.different));
        let what = format!("{time:?} of pictures from {}", self.node);
        within(time * 4, &what, || {
            self.look(|seen| {
                let (first, last) = (*seen.at.get(from)?, *seen.at.last()?);
                if last - first < time {
                    return None;
                }
                let intervals = (seen.at.len() - from).saturating_sub(1);
                Some(Rate {
                    fps: intervals as f64 / (last - first).as_secs_f64(),
                    width: seen.last.width,
                    height: seen.last.height,
                    different: seen.different - different,
                })
            })
        })
    }
}

/// Red, green, blue.
type Pixel = [u8; 3];

impl Picture {
    /// A pixel as people see it (BT.601, the default below 720 lines).
    #[must_use]
    pub fn pixel(&self, x: usize, y: usize) -> Pixel {
        let (wide, high) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let byte = |at: usize| f32::from(self.planes.get(at).copied().unwrap_or(0));
        let luma = 1.164 * (byte(y * self.width + x) - 16.0);
        let chroma = self.width * self.height + (y / 2) * wide + x / 2;
        let (blue, red) = (byte(chroma) - 128.0, byte(chroma + wide * high) - 128.0);
        [luma + 1.596 * red, luma - 0.392 * blue - 0.813 * red, luma + 2.017 * blue]
            .map(|value| value.clamp(0.0, 255.0) as u8)
    }
}

/// Letters of captions: five columns of seven points, the lowest bit on top.
fn letter(letter: char) -> [u8; 5] {
    match letter {
        'A' => [0x7e, 0x09, 0x09, 0x09, 0x7e],
        'B' => [0x7f, 0x49, 0x49, 0x49, 0x36],
        'C' => [0x3e, 0x41, 0x41, 0x41, 0x22],
        'E' => [0x7f, 0x49, 0x49, 0x49, 0x41],
        'H' => [0x7f, 0x08, 0x08, 0x08, 0x7f],
        'I' => [0x00, 0x41, 0x7f, 0x41, 0x00],
        'L' => [0x7f, 0x40, 0x40, 0x40, 0x40],
        'O' => [0x3e, 0x41, 0x41, 0x41, 0x3e],
        'S' => [0x26, 0x49, 0x49, 0x49, 0x32],
        'W' => [0x3f, 0x40, 0x38, 0x40, 0x3f],
        _ => [0; 5],
    }
}

const CAPTION: usize = 48;
const POINT: usize = 4;
const LETTER: usize = 6 * POINT;

/// Whether a caption has a point here.
fn inked(caption: &str, x: usize, y: usize) -> bool {
    let (Some(x), Some(y)) = (x.checked_sub(16), y.checked_sub((CAPTION - 7 * POINT) / 2)) else {
        return false;
    };
    let column = (x % LETTER) / POINT;
    let columns = caption.chars().nth(x / LETTER).map(letter);
    columns
        .and_then(|columns| columns.get(column).copied())
        .is_some_and(|bits| y / POINT < 7 && bits >> (y / POINT) & 1 == 1)
}

/// Writes pictures of one size side by side, each with a caption above, as PNG.
///
/// # Errors
/// GStreamer fails.
pub fn write(path: &Path, pictures: &[(&str, &Picture)]) -> Result<()> {
    let (width, height) = pictures
        .iter()
        .map(|(_, picture)| (picture.width, picture.height))
        .fold((0, 0), |most, one| (most.0.max(one.0), most.1.max(one.1)));
    let mut rgb = Vec::with_capacity(width * pictures.len() * (height + CAPTION) * 3);
    for y in 0..height + CAPTION {
        for (caption, picture) in pictures {
            for x in 0..width {
                rgb.extend(match y.checked_sub(CAPTION) {
                    None if inked(caption, x, y) => [255, 255, 255],
                    None => [32, 32, 32],
                    Some(y) => picture.pixel(x, y),
                });
            }
        }
    }
    png(path, &rgb, (width * pictures.len(), height + CAPTION))
}

/// Where a picture for people to look at goes: `target/pictures/NAME`.
///
/// # Errors
/// The directory cannot be made.
pub fn kept(name: &str) -> Result<PathBuf> {
    let programs = built("ahoyd")?;
    let target = programs.ancestors().nth(2).unwrap_or(Path::new("."));
    let pictures = target.join("pictures");
    fs::create_dir_all(&pictures).map_err(Trouble::io("pictures"))?;
    Ok(pictures.join(name))
}

/// Writes rows of RGB as PNG.
///
/// # Errors
/// GStreamer fails.
pub fn png(path: &Path, rgb: &[u8], (width, height): (usize, usize)) -> Result<()> {
    let mut command = program("gst-launch-1.0");
    command
        .args(["-q", "fdsrc", "fd=0", "!", "rawvideoparse", "format=rgb"])
        .arg(format!("width={width}"))
        .arg(format!("height={height}"))
        .args(["framerate=1/1", "!", "videoconvert", "!", "pngenc", "!", "filesink"])
        .arg(format!("location={}", path.display()));
    let mut running = Running::start("gst-launch-1.0", command.stdin(Stdio::piped()))?;
    if let Some(mut input) = running.child().stdin.take() {
        input.write_all(rgb).map_err(Trouble::io("the picture"))?;
    }
    let status = running.wait()?;
    if status.success() && path.is_file() {
        return Ok(());
    }
    Err(Trouble::program("gst-launch-1.0", format!("no PNG: {status}")))
}

/// What is not black of a picture of RGB, and its size; all of it where all is black. Its width stays a multiple of
/// four, if it was one: rows of GStreamer's begin at such a byte.
#[must_use]
pub fn without_margin(rgb: &[u8], (width, height): (usize, usize)) -> (Vec<u8>, (usize, usize)) {
    let is_seen = |x: usize, y: usize| {
        let at = (y * width + x) * 3;
        rgb.get(at..at + 3).is_some_and(|pixel| pixel.iter().any(|value| *value > 0))
    };
    let seen: Vec<(usize, usize)> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .filter(|(x, y)| is_seen(*x, *y))
        .collect();
    let range = |values: &mut dyn Iterator<Item = usize>| {
        values.fold(None, |range: Option<(usize, usize)>, value| {
            Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        })
    };
    let (across, down) =
        (range(&mut seen.iter().map(|one| one.0)), range(&mut seen.iter().map(|one| one.1)));
    let Some(((left, right), (top, bottom))) = across.zip(down) else {
        return (rgb.to_vec(), (width, height));
    };
    let (left, right) = (left / 4 * 4, ((right / 4 + 1) * 4).min(width) - 1);
    let row = |y: usize| &rgb[(y * width + left) * 3..=(y * width + right) * 3 + 2];
    let cut = (top..=bottom).flat_map(row).copied().collect();
    (cut, (right - left + 1, bottom - top + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_what_is_black_all_the_way() {
        let mut rgb = vec![0; 12 * 3 * 3];
        rgb[(12 + 5) * 3] = 9;
        rgb[(12 + 6) * 3 + 2] = 7;
        let seen = vec![0, 0, 0, 9, 0, 0, 0, 0, 7, 0, 0, 0];
        assert_eq!(without_margin(&rgb, (12, 3)), (seen, (4, 1)));
        assert_eq!(without_margin(&[0; 12], (2, 2)), (vec![0; 12], (2, 2)));
    }
}
