//! One utterance by speech-dispatcher, over SSIP (the "Speech Synthesis Interface Protocol" of its
//! manual).
//!
//! Owns: the few commands that this takes. Does not own: the service, which is there or not: it is
//! the session's and its screen reader's, so it is never started from here. Invariant: text is one
//! line without control characters when it is written, so no name in an address book can be a
//! command.

use std::{io, path::Path};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Bytes of a line from the service; its own are far shorter.
const LINE: u64 = 4096;
/// The text may follow.
const RECEIVING: u16 = 230;
/// An utterance was spoken to its end.
const END: u16 = 702;
/// It was cancelled, here or by another program.
const CANCELLED: u16 = 703;

/// Why speech-dispatcher does not speak.
#[derive(Debug, thiserror::Error)]
pub(super) enum SsipError {
    /// It is not there, or went.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It refuses.
    #[error("it answers: {0}")]
    Refused(String),
}

/// A connection on which one utterance is spoken.
#[derive(Debug)]
pub(super) struct Ssip {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

impl Ssip {
    /// Begins to speak a text in a language.
    pub(super) async fn start(
        socket: &Path,
        language: &str,
        text: &str,
    ) -> Result<Self, SsipError> {
        let (from, to) = UnixStream::connect(socket).await?.into_split();
        let mut one = Self { from: BufReader::new(from), to };
        let user = std::env::var("USER").unwrap_or_default();
        let user: String = user.chars().filter(char::is_ascii_alphanumeric).collect();
        one.ask(&format!("SET self CLIENT_NAME {user}:ahoy:voice")).await?;
        one.ask("SET self NOTIFICATION END on").await?;
        one.ask("SET self NOTIFICATION CANCEL on").await?;
        one.ask(&format!("SET self LANGUAGE {language}")).await?;
        if one.ask("SPEAK").await? != RECEIVING {
            return Err(SsipError::Refused("no data wanted".to_owned()));
        }
        one.ask(&format!("{}\r\n.", line(text))).await?;
        Ok(one)
    }

    /// Waits until it is over.
    pub(super) async fn over(&mut self) -> Result<(), SsipError> {
        loop {
            let (code, _) = self.reply().await?;
            if [END, CANCELLED].contains(&code) {
                return Ok(());
            }
        }
    }

    /// Ends it at once.
    pub(super) async fn cancel(mut self) {
        // Where it is gone, it is quiet.
        let _ = self.to.write_all(b"CANCEL self\r\nQUIT\r\n").await;
    }

    async fn ask(&mut self, command: &str) -> Result<u16, SsipError> {
        self.to.write_all(format!("{command}\r\n").as_bytes()).await?;
        let (code, text) = self.reply().await?;
        if (200..300).contains(&code) { Ok(code) } else { Err(SsipError::Refused(text)) }
    }

    /// The code and the last line of a reply or an event.
    async fn reply(&mut self) -> Result<(u16, String), SsipError> {
        loop {
            let mut text = String::new();
            let read = (&mut self.from).take(LINE).read_line(&mut text).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let text = text.trim_end();
            // "225-7" goes on, "225 OK MESSAGE QUEUED" is the last.
            let code = text.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code else { return Err(SsipError::Refused(text.to_owned())) };
            if text.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, text.to_owned()));
            }
        }
    }
}

/// A text as the protocol's data: one line, and never the line that ends them.
fn line(text: &str) -> String {
    let one = super::one_line(text);
    if one.starts_with('.') { format!(".{one}") } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_the_text_or_becomes_a_command() {
        assert_eq!(line("Calling .\r\n.\r\nSTOP all\r\n"), "Calling . . STOP all");
        assert_eq!(line(".hidden"), "..hidden");
        assert_eq!(line("."), "..");
    }
}
