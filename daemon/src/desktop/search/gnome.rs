//! GNOME Shell's side (`org.gnome.Shell.SearchProvider2`).
//!
//! Owns: that interface. Does not own: what is found. Invariant: a result is described by what is
//! known when it is asked about, not when it was found.

use std::collections::HashMap;

use zbus::{Variant, interface};

use super::{Ask, Asks, Found};

/// As `org.ahoycall.Ahoy.search-provider.ini` says.
pub(super) const PATH: &str = "/org/ahoycall/Ahoy/SearchProvider";

/// The object.
pub(super) struct Provider(Asks);

fn ids(found: Vec<Found>) -> Vec<String> {
    found.into_iter().map(|one| one.id).collect()
}

/// In the keys of the interface; `gicon` is read by every version of the Shell.
fn meta(found: Found) -> HashMap<&'static str, Variant<'static>> {
    let mut meta = HashMap::from([
        ("id", found.id.into()),
        ("name", found.title.into()),
        ("gicon", found.icon.into()),
    ]);
    if !found.about.is_empty() {
        meta.insert("description", found.about.into());
    }
    meta
}

impl Provider {
    pub(super) const fn new(asks: Asks) -> Self {
        Self(asks)
    }

    async fn search(&self, terms: &[String]) -> Vec<String> {
        // The Shell splits what was typed at its spaces.
        let text = terms.join(" ");
        ids(self.0.found(|answer| Ask::Search(text, answer)).await)
    }
}

#[interface(name = "org.gnome.Shell.SearchProvider2")]
impl Provider {
    async fn get_initial_result_set(&self, terms: Vec<String>) -> Vec<String> {
        self.search(&terms).await
    }

    /// Anew, and not among those of before: a word more may be a part of the command.
    async fn get_subsearch_result_set(
        &self,
        previous_results: Vec<String>,
        terms: Vec<String>,
    ) -> Vec<String> {
        drop(previous_results);
        self.search(&terms).await
    }

    async fn get_result_metas(
        &self,
        identifiers: Vec<String>,
    ) -> Vec<HashMap<&'static str, Variant<'static>>> {
        let found = self.0.found(|answer| Ask::Describe(identifiers, answer)).await;
        found.into_iter().map(meta).collect()
    }

    async fn activate_result(&self, identifier: String, terms: Vec<String>, timestamp: u32) {
        let _ = (terms, timestamp);
        self.0.tell(Ask::Choose(identifier)).await;
    }

    async fn launch_search(&self, terms: Vec<String>, timestamp: u32) {
        let _ = (terms, timestamp);
        self.0.tell(Ask::Open).await;
    }
}
