//! Fetches one file over HTTP into a `.part` file, resuming where an earlier try stopped.
//!
//! Owns: ranges, retries, the checksum, the progress bar. Does not own: which file, or unpacking.
//! Invariant: what `fetch` returns has exactly the size and checksum that were asked for; bytes
//! that cannot become right are deleted, so that the next try starts clean.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest as _, Sha256};
use ureq::{Agent, Body, http::Response};

use crate::error::{Error, Result};

/// Tries without a single new byte before giving up.
const TRIES: u32 = 5;
/// A connection that gives nothing for so long is dropped and taken up again where it stopped.
const PATIENCE: Duration = Duration::from_secs(30);
/// Models are below 5 GB; without a known size this is the most we take.
const MOST: u64 = 5 << 30;

/// What the file must be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where from.
    pub url: String,
    /// Bytes, where known.
    pub size: Option<u64>,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// How one connection ended.
enum Piece {
    /// The server says that this was all.
    Whole,
    /// Cut, with more to come.
    Cut(String),
}

/// Fetches into `part` and checks it.
pub fn fetch(wanted: &Wanted, part: &Path) -> Result<()> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("ahoyctl/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(part)
        .map_err(|e| Error::file(part, &e))?;
    let bar = bar(wanted.size);
    let mut idle_tries = 0;
    loop {
        let before = file.seek(SeekFrom::End(0)).map_err(|e| Error::file(part, &e))?;
        if wanted.size == Some(before) {
            break;
        }
        let piece = piece(&agent, wanted, before, &mut file, part, &bar)?;
        let after = file.seek(SeekFrom::End(0)).map_err(|e| Error::file(part, &e))?;
        match piece {
            Piece::Whole => break,
            Piece::Cut(_) if after > before => idle_tries = 0,
            Piece::Cut(why) => {
                idle_tries += 1;
                if idle_tries >= TRIES {
                    bar.abandon();
                    return Err(unreachable_server(&wanted.url, &why));
                }
                std::thread::sleep(Duration::from_millis(200 << idle_tries));
            }
        }
    }
    bar.finish_and_clear();
    drop(file);
    check(part, wanted).inspect_err(|_| {
        // Wrong bytes never become right ones.
        let _ = std::fs::remove_file(part);
    })
}

/// One request from `from` on.
fn piece(
    agent: &Agent,
    wanted: &Wanted,
    from: u64,
    file: &mut File,
    part: &Path,
    bar: &ProgressBar,
) -> Result<Piece> {
    let mut request = agent.get(&wanted.url);
    if from > 0 {
        request = request.header("Range", format!("bytes={from}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(ureq::Error::BadUri(why)) => {
            return Err(Error::usage(
                format!("{} is not an address ({why})", wanted.url),
                "Give an address that begins with https://",
            ));
        }
        Err(error) => return Ok(Piece::Cut(error.to_string())),
    };
    let start = match response.status().as_u16() {
        200 => 0,
        206 if range_start(&response) == Some(from) => from,
        // A range that is not the one we asked for, or that lies behind the end: begin again.
        206 | 416 => {
            truncate(file, part, 0)?;
            return Ok(Piece::Cut("the server does not resume there".into()));
        }
        408 | 429 | 500..=599 => {
            return Ok(Piece::Cut(format!("the server says {}", response.status())));
        }
        404 | 410 => return Err(moved(&wanted.url, response.status().as_u16())),
        _ => {
            return Err(Error::refused(
                "Download",
                format!("{} answered {}", wanted.url, response.status()),
                "Try later, or fetch the file by other means and use --from FILE.",
            ));
        }
    };
    copy(response, start, wanted, file, part, bar)
}

fn copy(
    mut response: Response<Body>,
    start: u64,
    wanted: &Wanted,
    file: &mut File,
    part: &Path,
    bar: &ProgressBar,
) -> Result<Piece> {
    let most = wanted.size.unwrap_or(MOST);
    let length = response.body().content_length();
    if let (Some(length), Some(size)) = (length, wanted.size)
        && start + length != size
    {
        return Err(wrong_size(&wanted.url, start + length, size));
    }
    truncate(file, part, start)?;
    bar.set_position(start);
    let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
    let mut at = start;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Ok(Piece::Cut(error.to_string())),
        };
        at += read as u64;
        if at > most {
            truncate(file, part, 0)?;
            return Err(wrong_size(&wanted.url, at, most));
        }
        file.write_all(&buffer[..read]).map_err(|e| Error::file(part, &e))?;
        bar.set_position(at);
    }
    // Some servers just close; then only the size can tell.
    match wanted.size.or(length.map(|l| start + l)) {
        Some(size) if at < size => Ok(Piece::Cut("the connection ended early".into())),
        Some(_) | None => Ok(Piece::Whole),
    }
}

/// `bytes 100-199/200` -> 100.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn truncate(file: &mut File, part: &Path, to: u64) -> Result<()> {
    file.set_len(to)
        .and_then(|()| file.seek(SeekFrom::Start(to)))
        .map(|_| ())
        .map_err(|e| Error::file(part, &e))
}

/// Checks size and checksum of a file.
pub fn check(path: &Path, wanted: &Wanted) -> Result<()> {
    let (size, sum) = sum(path)?;
    if let Some(right) = wanted.size
        && size != right
    {
        return Err(wrong_size(&path.display().to_string(), size, right));
    }
    if sum.eq_ignore_ascii_case(&wanted.sha256) {
        return Ok(());
    }
    Err(Error::refused(
        "Checksum",
        format!("the file is not the one it should be: SHA-256 {sum}, expected {}", wanted.sha256),
        "Nothing was installed. Try again; if it stays so, the file was changed on its way or by \
         its makers: do not use it.",
    ))
}

/// Size and SHA-256 of a file.
pub fn sum(path: &Path) -> Result<(u64, String)> {
    let mut file = File::open(path).map_err(|e| Error::file(path, &e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer).map_err(|e| Error::file(path, &e))?;
        if read == 0 {
            break;
        }
        size += read as u64;
        hash.update(&buffer[..read]);
    }
    let sum = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((size, sum))
}

fn bar(size: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let template = match size {
        Some(_) => "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn wrong_size(what: &str, is: u64, should: u64) -> Error {
    Error::refused(
        "Checksum",
        format!("{what} has {is} bytes and should have {should}"),
        "Nothing was installed. Try again; a proxy or login page may stand between.",
    )
}

fn moved(url: &str, status: u16) -> Error {
    Error::refused(
        "Download",
        format!("there is no file at {url} any more ({status})"),
        "Update ahoyctl, or fetch the model by other means and use --from FILE.",
    )
}

fn unreachable_server(url: &str, why: &str) -> Error {
    Error::refused(
        "Download",
        format!("cannot fetch {url}: {why}"),
        "Check the connection and run it again: it goes on where it stopped. Without internet: \
         fetch the file elsewhere and use --from FILE.",
    )
}
