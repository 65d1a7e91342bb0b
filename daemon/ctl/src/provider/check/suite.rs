//! The deep suite: what the service asks an app in the life of some calls, and how the app takes it.
//!
//! Owns: the script. Does not own: the points (`verdict`), the means (`stage`). Invariant: whatever
//! cannot be tried says why; no point is passed by not looking at it.

use std::time::Duration;

use zbus::Variant;

use super::{
    book::State,
    stage::{Reply, Stage, Start},
    verdict::{Check, Findings, Verdict},
};
use crate::{error::Result, names::Handle, value::Options};

/// For calls that go on to be reported after Reset; an app knows them without asking anybody.
const REPORTS: Duration = Duration::from_secs(1);

/// What the user may set.
pub(super) struct Plan {
    pub(super) start: Start,
    /// For the app to register, and for a call to come in or to become active.
    pub(super) wait: Duration,
    /// Whom the app is asked to call; by default somebody who does not exist.
    pub(super) remote: Option<Handle>,
}

/// An action that belongs to a capability, with arguments to try it.
struct Claim {
    check: Check,
    capability: &'static str,
    action: &'static str,
}

const fn claim(check: Check, capability: &'static str, action: &'static str) -> Claim {
    Claim { check, capability, action }
}

/// In the order in which they are tried; transfer ends the call and comes last.
const CLAIMS: [Claim; 10] = [
    claim(Check::Hold, "hold", "set-held"),
    claim(Check::Mute, "mute", "set-muted"),
    claim(Check::Digits, "dtmf", "play-dtmf"),
    claim(Check::Video, "video", "set-video"),
    claim(Check::Camera, "video", "switch-camera"),
    claim(Check::Endpoint, "endpoints", "set-endpoint"),
    claim(Check::Screen, "screen", "set-screen-share"),
    claim(Check::Text, "text", "send-text"),
    claim(Check::Group, "merge", "set-group"),
    claim(Check::Transfer, "transfer", "transfer"),
];

struct Suite {
    stage: Stage,
    found: Findings,
    plan: Plan,
    /// Numbers the calls that are started.
    started: u32,
}

/// Runs everything.
pub(super) async fn run(plan: Plan) -> Result<Findings> {
    let stage = Stage::open(&plan.start).await?;
    let mut suite = Suite { stage, found: Findings::default(), plan, started: 0 };
    suite.script().await?;
    Ok(suite.found)
}

impl Suite {
    async fn script(&mut self) -> Result<()> {
        if !self.registers(Check::Registers).await {
            self.found.close("the app has not registered");
            return Ok(());
        }
        self.tried_without_calls().await;
        if let Some(call) = self.answered().await {
            self.exercise(&call).await;
            self.end(&call).await;
        }
        self.decline().await;
        if let Some(call) = self.started_call().await {
            self.exercise(&call).await;
            self.end(&call).await;
        }
        self.reset().await;
        self.judge_reports();
        self.comes_back().await?;
        self.judge_reports();
        let ended = self.stage.app_ended();
        self.found.note(
            Check::Stays,
            ended.map_or(Verdict::Ok, |how| Verdict::Broken(format!("it ended ({how})"))),
        );
        self.found.close("no call became active");
        Ok(())
    }

    /// Waits for Register.
    async fn registers(&mut self, check: Check) -> bool {
        let here = self.stage.until(self.plan.wait, |stage| stage.book.app.clone()).await;
        if here.is_some() {
            self.found.note(check, Verdict::Ok);
            return true;
        }
        let why = match (self.stage.app_ended(), self.stage.book.breaches.is_empty()) {
            (_, false) => Verdict::NotTried("its Register was refused".to_owned()),
            (Some(_), true) if check == Check::RegistersAgain => {
                Verdict::NotTried("the app has ended".to_owned())
            }
            (Some(how), true) => {
                Verdict::Broken(format!("the app ended ({how}); --output shows what it says"))
            }
            (None, true) => {
                Verdict::Broken(format!("no Register within {} s", self.plan.wait.as_secs()))
            }
        };
        self.found.note(check, why);
        self.judge_breaches();
        false
    }

    async fn tried_without_calls(&mut self) {
        let nobody = super::book::call_path("00000000-0000-4000-8000-00000000dead");
        let video = Options::from([("video", Variant::from(false))]);
        let reply = self.stage.perform("answer", &nobody, video).await;
        self.wants_error(Check::UnknownCall, "answer of an unknown call", &reply);
        let reply = self.stage.tell("TimedOut", &(self.stage.last_serial(),)).await;
        self.taken(Check::TimedOut, "TimedOut", &reply);
        let remote = self.remote(0);
        let body = ("none", (remote.scheme.as_str(), remote.value.as_str()), false);
        let reply = self.stage.tell("CallBack", &body).await;
        // It may be unable to; it may not be without the method.
        let refused = matches!(&reply, Reply::Refused(name, _) if !is_missing(name));
        let reply = if refused { Reply::Fulfilled } else { reply };
        self.taken(Check::CallBack, "CallBack", &reply);
    }

    fn taken(&mut self, check: Check, what: &str, reply: &Reply) {
        match reply {
            Reply::Fulfilled => self.found.note(check, Verdict::Ok),
            other @ (Reply::Refused(..) | Reply::Silent(_) | Reply::Gone) => {
                self.found.broken(check, format!("{what}: {}", other.words()));
            }
        }
    }

    fn wants_error(&mut self, check: Check, what: &str, reply: &Reply) {
        match reply {
            Reply::Refused(name, _) if !is_missing(name) => self.found.note(check, Verdict::Ok),
            other @ (Reply::Refused(..) | Reply::Fulfilled | Reply::Silent(_) | Reply::Gone) => {
                self.found.broken(check, format!("{what}: {}", other.words()))
            }
        }
    }

    /// A call that rings, answered.
    async fn answered(&mut self) -> Option<String> {
        let Some(call) = self.ringing(self.plan.wait.min(Duration::from_secs(3))).await else {
            let why = "no call came in; start the app so that one does";
            self.found.note(Check::Answer, Verdict::NotTried(why.to_owned()));
            return None;
        };
        self.audio(true).await;
        let video = Options::from([("video", Variant::from(false))]);
        let reply = self.stage.perform("answer", &call, video).await;
        self.taken(Check::Answer, "answer", &reply);
        (reply == Reply::Fulfilled).then_some(call)
    }

    async fn ringing(&mut self, time: Duration) -> Option<String> {
        let rings = |stage: &mut Stage| {
            let found = stage.book.calls.iter().find(|(_, call)| call.state == State::Ringing);
            found.map(|(path, _)| path.clone())
        };
        self.stage.until(time, rings).await
    }

    /// Declines whatever else rings, with a message where the call can carry one.
    async fn decline(&mut self) {
        let Some(call) = self.ringing(Duration::from_millis(200)).await else {
            let why = "no second call came in";
            self.found.note(Check::Decline, Verdict::NotTried(why.to_owned()));
            return;
        };
        // As a user does who says why.
        if self.stage.book.calls.get(&call).is_some_and(|known| known.can("text")) {
            let text = self.arguments("send-text", true);
            let reply = self.stage.perform("send-text", &call, text).await;
            self.taken(Check::Text, "send-text on a call that rings", &reply);
        }
        let reason = Options::from([("reason", Variant::from("declined"))]);
        let reply = self.stage.perform("end", &call, reason).await;
        self.taken(Check::Decline, "end {reason: declined}", &reply);
    }

    /// Somebody to call who does not exist, unless the user named one.
    fn remote(&self, number: u32) -> Handle {
        if let Some(remote) = &self.plan.remote {
            return remote.clone();
        }
        let schemes = self.stage.book.app.as_ref().map(|app| app.schemes.clone());
        let scheme = schemes.and_then(|all| all.into_iter().next()).unwrap_or_default();
        let value = match scheme.as_str() {
            // Numbers that are kept free for films.
            "tel" => format!("+1202555{:04}", 100 + number % 100),
            "sip" => format!("check{number}@example.invalid"),
            _ => format!("check{number}"),
        };
        Handle { scheme, value }
    }

    /// Has the app place a call; gives it when it is active.
    async fn started_call(&mut self) -> Option<String> {
        if self.stage.book.app.as_ref().is_none_or(|app| app.schemes.is_empty()) {
            self.found.note(Check::Start, Verdict::NotClaimed);
            self.found.note(Check::StartGoesOn, Verdict::NotClaimed);
            return None;
        }
        if !self.stage.book.has_room() {
            let why = "max-calls are on".to_owned();
            self.found.note(Check::Start, Verdict::NotTried(why));
            return None;
        }
        self.started += 1;
        let remote = self.remote(self.started);
        let call = self.stage.book.start(&format!("00000000-0000-4000-8000-{:012}", self.started));
        self.audio(true).await;
        let args = Options::from([
            ("remote", Variant::from((remote.scheme.as_str(), remote.value.as_str()))),
            ("video", Variant::from(false)),
            ("display-name", Variant::from("")),
        ]);
        let reply = self.stage.perform("start", &call, args).await;
        self.taken(Check::Start, "start", &reply);
        if reply != Reply::Fulfilled {
            self.stage.book.calls.remove(&call);
            return None;
        }
        self.goes_on(&call).await
    }

    async fn goes_on(&mut self, call: &str) -> Option<String> {
        let state = |stage: &mut Stage| {
            let state = stage.book.calls.get(call)?.state;
            (state >= State::Active).then_some(state)
        };
        let reached = self.stage.until(self.plan.wait, state).await;
        let now = self.stage.book.calls.get(call).map(|call| call.state);
        match (reached, now) {
            (Some(State::Active), _) => {
                self.found.note(Check::StartGoesOn, Verdict::Ok);
                return Some(call.to_owned());
            }
            (Some(_), _) => self.found.note(Check::StartGoesOn, Verdict::Ok),
            // Nobody takes it: as far as it came it is right.
            (None, Some(State::Dialing | State::RemoteRinging | State::Connecting)) => {
                self.found.note(Check::StartGoesOn, Verdict::Ok);
                self.end(call).await;
            }
            (None, _) => {
                let came = format!("no ReportState within {} s", self.plan.wait.as_secs());
                self.found.broken(Check::StartGoesOn, came);
                self.end(call).await;
            }
        }
        None
    }

    async fn audio(&mut self, on: bool) {
        let reply = if on {
            let options = Options::from([("endpoint", Variant::from(""))]);
            self.stage.tell("AudioActivated", &(options,)).await
        } else {
            self.stage.tell("AudioDeactivated", &()).await
        };
        self.taken(Check::Audio, if on { "AudioActivated" } else { "AudioDeactivated" }, &reply);
    }

    /// Everything that can be asked of an active call.
    async fn exercise(&mut self, call: &str) {
        let reply = self.stage.perform("x-check", call, Options::new()).await;
        self.wants_error(Check::UnknownAction, "x-check", &reply);
        let silent = Options::from([("silent", Variant::from(true))]);
        let reply = self.stage.perform("set-local-silence", call, silent).await;
        let answered = match reply {
            Reply::Refused(..) => Reply::Fulfilled,
            other @ (Reply::Fulfilled | Reply::Silent(_) | Reply::Gone) => other,
        };
        self.taken(Check::LocalSilence, "set-local-silence", &answered);
        if CLAIMS.iter().all(|claim| self.can(call, claim.capability)) {
            let why = "it claims every action".to_owned();
            self.found.note(Check::Unclaimed, Verdict::NotTried(why));
        }
        for claim in &CLAIMS {
            if !self.can(call, claim.capability) {
                self.found.note(claim.check, Verdict::NotClaimed);
                self.unclaimed(call, claim.action).await;
            }
        }
        for claim in &CLAIMS {
            let tried_again = matches!(claim.check, Check::Transfer);
            if self.can(call, claim.capability)
                && !(tried_again && self.found.is_known(claim.check))
            {
                self.claimed(call, claim).await;
            }
        }
        if !self.can(call, "hold") {
            self.found.note(Check::AudioKeepsCalls, Verdict::NotClaimed);
        }
    }

    fn can(&self, call: &str, capability: &str) -> bool {
        let known = self.stage.book.calls.get(call);
        known.is_some_and(|call| call.state == State::Active && call.can(capability))
    }

    /// Arguments with which an action says yes, and those that undo it.
    fn arguments(&self, action: &str, on: bool) -> Options<'static> {
        let remote = self.remote(99);
        match action {
            "set-held" => Options::from([("held", Variant::from(on))]),
            "set-muted" => Options::from([("muted", Variant::from(on))]),
            "set-video" => Options::from([("video", Variant::from(on))]),
            "switch-camera" | "set-endpoint" => Options::from([("id", Variant::from(""))]),
            "set-screen-share" => Options::from([("shared", Variant::from(on))]),
            "send-text" => {
                Options::from([("text", Variant::from("Hello")), ("final", Variant::from(true))])
            }
            "play-dtmf" => Options::from([("tones", Variant::from("1"))]),
            "transfer" => Options::from([("remote", Variant::from((remote.scheme, remote.value)))]),
            _ => Options::new(),
        }
    }

    async fn unclaimed(&mut self, call: &str, action: &'static str) {
        if self.stage.book.calls.get(call).is_none_or(|call| call.state != State::Active) {
            return;
        }
        let reply = self.stage.perform(action, call, self.arguments(action, true)).await;
        self.wants_error(Check::Unclaimed, &format!("{action}, which is not claimed"), &reply);
    }

    async fn claimed(&mut self, call: &str, claim: &Claim) {
        match claim.action {
            "set-held" => self.hold(call).await,
            "set-muted" => {
                if self.asks(call, claim, true).await {
                    self.again(call, claim.action).await;
                }
                self.asks(call, claim, false).await;
            }
            "set-video" => {
                self.asks(call, claim, true).await;
            }
            "set-group" => self.group(call).await,
            _ => drop(self.asks(call, claim, false).await),
        }
    }

    async fn asks(&mut self, call: &str, claim: &Claim, on: bool) -> bool {
        let reply = self.stage.perform(claim.action, call, self.arguments(claim.action, on)).await;
        self.taken(claim.check, claim.action, &reply);
        reply == Reply::Fulfilled
    }

    async fn again(&mut self, call: &str, action: &'static str) {
        let reply = self.stage.perform(action, call, self.arguments(action, true)).await;
        self.taken(Check::Again, &format!("{action}, which is so already"), &reply);
    }

    /// Hold, as in life: the audio goes and comes with it.
    async fn hold(&mut self, call: &str) {
        let reply = self.stage.perform("set-held", call, self.arguments("set-held", true)).await;
        self.taken(Check::Hold, "set-held true", &reply);
        if reply != Reply::Fulfilled {
            return;
        }
        self.audio(false).await;
        self.again(call, "set-held").await;
        let on = self.stage.book.calls.get(call).is_some_and(|call| call.state == State::Active);
        if !on {
            self.found.broken(Check::AudioKeepsCalls, "ReportEnded after AudioDeactivated");
            return;
        }
        self.found.note(Check::AudioKeepsCalls, Verdict::Ok);
        self.audio(true).await;
        let reply = self.stage.perform("set-held", call, self.arguments("set-held", false)).await;
        self.taken(Check::Hold, "set-held false", &reply);
    }

    /// With a second call that is made for it.
    async fn group(&mut self, call: &str) {
        let Some(other) = self.started_call().await else {
            let why = "no second call became active".to_owned();
            self.found.note(Check::Group, Verdict::NotTried(why));
            return;
        };
        let Ok(path) = zbus::ObjectPath::try_from(other.as_str()) else { return };
        let with = Options::from([("with", Variant::from(path))]);
        let reply = self.stage.perform("set-group", call, with).await;
        self.taken(Check::Group, "set-group {with}", &reply);
        let reply = self.stage.perform("set-group", call, Options::new()).await;
        self.taken(Check::Group, "set-group {}", &reply);
        self.end(&other).await;
    }

    /// Ends a call that is on, asks once more, and lets go of the audio.
    async fn end(&mut self, call: &str) {
        let on = |stage: &Stage| {
            stage.book.calls.get(call).is_some_and(|call| call.state != State::Ended)
        };
        if !on(&self.stage) {
            return;
        }
        let reason = || Options::from([("reason", Variant::from("local-hangup"))]);
        let reply = self.stage.perform("end", call, reason()).await;
        self.taken(Check::End, "end", &reply);
        if reply != Reply::Fulfilled {
            return;
        }
        let again = match self.stage.perform("end", call, reason()).await {
            Reply::Refused(..) => Reply::Fulfilled,
            other @ (Reply::Fulfilled | Reply::Silent(_) | Reply::Gone) => other,
        };
        self.taken(Check::Again, "a second end", &again);
        self.audio(false).await;
    }

    /// The service has lost its calls: the app tells of them anew, or knows none.
    async fn reset(&mut self) {
        let call = self.started_call().await;
        // Whatever it said of the call before Reset is judged now, while the call is known.
        self.judge_reports();
        self.stage.book.forget();
        let reply = self.stage.tell("Reset", &()).await;
        if reply != Reply::Fulfilled {
            self.taken(Check::Reset, "Reset", &reply);
            return;
        }
        let Some(call) = call else {
            let why = "Reset was taken, but no call was on".to_owned();
            return self.found.note(Check::Reset, Verdict::NotTried(why));
        };
        let anew = |stage: &mut Stage| stage.book.resumed.contains(&call).then_some(());
        self.stage.until(REPORTS, anew).await;
        let end = Options::from([("reason", Variant::from("local-hangup"))]);
        let reply = self.stage.perform("end", &call, end).await;
        if self.stage.book.resumed.contains(&call) {
            return self.taken(Check::Reset, "end of the call that was reported anew", &reply);
        }
        self.wants_error(Check::Reset, "end of a call that was not reported anew", &reply);
    }

    /// The rules that its reports broke.
    fn judge_breaches(&mut self) {
        for (check, came) in std::mem::take(&mut self.stage.book.breaches) {
            self.found.broken(check, came);
        }
    }

    /// What the book has noted of its reports.
    fn judge_reports(&mut self) {
        self.judge_breaches();
        let (reports, brings) = (self.stage.book.reports, self.stage.book.brings);
        let looked_at = [
            (Check::RegistrationKeys, true, ""),
            (Check::Reports, reports, "it reported nothing"),
            (Check::FreshIds, brings, "it brought no call; start the app so that one comes in"),
        ];
        for (check, seen, why) in looked_at {
            let ok = if seen { Verdict::Ok } else { Verdict::NotTried(why.to_owned()) };
            self.found.note(check, ok);
        }
        let had_calls = self.found.is_known(Check::End) || self.found.is_known(Check::Hold);
        for check in [Check::RepliesFirst, Check::ReportsAgree, Check::AfterTheEnd] {
            if had_calls {
                self.found.note(check, Verdict::Ok);
            }
        }
    }

    /// The service goes and comes back.
    async fn comes_back(&mut self) -> Result<()> {
        if self.stage.app_ended().is_some() {
            return Ok(());
        }
        self.stage.restart().await?;
        if !self.registers(Check::RegistersAgain).await {
            let why = "it has not registered again".to_owned();
            self.found.note(Check::AnswersAgain, Verdict::NotTried(why));
            return Ok(());
        }
        let call = super::book::call_path("00000000-0000-4000-8000-00000000beef");
        let reply = self.stage.perform("x-check", &call, Options::new()).await;
        self.wants_error(Check::AnswersAgain, "x-check", &reply);
        Ok(())
    }
}

/// Errors that say that there is nobody to take it, not that it was refused.
fn is_missing(name: &str) -> bool {
    ["UnknownMethod", "UnknownObject", "UnknownInterface", "NoReply", "Disconnected"]
        .iter()
        .any(|end| name.strip_prefix("org.freedesktop.DBus.Error.") == Some(end))
}
