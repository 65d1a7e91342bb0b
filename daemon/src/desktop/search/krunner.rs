//! KRunner's side (`org.kde.krunner1`).
//!
//! Owns: that interface. Does not own: what is found. Invariant: it answers as GNOME's side does.

use std::collections::HashMap;

use zbus::{Variant, interface};

use super::{Ask, Asks, Found};

/// As `org.ahoycall.Ahoy.krunner.desktop` says.
pub(super) const PATH: &str = "/org/ahoycall/Ahoy/Runner";

/// Id, text, icon, category, relevance, properties.
type Match = (String, String, String, i32, f64, HashMap<&'static str, Variant<'static>>);

/// Among what fits well, behind what fits word for word: "Helper" of KDE 5, "Moderate" to "High" of 6.
const CATEGORY: i32 = 70;
/// The first; each further one is a little less.
const RELEVANCE: f64 = 0.8;
const STEP: f64 = 0.02;

/// The object.
pub(super) struct Runner(Asks);

impl Runner {
    pub(super) const fn new(asks: Asks) -> Self {
        Self(asks)
    }
}

fn matched((place, found): (u8, Found)) -> Match {
    let relevance = STEP.mul_add(-f64::from(place), RELEVANCE);
    let properties = HashMap::from([("subtext", found.about.into())]);
    (found.id, found.title, found.icon.to_owned(), CATEGORY, relevance, properties)
}

#[interface(name = "org.kde.krunner1")]
impl Runner {
    #[zbus(name = "Match")]
    async fn find(&self, query: String) -> Vec<Match> {
        let found = self.0.found(|answer| Ask::Search(query, answer)).await;
        (0u8..).zip(found).map(matched).collect()
    }

    /// Each choice is a match of its own.
    fn actions(&self) -> Vec<(String, String, String)> {
        Vec::new()
    }

    async fn run(&self, match_id: String, action_id: String) {
        drop(action_id);
        self.0.tell(Ask::Choose(match_id)).await;
    }

    /// One letter means everybody.
    fn config(&self) -> HashMap<&'static str, Variant<'static>> {
        HashMap::from([("MinLetterCount", 2i32.into())])
    }

    /// Nothing is kept that could be let go.
    fn teardown(&self) {}

    /// The window that comes is not ours to raise.
    fn set_activation_token(&self, token: String) {
        drop(token);
    }
}
