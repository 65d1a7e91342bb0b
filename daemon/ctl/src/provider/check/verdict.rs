//! The points of the suite: what each one expects, where the contract says so, and how it went.
//!
//! Owns: the list, and how findings become lines. Does not own: how a point is tried (`suite`,
//! `live`). Invariant: every point is in the result exactly once, and the worst that was seen of it
//! is what is told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    out::{Out, Tone, clean},
};

/// One point. In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    Registers,
    RegistrationKeys,
    FreshIds,
    Reports,
    UnknownCall,
    UnknownAction,
    Answer,
    Decline,
    Start,
    StartGoesOn,
    Hold,
    Mute,
    Digits,
    Video,
    Camera,
    LocalSilence,
    Endpoint,
    Screen,
    Text,
    Group,
    Transfer,
    End,
    Again,
    Unclaimed,
    RepliesFirst,
    ReportsAgree,
    AfterTheEnd,
    Audio,
    AudioKeepsCalls,
    TimedOut,
    CallBack,
    Reset,
    RegistersAgain,
    AnswersAgain,
    Stays,
}

/// What is said of a point.
pub(super) struct About {
    pub(super) check: Check,
    pub(super) name: &'static str,
    /// What a right app does.
    pub(super) expects: &'static str,
    /// Where the contract (`dbus/*.xml`) says so.
    pub(super) place: &'static str,
}

const fn about(
    check: Check,
    name: &'static str,
    expects: &'static str,
    place: &'static str,
) -> About {
    About { check, name, expects, place }
}

/// All of them.
pub(super) const ALL: [About; 35] = [
    about(Check::Registers, "registers", "registers in time", "Registry.Register"),
    about(
        Check::RegistrationKeys,
        "registration-keys",
        "the options of Register have the types of the contract",
        "Registry.Register",
    ),
    about(
        Check::FreshIds,
        "fresh-ids",
        "every new call has a uuid that was never used",
        "Provider.ReportIncoming",
    ),
    about(
        Check::Reports,
        "reports",
        "reports name calls of its own, with words and types of the contract, and only forward",
        "Provider",
    ),
    about(
        Check::UnknownCall,
        "unknown-call",
        "an action on a call that it never had is an error",
        "ProviderApp.Perform",
    ),
    about(
        Check::UnknownAction,
        "unknown-action",
        "an action that it does not know is an error",
        "ProviderApp.Perform",
    ),
    about(Check::Answer, "answer", "answer is fulfilled within 20 s", "ProviderApp.Perform"),
    about(
        Check::Decline,
        "decline",
        "end of a call that rings is fulfilled within 5 s",
        "ProviderApp.Perform",
    ),
    about(Check::Start, "start", "start is fulfilled within 20 s", "ProviderApp.Perform"),
    about(
        Check::StartGoesOn,
        "start-goes-on",
        "a call that was started moves on to active, or is ended",
        "Provider.ReportState",
    ),
    about(Check::Hold, "hold", "set-held is fulfilled within 5 s", "ProviderApp.Perform"),
    about(Check::Mute, "mute", "set-muted is fulfilled within 5 s", "ProviderApp.Perform"),
    about(Check::Digits, "digits", "play-dtmf is fulfilled within 5 s", "ProviderApp.Perform"),
    about(Check::Video, "video", "set-video is fulfilled within 5 s", "ProviderApp.Perform"),
    about(Check::Camera, "camera", "switch-camera is fulfilled within 5 s", "ProviderApp.Perform"),
    about(
        Check::LocalSilence,
        "local-silence",
        "set-local-silence is fulfilled or refused, not left without an answer",
        "ProviderApp.Perform",
    ),
    about(
        Check::Endpoint,
        "endpoint",
        "set-endpoint is fulfilled within 5 s",
        "ProviderApp.Perform",
    ),
    about(
        Check::Screen,
        "screen",
        "set-screen-share is fulfilled within 5 s",
        "ProviderApp.Perform",
    ),
    about(
        Check::Text,
        "text",
        "send-text is fulfilled within 5 s, also on a call that rings",
        "ProviderApp.Perform",
    ),
    about(Check::Group, "group", "set-group is fulfilled within 5 s", "ProviderApp.Perform"),
    about(Check::Transfer, "transfer", "transfer is fulfilled within 5 s", "ProviderApp.Perform"),
    about(Check::End, "end", "end is fulfilled within 5 s", "ProviderApp.Perform"),
    about(
        Check::Again,
        "again",
        "what is so already is fulfilled again, and a second end is answered",
        "ProviderApp.Perform",
    ),
    about(
        Check::Unclaimed,
        "unclaimed",
        "an action that its capabilities do not claim is an error",
        "Call.Capabilities",
    ),
    about(
        Check::RepliesFirst,
        "replies-first",
        "nothing is reported of a change before the reply to the action that makes it",
        "ProviderApp.Perform",
    ),
    about(
        Check::ReportsAgree,
        "reports-agree",
        "what it reports of held and muted is what it has fulfilled",
        "Provider.Update",
    ),
    about(
        Check::AfterTheEnd,
        "after-the-end",
        "nothing is reported of a call that has ended",
        "Provider.Update",
    ),
    about(
        Check::Audio,
        "audio",
        "AudioActivated and AudioDeactivated are taken",
        "ProviderApp.AudioActivated",
    ),
    about(
        Check::AudioKeepsCalls,
        "audio-keeps-calls",
        "AudioDeactivated of a held call does not end it",
        "ProviderApp.AudioDeactivated",
    ),
    about(Check::TimedOut, "timed-out", "TimedOut is taken", "ProviderApp.TimedOut"),
    about(
        Check::CallBack,
        "call-back",
        "CallBack is taken, or refused with a reason",
        "ProviderApp.CallBack",
    ),
    about(
        Check::Reset,
        "reset",
        "after Reset its calls are reported anew with their state, or forgotten",
        "ProviderApp.Reset",
    ),
    about(
        Check::RegistersAgain,
        "registers-again",
        "registers again when the service is back",
        "Registry.Register",
    ),
    about(
        Check::AnswersAgain,
        "answers-again",
        "answers the service that is back",
        "ProviderApp.Perform",
    ),
    about(Check::Stays, "stays", "is there from the first point to the last", "Registry.Register"),
];

/// How a point went; what was seen, where it is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As expected.
    Ok,
    /// Not as expected: what came.
    Broken(String),
    /// The app does not say that it can.
    NotClaimed,
    /// It could not be looked at: why.
    NotTried(String),
}

impl Verdict {
    /// The greater one is told.
    const fn weight(&self) -> u8 {
        match self {
            Self::NotTried(_) => 0,
            Self::NotClaimed => 1,
            Self::Ok => 2,
            Self::Broken(_) => 3,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Broken(_) => "broken",
            Self::NotClaimed => "not claimed",
            Self::NotTried(_) => "not tried",
        }
    }

    fn came(&self) -> &str {
        match self {
            Self::Ok | Self::NotClaimed => "",
            Self::Broken(came) | Self::NotTried(came) => came,
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(BTreeMap<Check, Verdict>);

impl Findings {
    /// Notes a verdict; one that is worse for the app stays.
    pub(super) fn note(&mut self, check: Check, verdict: Verdict) {
        let known = self.0.entry(check).or_insert_with(|| Verdict::NotTried(String::new()));
        if verdict.weight() > known.weight() || *known == Verdict::NotTried(String::new()) {
            *known = verdict;
        }
    }

    pub(super) fn broken(&mut self, check: Check, came: impl Into<String>) {
        self.note(check, Verdict::Broken(came.into()));
    }

    pub(super) fn is_known(&self, check: Check) -> bool {
        self.0.contains_key(&check)
    }

    /// What was never looked at gets this reason.
    pub(super) fn close(&mut self, why: &str) {
        for about in &ALL {
            self.note(about.check, Verdict::NotTried(why.to_owned()));
        }
    }

    fn count(&self, word: &str) -> usize {
        self.0.values().filter(|verdict| verdict.word() == word).count()
    }

    fn json(&self, mode: &str) -> Value {
        let rows = ALL.iter().filter_map(|about| {
            let verdict = self.0.get(&about.check)?;
            Some(json!({
                "check": about.name, "result": verdict.word(), "expected": about.expects,
                "came": verdict.came(), "contract": format!("org.ahoycall.Calls1.{}", about.place),
            }))
        });
        json!({
            "mode": mode, "checks": rows.collect::<Vec<_>>(), "ok": self.count("ok"),
            "broken": self.count("broken"), "not_claimed": self.count("not claimed"),
            "not_tried": self.count("not tried"),
        })
    }

    /// Prints everything.
    ///
    /// # Errors
    /// Where a point is broken.
    pub(super) fn tell(&self, mode: &str, out: &Out) -> Result<()> {
        out.data(&self.json(mode))?;
        for about in &ALL {
            let Some(verdict) = self.0.get(&about.check) else { continue };
            let tone = match verdict {
                Verdict::Ok => Tone::Good,
                Verdict::Broken(_) => Tone::Bad,
                Verdict::NotClaimed | Verdict::NotTried(_) => Tone::Dim,
            };
            let word = out.paint(tone, format!("{:<11}", verdict.word()));
            let came = match verdict.came() {
                "" => String::new(),
                came => format!("; {}", clean(came)),
            };
            let (name, expects, place) = (about.name, about.expects, about.place);
            out.say(format!("{word} {name:<17}  {expects}{came}  [{place}]"))?;
        }
        let (ok, broken) = (self.count("ok"), self.count("broken"));
        let (unclaimed, untried) = (self.count("not claimed"), self.count("not tried"));
        out.say(format!("{ok} ok, {broken} broken, {unclaimed} not claimed, {untried} not tried"))?;
        if broken == 0 {
            return Ok(());
        }
        Err(Error::refused(
            "ProviderBroken",
            format!("the app breaks the contract in {broken} of {} points", self.0.len()),
            "Each broken line names its place in the contract: docs/bus.md, or dbus/*.xml.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_the_table_once_and_in_order() {
        let all: Vec<Check> = ALL.iter().map(|about| about.check).collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!(*all.last().unwrap() as usize + 1, all.len());
    }

    #[test]
    fn the_worst_that_was_seen_stays() {
        let mut found = Findings::default();
        found.note(Check::Hold, Verdict::NotClaimed);
        found.note(Check::Hold, Verdict::Ok);
        found.broken(Check::Hold, "silence");
        found.note(Check::Hold, Verdict::Ok);
        found.broken(Check::Hold, "an error");
        found.close("no call");
        assert_eq!(found.0[&Check::Hold], Verdict::Broken("silence".into()));
        assert_eq!(found.0[&Check::End], Verdict::NotTried("no call".into()));
    }
}
