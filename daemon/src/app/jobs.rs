//! Work for the store, in the order it was asked for, beside the loop that handles calls.
//!
//! Owns: the queue and its one task. Does not own: the store. The queue holds 256 jobs; past that
//! the app waits, because a lost row is worse than a late call by the time a disk takes.
//! Invariant: a later question sees what an earlier job wrote.

use std::pin::Pin;

use tokio::{sync::mpsc, task::JoinHandle};

const QUEUE: usize = 256;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where jobs are handed in.
#[derive(Clone)]
pub(super) struct Jobs {
    queue: mpsc::Sender<Job>,
}

impl Jobs {
    /// Starts the task. It ends after the last job once every `Jobs` is gone.
    pub(super) fn start() -> (Self, JoinHandle<()>) {
        let (queue, mut inbox) = mpsc::channel::<Job>(QUEUE);
        let task = tokio::spawn(async move {
            while let Some(job) = inbox.recv().await {
                job.await;
            }
        });
        (Self { queue }, task)
    }

    /// Hands in a job.
    pub(super) async fn add(&self, job: impl Future<Output = ()> + Send + 'static) {
        // The task outlives every sender.
        let _ = self.queue.send(Box::pin(job)).await;
    }
}
