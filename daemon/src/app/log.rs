//! The log: rows written as calls go, read as pages.
//!
//! Owns: the requests of `.History` and what follows from them. Does not own: rows' storage.
//! Invariant: the bus hears of a change after the store has it.

use ahoy_core::{
    call::LogRow,
    engine::Command,
    id::{CallId, Now, ProviderId, SenderId},
};

use super::{
    App, Inner, Missed, Waiter,
    convert::{history_dict, history_filter, history_row, unique},
    request::{Answer, Dict, Event, Fault},
    store_fault,
    waking::Wish,
};
use crate::settings::Key;
use crate::store::{Cursor, HistoryFilter, HistoryId, Store, StoreError};

/// The most rows of one page.
const PAGE: u32 = 500;

fn ids(texts: &[String]) -> Result<Vec<HistoryId>, Fault> {
    let parse = |text: &String| {
        text.parse().map_err(|_| Fault::argument(format!("ids: \"{text}\" is not a row's id")))
    };
    texts.iter().map(parse).collect()
}

fn names(ids: &[HistoryId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl App {
    /// Writes a call's row.
    pub(super) async fn record(&mut self, row: LogRow) {
        let is_new = row.ended_at == 0 && row.connected_at == 0;
        let row = history_row(&row);
        let now = super::convert::micros(self.clock.now().unix_us);
        let keep = u32::try_from(self.settings.number(Key::KEEP_DAYS)).unwrap_or_default();
        let (store, inner) = (self.store.clone(), self.inner.clone());
        self.jobs
            .add(async move {
                let written = store
                    .run(move |db| {
                        let id = db.record(&row)?;
                        let old = db.prune_history(now, keep)?;
                        Ok((id, names(&old), db.unseen()?))
                    })
                    .await;
                match written {
                    Ok((id, old, unseen)) => {
                        let id = vec![id.to_string()];
                        let (added, changed) = if is_new { (id, vec![]) } else { (vec![], id) };
                        let _ = inner.send(Inner::Log(added, changed, old, unseen)).await;
                    }
                    Err(error) => tracing::error!(%error, "a call is missing from the log"),
                }
            })
            .await;
    }

    /// Tells of a missed call by its row, once the row is written.
    pub(super) async fn missed_row(&mut self, call: CallId) {
        let (store, inner) = (self.store.clone(), self.inner.clone());
        self.jobs
            .add(async move {
                let filter = HistoryFilter::default();
                let page = store.run(move |db| db.history(&filter, 50, None)).await;
                let wanted = call.to_string();
                let rows = page.map(|page| page.rows).unwrap_or_default();
                let row = rows.into_iter().find(|row| row.call == wanted);
                if let Some(id) = row.and_then(|row| row.id) {
                    let _ = inner.send(Inner::MissedRow(call, id.to_string())).await;
                }
            })
            .await;
    }

    pub(super) async fn history(
        &mut self,
        filter: Dict,
        limit: u32,
        cursor: String,
        answer: Answer<(Vec<Dict>, String)>,
    ) {
        let cursor = match cursor.as_str() {
            "" => Ok(None),
            text => text
                .parse::<Cursor>()
                .map(Some)
                .map_err(|()| Fault::argument("cursor: not one that an earlier page gave")),
        };
        let (filter, cursor) = match history_filter(filter).and_then(|f| Ok((f, cursor?))) {
            Ok(parsed) => parsed,
            Err(fault) => return drop(answer.send(Err(fault))),
        };
        let limit = if limit == 0 { PAGE } else { limit.min(PAGE) };
        let store = self.store.clone();
        self.jobs
            .add(async move {
                let page = store.run(move |db| db.history(&filter, limit, cursor)).await;
                let page = page.map_err(|error| store_fault(&error)).map(|page| {
                    let next = page.next.map_or_else(String::new, |next| next.to_string());
                    (page.rows.into_iter().map(history_dict).collect(), next)
                });
                let _ = answer.send(page);
            })
            .await;
    }

    pub(super) async fn history_remove(&mut self, rows: Vec<String>, answer: Answer<()>) {
        match ids(&rows) {
            Ok(ids) => self.change_log(answer, false, move |db| db.remove_history(&ids)).await,
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    pub(super) async fn history_clear(&mut self, filter: Dict, answer: Answer<()>) {
        match history_filter(filter) {
            Ok(filter) => self.change_log(answer, false, move |db| db.clear_history(&filter)).await,
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    pub(super) async fn history_seen(&mut self, rows: Vec<String>, answer: Answer<()>) {
        self.recent.missed.clear();
        self.refusals.clear(&self.notifier);
        for Missed { call, .. } in std::mem::take(&mut self.missed) {
            self.desk.forget_missed(call, &self.notifier);
        }
        match ids(&rows) {
            Ok(ids) => self.change_log(answer, true, move |db| db.mark_seen(&ids)).await,
            Err(fault) => drop(answer.send(Err(fault))),
        }
    }

    async fn change_log(
        &mut self,
        answer: Answer<()>,
        kept: bool,
        job: impl FnOnce(&mut Store) -> Result<Vec<HistoryId>, StoreError> + Send + 'static,
    ) {
        let (store, inner) = (self.store.clone(), self.inner.clone());
        self.jobs
            .add(async move {
                let done = store
                    .run(move |db| {
                        let ids = job(db)?;
                        Ok((ids, db.unseen()?))
                    })
                    .await;
                let done = match done {
                    Ok((ids, unseen)) => {
                        let ids = unique(names(&ids));
                        let (changed, removed) = if kept { (ids, vec![]) } else { (vec![], ids) };
                        let _ = inner.send(Inner::Log(vec![], changed, removed, unseen)).await;
                        Ok(())
                    }
                    Err(error) => Err(store_fault(&error)),
                };
                let _ = answer.send(done);
            })
            .await;
    }

    /// "Call back" on a missed call.
    pub(super) async fn call_back(&mut self, now: Now, call: CallId) {
        let found = self.missed.iter().find(|missed| missed.call == call).cloned();
        let Some(Missed { row, provider, handle, name, video, .. }) = found else { return };
        self.seen_missed(call).await;
        if provider != ProviderId::built_in() {
            let wish = Wish::CallBack(row, handle, video);
            return self.call_back_by_app(now, provider, wish).await;
        }
        let party = self.party(handle, name, String::new());
        let command =
            Command::Start { sender: SenderId::OWN, provider: None, party, video, id: None };
        self.carry_out(now, Waiter::Desktop, command).await;
    }

    /// A missed call was looked at on its notification.
    pub(super) async fn seen_missed(&mut self, call: CallId) {
        if self.lock.is_locked {
            // Whoever clicked there need not be the one it is for.
            return;
        }
        self.missed.retain(|missed| missed.call != call);
        let (answer, _) = tokio::sync::oneshot::channel();
        let wanted = call.to_string();
        self.change_log(answer, true, move |db| {
            let rows = db.history(&HistoryFilter::default(), PAGE, None)?.rows;
            let row = rows.into_iter().find(|row| row.call == wanted);
            let id: Vec<HistoryId> = row.and_then(|row| row.id).into_iter().collect();
            db.mark_seen(&id)
        })
        .await;
    }

    pub(super) async fn inner_event(&mut self, now: Now, inner: Inner) {
        match inner {
            Inner::Book(contacts, changed) => self.book(now, contacts, changed).await,
            Inner::Log(added, changed, removed, unseen) => {
                self.unseen = unseen;
                self.tell(Event::History(added, changed, removed)).await;
            }
            Inner::MissedRow(call, id) => {
                if let Some(missed) = self.missed.iter_mut().find(|missed| missed.call == call) {
                    missed.row.clone_from(&id);
                }
                self.tell(Event::Missed(id)).await;
            }
            Inner::Cards(text, answer) => self.cards_read(text, answer).await,
            Inner::Directory(added, answer) => self.directory_read(now, added, answer).await,
            Inner::Granted(app, known) => self.granted(now, app, known).await,
        }
    }
}
