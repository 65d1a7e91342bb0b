//! Reading a passphrase: without echo from the terminal, or from a descriptor.
//!
//! Owns: the terminal's echo while it asks. Does not own: what the passphrase opens. Invariant:
//! echo is on again however the asking ends, and the text is wiped when dropped.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Longer is a file by mistake.
const LONGEST: u64 = 1024;

/// How often to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An existing passphrase: a wrong one shows.
    Once,
    /// A new passphrase: a slip would lock the person out.
    Twice,
}

/// Gets the passphrase. Echo comes back also after Ctrl-C.
pub async fn passphrase(fd: Option<u32>, ask: Ask) -> Result<Zeroizing<String>> {
    let text = match fd {
        Some(fd) => from_fd(fd)?,
        None => from_terminal(ask).await?,
    };
    if text.is_empty() {
        return Err(Error::usage("the passphrase is empty", "Give one of several words."));
    }
    Ok(text)
}

fn from_fd(fd: u32) -> Result<Zeroizing<String>> {
    // Opening by its name in /proc reads any inherited descriptor without owning its number.
    let path = std::path::PathBuf::from(format!("/proc/self/fd/{fd}"));
    let file = File::open(&path).map_err(|error| {
        Error::usage(
            format!("descriptor {fd} cannot be read ({error})"),
            format!("Open it in the shell: ahoyctl backup FILE --passphrase-fd {fd} {fd}< file"),
        )
    })?;
    read_line(file)
}

fn read_line(from: File) -> Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(from.take(LONGEST)).read_line(&mut line).map_err(|error| {
        Error::usage(format!("the passphrase cannot be read ({error})"), "Is it text (UTF-8)?")
    })?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}

async fn from_terminal(ask: Ask) -> Result<Zeroizing<String>> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| {
        Error::usage(
            "there is no terminal to ask for the passphrase",
            "Give it with --passphrase-fd FD.",
        )
    })?;
    let quiet = Quiet::start(&terminal)?;
    let reader = terminal.try_clone().map_err(|e| tty(&e))?;
    let asking = tokio::task::spawn_blocking(move || {
        let first = prompt(&reader, "Passphrase: ")?;
        if ask == Ask::Twice && prompt(&reader, "Once more: ")? != first {
            return Err(Error::usage("the two are not the same", "Try again."));
        }
        Ok(first)
    });
    let answer = tokio::select! {
        answer = asking => answer.unwrap_or(Err(Error::Interrupted)),
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
    };
    drop(quiet);
    answer
}

fn prompt(mut terminal: &File, text: &str) -> Result<Zeroizing<String>> {
    terminal.write_all(text.as_bytes()).map_err(|e| tty(&e))?;
    let line = read_line(terminal.try_clone().map_err(|e| tty(&e))?)?;
    // The person's own Enter was not echoed.
    terminal.write_all(b"\n").map_err(|e| tty(&e))?;
    Ok(line)
}

fn tty(error: &std::io::Error) -> Error {
    Error::usage(format!("the terminal failed ({error})"), "Give it with --passphrase-fd FD.")
}

struct Quiet<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn start(terminal: &'t File) -> Result<Self> {
        let before = tcgetattr(terminal).map_err(|e| tty(&e.into()))?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO;
        tcsetattr(terminal, OptionalActions::Flush, &silent).map_err(|e| tty(&e.into()))?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Nothing more can be done about a terminal that has gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
