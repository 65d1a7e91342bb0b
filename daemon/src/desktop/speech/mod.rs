//! What the assistant says, aloud: by speech-dispatcher where it runs, else by espeak-ng.
//!
//! Owns: one utterance after the other, and stopping them. Does not own: what is said, and whether
//! somebody listens meanwhile (the app). Invariant: every utterance that was taken is over at some
//! time and is said to be, also where nothing can speak.

mod ssip;

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use ssip::{Ssip, SsipError};

/// An utterance that takes longer is taken to be over.
const LONGEST: Duration = Duration::from_secs(30);
/// A service that takes longer to take an utterance is not asked again for this one.
const TAKE: Duration = Duration::from_secs(2);
/// Utterances that wait; later ones are only shown.
const QUEUE: usize = 8;
/// Characters of an utterance that are spoken.
const TEXT: usize = 400;

/// Something to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Comes back when it is over.
    pub id: u64,
    /// A language tag.
    pub language: String,
    /// What.
    pub text: String,
}

/// What is asked of the voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say this after what is being said.
    Say(Utterance),
    /// Stop, and forget what waits.
    Quiet,
}

/// The app's end: orders, and the ids of utterances that are over.
pub struct Speech {
    orders: mpsc::Sender<Order>,
    /// Ids, in their order.
    pub over: mpsc::Receiver<u64>,
}

/// The task's end.
pub struct SpeechTask {
    socket: Option<PathBuf>,
    orders: mpsc::Receiver<Order>,
    over: mpsc::Sender<u64>,
    waiting: VecDeque<Utterance>,
    warned: bool,
}

impl Speech {
    /// Both ends; `socket` is where speech-dispatcher listens, if anywhere.
    #[must_use]
    pub fn new(socket: Option<PathBuf>) -> (Self, SpeechTask) {
        let (orders, taken) = mpsc::channel(2 * QUEUE);
        let (over, told) = mpsc::channel(2 * QUEUE);
        let waiting = VecDeque::new();
        let task = SpeechTask { socket, orders: taken, over, waiting, warned: false };
        (Self { orders, over: told }, task)
    }

    /// Whether the order is taken. It is not where too many wait.
    pub fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }
}

/// Where speech-dispatcher listens, by the environment.
#[must_use]
pub fn socket(variable: fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    if let Some(address) = variable("SPEECHD_ADDRESS") {
        let path = address.to_str()?.strip_prefix("unix_socket:")?.to_owned();
        return Some(path.into());
    }
    let run = PathBuf::from(variable("XDG_RUNTIME_DIR")?);
    Some(run.join("speech-dispatcher/speechd.sock"))
}

/// What speaks an utterance.
#[derive(Debug)]
enum Voice {
    Dispatcher(Ssip),
    Espeak(Child),
}

impl Voice {
    async fn over(&mut self) {
        match self {
            Self::Dispatcher(ssip) => {
                if let Err(error) = ssip.over().await {
                    debug!(%error, "speech-dispatcher went while it spoke");
                }
            }
            Self::Espeak(child) => match child.wait().await {
                Ok(status) if status.success() => {}
                ended => debug!(?ended, "espeak-ng"),
            },
        }
    }

    async fn stop(self) {
        match self {
            Self::Dispatcher(ssip) => ssip.cancel().await,
            Self::Espeak(mut child) => {
                // It may be over by itself.
                let _ = child.kill().await;
            }
        }
    }
}

impl SpeechTask {
    /// Speaks until `token` is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        loop {
            let order = tokio::select! {
                () = token.cancelled() => return,
                order = self.orders.recv() => order,
            };
            let Some(order) = order else { return };
            self.take(order).await;
            while let Some(utterance) = self.waiting.pop_front() {
                if !self.say(&utterance, &token).await {
                    return;
                }
                self.is_over(utterance.id).await;
            }
        }
    }

    /// True where what is being said is to stop.
    async fn take(&mut self, order: Order) -> bool {
        match order {
            Order::Say(utterance) if self.waiting.len() < QUEUE => {
                self.waiting.push_back(utterance);
                false
            }
            Order::Say(utterance) => {
                self.is_over(utterance.id).await;
                false
            }
            Order::Quiet => {
                for utterance in std::mem::take(&mut self.waiting) {
                    self.is_over(utterance.id).await;
                }
                true
            }
        }
    }

    async fn is_over(&self, id: u64) {
        // The app ends before this task.
        let _ = self.over.send(id).await;
    }

    /// Says it to its end, or until it is to stop. False when everything ends.
    async fn say(&mut self, utterance: &Utterance, token: &CancellationToken) -> bool {
        let mut voice = match self.start(utterance).await {
            Ok(voice) => voice,
            Err(error) => {
                if !std::mem::replace(&mut self.warned, true) {
                    warn!(%error, "prompts are shown, not spoken: install espeak-ng, or run speech-dispatcher");
                }
                return true;
            }
        };
        loop {
            tokio::select! {
                () = token.cancelled() => {
                    voice.stop().await;
                    return false;
                }
                over = timeout(LONGEST, voice.over()) => {
                    if over.is_err() {
                        voice.stop().await;
                    }
                    return true;
                }
                order = self.orders.recv() => {
                    let Some(order) = order else { return false };
                    if self.take(order).await {
                        voice.stop().await;
                        return true;
                    }
                }
            }
        }
    }

    async fn start(&self, utterance: &Utterance) -> io::Result<Voice> {
        let text: String = utterance.text.chars().take(TEXT).collect();
        let language = tag(&utterance.language);
        if let Some(socket) = &self.socket {
            match dispatcher(socket, &language, &text).await {
                Ok(voice) => return Ok(voice),
                Err(error) => debug!(%error, "speech-dispatcher does not speak"),
            }
        }
        espeak(&language, &text).await
    }
}

async fn dispatcher(socket: &Path, language: &str, text: &str) -> Result<Voice, SsipError> {
    let started = timeout(TAKE, Ssip::start(socket, language, text)).await;
    let late = |_| SsipError::Io(io::ErrorKind::TimedOut.into());
    Ok(Voice::Dispatcher(started.map_err(late)??))
}

/// Names travel by a pipe: whoever is on this machine may read arguments.
async fn espeak(language: &str, text: &str) -> io::Result<Voice> {
    let mut child = Command::new("espeak-ng")
        .args(["-v", language, "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(one_line(text).as_bytes()).await?;
    }
    Ok(Voice::Espeak(child))
}

/// A text on one line, without control characters.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A language tag with nothing else in it.
fn tag(language: &str) -> String {
    let known = language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if known && !language.is_empty() { language.to_owned() } else { "en".to_owned() }
}

#[cfg(test)]
mod tests;
