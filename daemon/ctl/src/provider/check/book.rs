//! What the played service knows of the app: its registration, its calls, and where it broke a rule.
//!
//! Owns: the calls and their states, the errors of the contract. Does not own: messages (`said`), the
//! bus (`stage`). Pure: a thing said in, an answer out. Invariant: whatever the real service refuses
//! is refused here with the same error.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    said::{Options, Said},
    verdict::Check,
};
use crate::bus::ROOT;

/// Words that stand in a set of capabilities.
const CAPABILITIES: [&str; 9] =
    ["hold", "mute", "video", "dtmf", "merge", "transfer", "endpoints", "screen", "text"];
/// End reasons that an app may report.
const REASONS: [&str; 8] = [
    "remote-hangup",
    "declined",
    "unanswered",
    "cancelled",
    "busy",
    "answered-elsewhere",
    "declined-elsewhere",
    "failed",
];

/// How far a call is. The order is the way of an outgoing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Requested,
    Dialing,
    RemoteRinging,
    Connecting,
    Ringing,
    Active,
    Ended,
}

impl State {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ringing" => Self::Ringing,
            "dialing" => Self::Dialing,
            "remote-ringing" => Self::RemoteRinging,
            "connecting" => Self::Connecting,
            "active" => Self::Active,
            _ => return None,
        })
    }
}

/// A call of the app.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) state: State,
    pub(super) held: bool,
    pub(super) muted: bool,
    pub(super) capabilities: BTreeSet<String>,
}

impl Call {
    pub(super) fn new(state: State) -> Self {
        Self { state, held: false, muted: false, capabilities: BTreeSet::new() }
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }
}

/// The app as it registered.
#[derive(Clone, Debug)]
pub(super) struct App {
    /// Unique name.
    pub(super) name: String,
    /// Where it implements ProviderApp.
    pub(super) object: String,
    pub(super) schemes: Vec<String>,
    hold: bool,
    video: bool,
    max_calls: u64,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Path(String),
    Incoming(String, &'static str),
    /// An error of the contract and its text.
    Refused(&'static str, String),
}

/// An action that was asked for and not answered.
#[derive(Clone, Debug)]
pub(super) struct Out {
    /// Of the message.
    serial: u32,
    call: String,
    action: &'static str,
    /// What set-held and set-muted make of their flag.
    to: Option<bool>,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) app: Option<App>,
    pub(super) calls: BTreeMap<String, Call>,
    /// The action that is out.
    pub(super) out: Option<Out>,
    /// Rules that were broken, with what came.
    pub(super) breaches: Vec<(Check, String)>,
    /// Calls that were reported with their state since the last Reset or loss.
    pub(super) resumed: BTreeSet<String>,
    /// Whether it reported anything, and whether it brought a call: only then it can have done so well.
    pub(super) reports: bool,
    pub(super) brings: bool,
    used: BTreeSet<String>,
    /// Calls that the service has forgotten; the app may not know yet.
    lost: BTreeSet<String>,
}

/// The object of a call.
pub(super) fn call_path(uuid: &str) -> String {
    format!("{ROOT}/call/{}", uuid.replace('-', "_"))
}

fn refused(error: &'static str, text: impl Into<String>) -> Answer {
    Answer::Refused(error, text.into())
}

impl Book {
    /// Takes in what `sender` said to `path`.
    pub(super) fn handle(&mut self, sender: &str, said: Said) -> Answer {
        if let Said::Register { id, object, options } = said {
            return self.register(sender, &id, object, options);
        }
        if said == Said::Other {
            return refused("NotAuthorized", "only the connection that registered may do this");
        }
        if self.app.as_ref().is_none_or(|app| app.name != sender) {
            self.breach(Check::Reports, "a report from a connection that has not registered");
            return refused("NotAuthorized", "only the connection that registered may do this");
        }
        self.reports = true;
        match said {
            Said::Incoming { uuid, options } => self.incoming(&uuid, &options),
            Said::Outgoing { uuid, options } => self.outgoing(&uuid, &options),
            Said::Update { call, options } => self.update(&call, options),
            Said::State { call, state } => self.state(&call, &state),
            Said::Text { call } => self.text(&call),
            Said::Ended { call, reason } => self.ended(&call, &reason),
            Said::Unregister => {
                self.app = None;
                Answer::Nothing
            }
            Said::Register { .. } | Said::Other => Answer::Nothing,
        }
    }

    /// A message that is none of the contract.
    pub(super) fn malformed(&mut self, why: String) -> Answer {
        let check =
            if why.starts_with("Registry") { Check::RegistrationKeys } else { Check::Reports };
        self.breach(check, why.clone());
        refused("InvalidArgument", why)
    }

    /// The service has lost everything.
    pub(super) fn restart(&mut self) {
        self.app = None;
        self.forget();
    }

    /// Forgets all calls; their ids stay used up unless the app reports them with a state.
    pub(super) fn forget(&mut self) {
        self.lost.extend(std::mem::take(&mut self.calls).into_keys());
        self.resumed.clear();
        self.out = None;
    }

    /// An action is out.
    pub(super) fn asked(
        &mut self,
        serial: u32,
        call: &str,
        action: &'static str,
        to: Option<bool>,
    ) {
        self.out = Some(Out { serial, call: call.to_owned(), action, to });
    }

    /// A reply came; that of the action that is out changes its call.
    pub(super) fn replied(&mut self, serial: u32, fulfilled: bool) {
        let Some(out) = self.out.take_if(|out| out.serial == serial) else { return };
        let Some(call) = self.calls.get_mut(&out.call).filter(|_| fulfilled) else { return };
        match (out.action, out.to) {
            ("answer", _) => call.state = State::Active,
            ("end" | "transfer", _) => call.state = State::Ended,
            ("set-held", Some(held)) => call.held = held,
            ("set-muted", Some(muted)) => call.muted = muted,
            _ => {}
        }
    }

    fn breach(&mut self, check: Check, came: impl Into<String>) {
        self.breaches.push((check, came.into()));
    }

    fn register(&mut self, sender: &str, id: &str, object: String, options: Options) -> Answer {
        let mut wrong = options.wrong;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.is_empty() || id.len() > 255 || !id.chars().all(legal) {
            wrong.push(format!("provider_id: \"{id}\" is none"));
        }
        if options.numbers.get("max-calls") == Some(&0) {
            wrong.push("max-calls: at least 1 is expected".to_owned());
        }
        if let Some(media) = options.texts.get("media").filter(|m| *m != "app" && *m != "daemon") {
            wrong.push(format!("media: \"{media}\" is neither app nor daemon"));
        }
        if !wrong.is_empty() {
            let why = wrong.join(", ");
            self.breach(Check::RegistrationKeys, why.clone());
            return refused("InvalidArgument", why);
        }
        if self.app.is_some() {
            return refused("ProviderExists", "somebody has registered this provider id");
        }
        let flag = |key: &str| options.flags.get(key).copied().unwrap_or(false);
        self.app = Some(App {
            name: sender.to_owned(),
            object,
            hold: flag("hold"),
            video: flag("video"),
            max_calls: options.numbers.get("max-calls").copied().unwrap_or(16).min(16),
            schemes: options.lists.get("schemes").cloned().unwrap_or_default(),
        });
        Answer::Path(format!("{ROOT}/provider/{}", crate::provider::escape(id)))
    }

    /// Whether the app takes one more call.
    pub(super) fn has_room(&self) -> bool {
        let on = self.calls.values().filter(|call| call.state != State::Ended).count() as u64;
        self.app.as_ref().is_some_and(|app| on < app.max_calls)
    }

    /// A call that the service starts.
    pub(super) fn start(&mut self, uuid: &str) -> String {
        let mut call = Call::new(State::Requested);
        if let Some(app) = &self.app {
            call.capabilities.extend(app.hold.then(|| "hold".to_owned()));
            call.capabilities.extend(app.video.then(|| "video".to_owned()));
        }
        self.used.insert(uuid.to_owned());
        let path = call_path(uuid);
        self.calls.insert(path.clone(), call);
        path
    }

    fn new_call(&mut self, uuid: &str, options: &Options, state: State) -> Result<String, Answer> {
        self.brings = true;
        let mut wrong = options.wrong.clone();
        if options.remote.is_none() && wrong.is_empty() {
            wrong.push("remote: it is needed".to_owned());
        }
        let resumed = match options.texts.get("state") {
            None => None,
            Some(name) => match State::from_name(name) {
                Some(state) => Some(state),
                None => {
                    wrong.push(format!("state: \"{name}\" is none to be taken up in"));
                    None
                }
            },
        };
        if !is_uuid(uuid) {
            self.breach(Check::FreshIds, format!("\"{uuid}\" is no uuid (RFC 9562)"));
            return Err(refused("InvalidArgument", "uuid"));
        }
        if !wrong.is_empty() {
            let why = wrong.join(", ");
            self.breach(Check::Reports, why.clone());
            return Err(refused("InvalidArgument", why));
        }
        let path = call_path(uuid);
        if self.calls.contains_key(&path) || (resumed.is_none() && self.used.contains(uuid)) {
            self.breach(Check::FreshIds, format!("{uuid} came a second time"));
            return Err(refused("UuidExists", uuid));
        }
        if resumed.is_some() {
            self.resumed.insert(path.clone());
        }
        self.used.insert(uuid.to_owned());
        let mut call = Call::new(resumed.unwrap_or(state));
        self.set_capabilities(&mut call, options);
        self.calls.insert(path.clone(), call);
        Ok(path)
    }

    fn set_capabilities(&mut self, call: &mut Call, options: &Options) {
        let Some(names) = options.lists.get("capabilities") else { return };
        if let Some(name) = names.iter().find(|name| !CAPABILITIES.contains(&name.as_str())) {
            self.breach(Check::Reports, format!("capabilities: \"{name}\" is none"));
        }
        call.capabilities = names.iter().cloned().collect();
    }

    fn incoming(&mut self, uuid: &str, options: &Options) -> Answer {
        let alone = self.calls.values().all(|call| call.state == State::Ended);
        match self.new_call(uuid, options, State::Ringing) {
            Ok(path) if self.resumed.contains(&path) => Answer::Incoming(path, "silent"),
            Ok(path) => Answer::Incoming(path, if alone { "ring" } else { "waiting" }),
            Err(answer) => answer,
        }
    }

    fn outgoing(&mut self, uuid: &str, options: &Options) -> Answer {
        match self.new_call(uuid, options, State::Dialing) {
            Ok(path) => Answer::Path(path),
            Err(answer) => answer,
        }
    }

    /// The call of a report, if it is one that is on.
    fn live(&mut self, path: &str, what: &str) -> Result<Call, Answer> {
        let short = path.rsplit('/').next().unwrap_or_default();
        match self.calls.get(path) {
            None if self.lost.contains(path) => {
                Err(refused("UnknownCall", "there is no such call"))
            }
            None => {
                self.breach(Check::Reports, format!("{what} of an unknown call {short}"));
                Err(refused("UnknownCall", "there is no such call"))
            }
            Some(call) if call.state == State::Ended => {
                self.breach(Check::AfterTheEnd, format!("{what} of {short}, which has ended"));
                Err(refused("InvalidState", "the call has ended"))
            }
            Some(call) => Ok(call.clone()),
        }
    }

    fn is_out(&self, path: &str, action: &str) -> bool {
        self.out.as_ref().is_some_and(|out| out.call == path && out.action == action)
    }

    /// A report of what an action changes, while that action is out.
    fn before_reply(&mut self, path: &str, action: &str, what: &str) {
        if self.is_out(path, action) {
            self.breach(Check::RepliesFirst, format!("{what} while the reply to {action} was due"));
        }
    }

    fn update(&mut self, path: &str, options: Options) -> Answer {
        let mut call = match self.live(path, "Update") {
            Ok(call) => call,
            Err(answer) => return answer,
        };
        if !options.wrong.is_empty() {
            let why = options.wrong.join(", ");
            self.breach(Check::Reports, why.clone());
            return refused("InvalidArgument", why);
        }
        self.agree(path, &call, &options);
        self.set_capabilities(&mut call, &options);
        call.held = options.flags.get("held").copied().unwrap_or(call.held);
        call.muted = options.flags.get("muted").copied().unwrap_or(call.muted);
        self.calls.insert(path.to_owned(), call);
        Answer::Nothing
    }

    /// Nobody touches the app's window while it is checked: what it reports is what it was asked.
    fn agree(&mut self, path: &str, call: &Call, options: &Options) {
        for (key, is, action) in
            [("held", call.held, "set-held"), ("muted", call.muted, "set-muted")]
        {
            let Some(says) = options.flags.get(key).copied() else { continue };
            if says == is {
                continue;
            }
            let asked = self.out.as_ref().is_some_and(|out| out.to == Some(says));
            if asked && self.is_out(path, action) {
                self.before_reply(path, action, &format!("Update {{{key} {says}}}"));
            } else {
                self.breach(
                    Check::ReportsAgree,
                    format!("Update says {key} {says} after {key} {is} was fulfilled"),
                );
            }
        }
    }

    fn state(&mut self, path: &str, name: &str) -> Answer {
        let mut call = match self.live(path, "ReportState") {
            Ok(call) => call,
            Err(answer) => return answer,
        };
        let Some(state) = State::from_name(name).filter(|state| *state != State::Ringing) else {
            self.breach(Check::Reports, format!("ReportState \"{name}\" is no state to report"));
            return refused("InvalidArgument", format!("state: \"{name}\""));
        };
        self.before_reply(path, "start", &format!("ReportState {name}"));
        let answered = call.state == State::Ringing && state == State::Active;
        let forward = answered || (call.state != State::Ringing && state > call.state);
        if !forward {
            let came = format!("ReportState {name} of a call that is {:?}", call.state);
            self.breach(Check::Reports, came.to_lowercase());
            return refused("InvalidState", "only forward");
        }
        call.state = state;
        self.calls.insert(path.to_owned(), call);
        Answer::Nothing
    }

    fn text(&mut self, path: &str) -> Answer {
        let call = match self.live(path, "ReportText") {
            Ok(call) => call,
            Err(answer) => return answer,
        };
        if !call.can("text") || call.state != State::Active {
            let came = "ReportText of a call that is not active, or does not claim \"text\"";
            self.breach(Check::Reports, came.to_owned());
            return refused("InvalidState", "no text now");
        }
        Answer::Nothing
    }

    fn ended(&mut self, path: &str, reason: &str) -> Answer {
        let mut call = match self.live(path, "ReportEnded") {
            Ok(call) => call,
            Err(answer) => return answer,
        };
        if !REASONS.contains(&reason) {
            self.breach(Check::Reports, format!("ReportEnded \"{reason}\" is no reason"));
            return refused("InvalidArgument", format!("reason: \"{reason}\""));
        }
        self.before_reply(path, "end", "ReportEnded");
        call.state = State::Ended;
        self.calls.insert(path.to_owned(), call);
        Answer::Nothing
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
}
