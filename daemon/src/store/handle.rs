//! The store on a thread of its own, for everyone who must not wait for a disk.
//!
//! Owns: the thread, its queue and its end. Does not own: any statement. The queue holds 256 jobs;
//! when it is full, callers wait, because a lost row is worse than a late one.
//! Invariant: jobs run one at a time in the order they were sent; all that were sent before
//! [`StoreHandle::stop`] are carried out.

use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::{error::StoreError, open::Store};

/// A second of the busiest log: calls are created at 20/s per sender.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Store) + Send>;

enum Order {
    Run(Job),
    Stop,
}

/// Sends work to the store's thread. Cheap to clone.
#[derive(Clone)]
pub struct StoreHandle {
    orders: mpsc::Sender<Order>,
}

impl StoreHandle {
    /// Moves the store onto its thread. Join the thread after [`Self::stop`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(store: Store) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("ahoy-store".to_owned())
            .spawn(move || serve(store, inbox))?;
        Ok((Self { orders }, thread))
    }

    /// Runs `job` on the store's thread and hands back what it returned.
    ///
    /// # Errors
    /// What the job returned, or [`StoreError::Stopped`].
    pub async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Nobody waits any more: the work is done all the same.
            let _ = answer.send(job(store));
        });
        self.orders
            .send(Order::Run(job))
            .await
            .map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// Ends the thread after what is queued, and closes the database.
    pub async fn stop(&self) {
        // An error means that it has already ended.
        let _ = self.orders.send(Order::Stop).await;
    }
}

fn serve(mut store: Store, mut inbox: mpsc::Receiver<Order>) {
    while let Some(Order::Run(job)) = inbox.blocking_recv() {
        job(&mut store);
    }
}
