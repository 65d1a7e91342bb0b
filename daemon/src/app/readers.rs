//! Files that controllers hand over, read beside the app's loop and the store.
//!
//! Owns: a few threads, one for each file. Does not own: what is read. Invariant: a file that hangs
//! (a file system may) keeps one of the places and nothing else, so that they do not become more.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, mpsc},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::request::{Answer, Fault, FaultKind};

/// Files that are read at once.
const PLACES: usize = 4;

/// The places.
pub(super) struct Readers {
    places: Arc<Semaphore>,
}

impl Default for Readers {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }
}

impl Readers {
    /// Has a file read by `look` on a thread of its own, and then told by `tell`; both are to end by themselves, and
    /// `tell` to answer. Its place is free by then: who heard the answer may hand over the next. Where there is no place the
    /// refusal is answered here.
    pub(super) fn read<T: Send + 'static, R>(
        &self,
        (file, answer): (OwnedFd, Answer<T>),
        look: impl FnOnce(OwnedFd) -> R + Send + 'static,
        tell: impl FnOnce(R, Answer<T>) + Send + 'static,
    ) {
        let (hand, given) = mpsc::channel::<(OwnedFd, Answer<T>)>();
        let started = self.start(move |place| {
            if let Ok((file, answer)) = given.recv() {
                let read = look(file);
                drop(place);
                tell(read, answer);
            }
        });
        match started {
            // The thread waits for it.
            Ok(()) => drop(hand.send((file, answer))),
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    fn start(&self, work: impl FnOnce(OwnedSemaphorePermit) + Send + 'static) -> Result<(), Fault> {
        let limit = |why: String| Fault::new(FaultKind::LimitReached, why);
        let why = "other files are being read: try again when they are done";
        let place = self.places.clone().try_acquire_owned().map_err(|_| limit(why.to_owned()))?;
        let thread = std::thread::Builder::new().name("reader".to_owned());
        let thread = thread.spawn(move || work(place));
        thread.map(drop).map_err(|error| limit(format!("no thread to read it: {error}")))
    }
}
