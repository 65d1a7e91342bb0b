//! People in the desktop's own search: GNOME's overview and KDE's KRunner.
//!
//! Owns: the two objects, which answer alike. Does not own: who is found and what a choice does (the
//! app), who may ask (the gate that the objects lie behind). Invariant: nothing is kept here between
//! two questions, so that a session that is locked has nothing left to tell.
//!
//! Both desktops find them by files (`contrib/desktop`) under the controllers' name: the bus starts
//! the daemon for a search as for any other message to it.

mod gnome;
mod krunner;

use tokio::sync::{mpsc, oneshot};
use zbus::Connection;

/// Searches that wait; a desktop asks anew with every letter.
pub const QUEUE: usize = 16;

/// What a search shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// For the choice.
    pub id: String,
    /// What a choice does, in words.
    pub title: String,
    /// What tells this one from another of the same name.
    pub about: String,
    /// The name of an icon.
    pub icon: &'static str,
}

/// What a desktop asks.
#[derive(Debug)]
pub enum Ask {
    /// Whom do these words mean?
    Search(String, oneshot::Sender<Vec<Found>>),
    /// What was found under these ids, without those that are none any more?
    Describe(Vec<String>, oneshot::Sender<Vec<Found>>),
    /// This one was chosen.
    Choose(String),
    /// All there is to see.
    Open,
}

/// The way to the app.
#[derive(Clone)]
struct Asks(mpsc::Sender<Ask>);

impl Asks {
    /// Nothing where the app is ending.
    async fn found(&self, ask: impl FnOnce(oneshot::Sender<Vec<Found>>) -> Ask) -> Vec<Found> {
        let (answer, answered) = oneshot::channel();
        self.tell(ask(answer)).await;
        answered.await.unwrap_or_default()
    }

    async fn tell(&self, ask: Ask) {
        // Closed only at the end of everything.
        let _ = self.0.send(ask).await;
    }
}

/// Serves both objects.
///
/// # Errors
/// The connection's.
pub async fn serve(objects: &Connection, asks: mpsc::Sender<Ask>) -> zbus::Result<()> {
    let (server, asks) = (objects.object_server(), Asks(asks));
    server.at(gnome::PATH, gnome::Provider::new(asks.clone())).await?;
    server.at(krunner::PATH, krunner::Runner::new(asks)).await?;
    Ok(())
}
