//! The one recogniser: of commands, loaded or on its way while sound goes on; or of a word that is learnt.
//!
//! Owns: the recogniser, the thread that loads it, and when it is freed. Does not own: what is read
//! with it. Invariant: there is at most one, counting the one on its way, and a thread that was
//! started is joined: two models may not fit.

use std::{
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ahoy_core::voice::{Engine, Grammar};

use super::learn::Ear;
use crate::recogniser::{self, Recogniser, RecogniserError};

/// A model nobody has used for this long is freed: it takes tens to hundreds of megabytes.
const IDLE: Duration = Duration::from_secs(60);

/// Which recogniser, for which commands.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) engine: Engine,
    /// Its model, in a place that is allowed.
    pub(super) model: PathBuf,
    pub(super) grammar: Grammar,
}

impl Plan {
    fn load(self) -> Result<Loaded, RecogniserError> {
        let mut recogniser = recogniser::load(self.engine, &self.model)?;
        prepare(recogniser.as_mut(), &self.grammar)?;
        Ok(Loaded { plan: self, recogniser, used: Instant::now() })
    }
}

struct Loaded {
    plan: Plan,
    recogniser: Box<dyn Recogniser>,
    used: Instant,
}

impl Loaded {
    fn is_of(&self, engine: Engine, model: &Path) -> bool {
        self.plan.engine == engine && self.plan.model == model
    }
}

/// What hears a word that is learnt, and of which model it is.
struct LoadedEar {
    model: PathBuf,
    ear: Ear,
    used: Instant,
}

enum State {
    None,
    Ear(LoadedEar),
    Loading(JoinHandle<Result<Loaded, RecogniserError>>),
    Loaded(Loaded),
}

/// At most one recogniser.
pub(super) struct Models(State);

impl Models {
    pub(super) const fn new() -> Self {
        Self(State::None)
    }

    /// Loads what is planned and waits for it.
    pub(super) fn load(&mut self, plan: Plan) -> Result<(), RecogniserError> {
        self.wait();
        let loaded = match std::mem::replace(&mut self.0, State::None) {
            State::Loaded(mut loaded) if loaded.is_of(plan.engine, &plan.model) => {
                prepare(loaded.recogniser.as_mut(), &plan.grammar)?;
                Loaded { plan, recogniser: loaded.recogniser, used: Instant::now() }
            }
            other @ (State::None | State::Ear(_) | State::Loading(_) | State::Loaded(_)) => {
                drop(other);
                plan.load()?
            }
        };
        self.0 = State::Loaded(loaded);
        Ok(())
    }

    /// Has what is planned soon, loaded beside whatever goes on.
    pub(super) fn load_soon(&mut self, plan: &Plan) -> Result<(), RecogniserError> {
        match &mut self.0 {
            State::Loaded(loaded) if loaded.is_of(plan.engine, &plan.model) => {
                loaded.used = Instant::now();
                if loaded.plan.grammar == plan.grammar { Ok(()) } else { self.load(plan.clone()) }
            }
            // Of an earlier plan, perhaps; whoever uses it looks.
            State::Loading(_) => Ok(()),
            State::Loaded(_) | State::Ear(_) | State::None => {
                self.0 = State::None;
                let plan = plan.clone();
                let thread = thread::Builder::new().name("load-model".to_owned());
                let started = thread.spawn(move || plan.load());
                let started = started.map_err(|_| RecogniserError::Engine("no thread for it"))?;
                self.0 = State::Loading(started);
                Ok(())
            }
        }
    }

    /// What was planned, or `None` while it is on its way.
    pub(super) fn ready(
        &mut self,
        plan: &Plan,
    ) -> Result<Option<&mut dyn Recogniser>, RecogniserError> {
        if let State::Loading(thread) = &self.0 {
            if !thread.is_finished() {
                return Ok(None);
            }
            self.finish()?;
        }
        self.load_soon(plan)?;
        Ok(self.loaded())
    }

    /// The one that is loaded.
    pub(super) fn loaded(&mut self) -> Option<&mut dyn Recogniser> {
        match &mut self.0 {
            State::Loaded(loaded) => {
                loaded.used = Instant::now();
                Some(loaded.recogniser.as_mut())
            }
            State::Loading(_) | State::Ear(_) | State::None => None,
        }
    }

    /// Loads what hears a word with a model; it stays for the next word.
    pub(super) fn load_ear(&mut self, engine: Engine, model: &Path) -> Result<(), RecogniserError> {
        self.wait();
        let is_there = matches!(&self.0, State::Ear(loaded) if loaded.model == model && loaded.ear.engine() == engine);
        if !is_there {
            self.0 = State::None;
            let (model, ear) = (model.to_owned(), Ear::load(engine, model)?);
            self.0 = State::Ear(LoadedEar { model, ear, used: Instant::now() });
        }
        Ok(())
    }

    /// What hears a word, if that is loaded.
    pub(super) fn ear(&mut self) -> Option<&mut Ear> {
        let State::Ear(loaded) = &mut self.0 else { return None };
        loaded.used = Instant::now();
        Some(&mut loaded.ear)
    }

    /// Forgets it: it has failed.
    pub(super) fn forget(&mut self) {
        self.wait();
        self.0 = State::None;
    }

    /// How long until it may be freed; `None`: there is none.
    pub(super) fn idle_in(&self) -> Option<Duration> {
        match &self.0 {
            State::None => None,
            // Nobody has asked for it since; looked at again then.
            State::Loading(_) => Some(IDLE),
            State::Loaded(Loaded { used, .. }) | State::Ear(LoadedEar { used, .. }) => {
                Some((*used + IDLE).saturating_duration_since(Instant::now()))
            }
        }
    }

    /// Frees it if nobody has used it for long.
    pub(super) fn let_go(&mut self) {
        if matches!(&self.0, State::Loading(thread) if thread.is_finished()) {
            // A failure is told when somebody wants it, not now.
            let _ = self.finish();
        }
        if self.idle_in().is_some_and(|left| left.is_zero()) {
            self.0 = State::None;
            tracing::debug!("the voice model is freed");
        }
    }

    fn wait(&mut self) {
        // What is wrong with it shows when it is loaded again.
        let _ = self.finish();
    }

    /// Waits for one that is on its way.
    fn finish(&mut self) -> Result<(), RecogniserError> {
        self.0 = match std::mem::replace(&mut self.0, State::None) {
            State::Loading(thread) => {
                let done = thread.join();
                State::Loaded(done.map_err(|_| RecogniserError::Engine("it did not load"))??)
            }
            other @ (State::None | State::Ear(_) | State::Loaded(_)) => other,
        };
        Ok(())
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        self.wait();
    }
}

fn prepare(recogniser: &mut dyn Recogniser, grammar: &Grammar) -> Result<(), RecogniserError> {
    let gone = recogniser.prepare(grammar)?;
    if !gone.is_empty() {
        // Names are the user's own; how many is enough for a log.
        tracing::warn!(count = gone.len(), "commands or names this model cannot hear");
    }
    Ok(())
}
