//! Every task by name: started in order, stopped in reverse, waited for, but not for ever.
//!
//! Owns: the tasks and their tokens. Does not own: what they do. Invariant: when [`Tasks::stop`]
//! returns, no task of this set runs any more.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// A task that ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It returned.
    #[error("the task `{0}` ended by itself")]
    Returned(&'static str),
    /// It panicked: a bug of ours.
    #[error("the task `{0}` panicked")]
    Panicked(&'static str),
}

struct Task {
    name: &'static str,
    token: CancellationToken,
    handle: JoinHandle<()>,
}

/// The tasks of the daemon.
#[derive(Default)]
pub struct Tasks {
    tasks: Vec<Task>,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It is to return soon after its token is cancelled.
    pub fn spawn<F, T>(&mut self, name: &'static str, task: F)
    where
        F: FnOnce(CancellationToken) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let token = CancellationToken::new();
        let handle = tokio::spawn(task(token.clone()));
        self.tasks.push(Task {
            name,
            token,
            handle,
        });
    }

    /// Waits until a task ends that was not asked to; never returns without tasks. Cancel safe.
    pub async fn ended(&mut self) -> Ended {
        poll_fn(|context| {
            for (index, task) in self.tasks.iter_mut().enumerate() {
                if let Poll::Ready(result) = Pin::new(&mut task.handle).poll(context) {
                    let name = self.tasks.remove(index).name;
                    return Poll::Ready(match result {
                        Ok(()) => Ended::Returned(name),
                        Err(_) => Ended::Panicked(name),
                    });
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Stops all, the last started first, within `bound` altogether. Returns the names of those
    /// that had to be aborted.
    pub async fn stop(mut self, bound: Duration) -> Vec<&'static str> {
        let deadline = Instant::now() + bound;
        let mut aborted = Vec::new();
        while let Some(mut task) = self.tasks.pop() {
            task.token.cancel();
            // At most half of what is left, so that one deaf task leaves time for those before it.
            let left = deadline.saturating_duration_since(Instant::now());
            let share = if self.tasks.is_empty() {
                left
            } else {
                left / 2
            };
            if tokio::time::timeout(share, &mut task.handle).await.is_err() {
                task.handle.abort();
                // It ends at its next await; what it returns means nothing any more.
                let _ = task.handle.await;
                aborted.push(task.name);
            }
        }
        aborted
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.handle.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_stop_in_reverse_and_each_only_after_the_one_before_it() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Tasks::new();
        for name in ["store", "bus", "app"] {
            let order = Arc::clone(&order);
            tasks.spawn(name, |token| async move {
                token.cancelled().await;
                tokio::task::yield_now().await;
                order.lock().expect("lock").push(name);
            });
        }
        assert!(tasks.stop(Duration::from_secs(5)).await.is_empty());
        assert_eq!(*order.lock().expect("lock"), ["app", "bus", "store"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_aborted_in_time_and_named() {
        let mut tasks = Tasks::new();
        tasks.spawn("good", |token| async move { token.cancelled().await });
        tasks.spawn("deaf", |_| std::future::pending());
        let begin = Instant::now();
        assert_eq!(tasks.stop(Duration::from_secs(5)).await, ["deaf"]);
        assert_eq!(begin.elapsed().as_millis() / 100, 25);
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_or_panics_is_told_by_name() {
        let mut tasks = Tasks::new();
        tasks.spawn("steady", |token| async move { token.cancelled().await });
        tasks.spawn("brief", |_| async {});
        assert_eq!(tasks.ended().await, Ended::Returned("brief"));
        tasks.spawn("wrong", |_| async { panic!("on purpose") });
        assert_eq!(tasks.ended().await, Ended::Panicked("wrong"));
        assert!(tasks.stop(Duration::from_secs(5)).await.is_empty());
    }
}
