//! What happened when, on the screen and as JSON.
//!
//! Owns: the timeline and the form of report.json. Does not own: measuring. Invariant: a step is
//! told after it happened, never before.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use ahoy_trial::{picture::Rate, sound::PROMISE_MS};
use serde_json::{Value, json};

/// What was measured in a call that went well.
pub(crate) struct Measured {
    pub(crate) engine: String,
    pub(crate) heard: Vec<String>,
    /// From the click on Answer to the first voice and picture at the last of both sides.
    pub(crate) setup: Duration,
    pub(crate) mouth_to_ear: [f64; 2],
    pub(crate) video: [Rate; 2],
    pub(crate) encryption: String,
    pub(crate) wire: Value,
}

/// The steps so far.
pub(crate) struct Timeline {
    start: Instant,
    steps: Vec<(&'static str, Instant)>,
    shown: bool,
    terminal: bool,
}

impl Timeline {
    pub(crate) fn new(shown: bool) -> Self {
        Self {
            start: Instant::now(),
            steps: Vec::new(),
            shown,
            terminal: std::io::stdout().is_terminal(),
        }
    }

    /// Tells what is being waited for now; the next step takes its place.
    pub(crate) fn doing(&self, what: &str) {
        if self.shown && self.terminal {
            print!("\r\x1b[K  ....... {what}");
            // Progress is worth nothing late, and nothing at all where there is no screen.
            let _ = std::io::stdout().flush();
        }
    }

    /// Something happened now.
    pub(crate) fn step(&mut self, name: &'static str, detail: &str) {
        self.step_at(name, detail, Instant::now());
    }

    /// Something happened.
    pub(crate) fn step_at(&mut self, name: &'static str, detail: &str, at: Instant) {
        self.steps.push((name, at));
        if self.shown {
            let seconds = at.saturating_duration_since(self.start).as_secs_f64();
            let erase = if self.terminal { "\r\x1b[K" } else { "" };
            println!("{erase}{seconds:8.3} s  {detail}");
        }
    }

    /// The report; without measurements it says why there are none.
    pub(crate) fn report(&self, measured: Option<&Measured>, why: Option<&str>) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|(name, at)| {
                let at = at.saturating_duration_since(self.start).as_millis();
                json!({"name": name, "at_ms": at as u64})
            })
            .collect();
        let mut report = json!({"ok": measured.is_some(), "steps": steps});
        if let Some(why) = why {
            report["error"] = json!(why);
        }
        let Some(it) = measured else { return report };
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        let rate = |rate: Rate| json!({"fps": tenth(rate.fps), "width": rate.width, "height": rate.height});
        report["voice"] = json!({"engine": it.engine, "heard": it.heard});
        report["setup_ms"] = json!(it.setup.as_millis() as u64);
        let [to_bob, to_alice] = it.mouth_to_ear.map(tenth);
        report["mouth_to_ear_ms"] =
            json!({"alice_to_bob": to_bob, "bob_to_alice": to_alice, "promised": PROMISE_MS});
        let [to_bob, to_alice] = it.video.map(rate);
        report["video"] = json!({"alice_to_bob": to_bob, "bob_to_alice": to_alice});
        report["encryption"] = json!(it.encryption);
        report["wire"] = it.wire.clone();
        report
    }
}
