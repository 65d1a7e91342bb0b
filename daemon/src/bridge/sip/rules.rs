//! The rules of baresip: which calls it has, and how each wish becomes its commands.
//!
//! Owns: the table of calls, the queue of wishes. Does not own: bytes (`super`), texts (`words`).
//! baresip acts on its "current" call, so a wish first makes its call the current one (`callfind`)
//! and is carried out only after baresip has said that it is. Wishes therefore go one after another.
//! Invariant: no command that changes a call leaves before the answer that names this call.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use ahoy_core::{
    id::{CallId, Handle, Serial},
    provider::{Capability, Progress},
};

use super::{
    super::{
        text,
        world::{Change, NewLine, News, Order, Output, Profile, Refused, World},
    },
    ends::{self, Stage},
    wish::{self, Task},
    words::{self, CallEvent, Command, Kind, Said, Token},
};

/// More calls than the daemon takes from one provider; what is past it rings in baresip alone.
const MOST_LINES: usize = 32;
/// Wishes that wait. The daemon has two out for a call at most: one, and the end.
const MOST_JOBS: usize = 2 * MOST_LINES;
/// What can be done with a call.
const CAN: &[Capability] = &[Capability::Hold, Capability::Mute, Capability::Dtmf];
/// How often a baresip without an account is asked whether it has one now.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const GONE: Refused = Refused::because("baresip does not know this call any more");

/// A call that baresip has.
struct Line {
    id: String,
    account: String,
    stage: Stage,
    /// As the daemon wants it.
    held: bool,
    /// The answer that waits until both talk.
    answering: Option<Serial>,
}

struct Job {
    /// Who waits; nobody where it is our own wish or was given up.
    serial: Option<Serial>,
    call: CallId,
    task: Task,
}

/// What the first job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It has not begun.
    Waiting,
    /// baresip dials.
    Dialled(Token),
    /// And is to say what the call's id is.
    Identified(Token),
    /// baresip is to make the call its current one.
    Found(Token),
    /// The command itself is out.
    Sent(Token),
}

/// baresip, as far as calls go.
pub(in crate::bridge) struct Sip {
    account: Option<String>,
    lines: BTreeMap<CallId, Line>,
    jobs: VecDeque<Job>,
    step: Step,
    /// When to ask once more, where baresip had no account.
    ask_again: Option<Duration>,
    next_token: u32,
    out: VecDeque<Output<Command>>,
}

impl Sip {
    /// Freshly connected.
    #[must_use]
    pub(in crate::bridge) fn new() -> Self {
        let mut new = Self {
            account: None,
            lines: BTreeMap::new(),
            jobs: VecDeque::new(),
            step: Step::Waiting,
            ask_again: None,
            next_token: 0,
            out: VecDeque::new(),
        };
        new.learn_account();
        new
    }

    fn learn_account(&mut self) {
        let call = CallId([0; 16]);
        self.want(Job { serial: None, call, task: Task::LearnAccount });
    }

    fn want(&mut self, job: Job) {
        if self.jobs.len() >= MOST_JOBS {
            self.done(job.serial, Err(Refused::because("baresip is too slow")));
            return;
        }
        self.jobs.push_back(job);
        self.go_on();
    }

    fn done(&mut self, serial: Option<Serial>, result: Result<(), Refused>) {
        if let Some(serial) = serial {
            self.out.push_back(Output::Done(serial, result));
        }
    }

    fn tell(&mut self, news: News) {
        self.out.push_back(Output::News(news));
    }

    fn command(&mut self, name: &'static str, about: impl Into<String>) -> Token {
        let token = Token(self.next_token);
        self.next_token = self.next_token.wrapping_add(1);
        self.out.push_back(Output::Command(Command { token, name, about: about.into() }));
        token
    }

    /// Begins jobs until one waits for baresip.
    fn go_on(&mut self) {
        while self.step == Step::Waiting {
            let Some(job) = self.jobs.front() else { return };
            let (call, task, is_own) = (job.call, job.task.clone(), job.serial.is_none());
            self.step = match task {
                Task::LearnAccount => Step::Sent(self.command("reginfo", "")),
                Task::Dial(to) => self.dial(&to),
                Task::Accept
                | Task::HangUp
                | Task::Hold(_)
                | Task::Mute { .. }
                | Task::Tones(_) => self.find(call, &task, is_own),
            };
        }
    }

    fn dial(&mut self, to: &Handle) -> Step {
        if let Some(account) = self.account.clone() {
            self.command("uafind", account);
        }
        Step::Dialled(self.command("dial", format!("{}:{}", to.scheme(), to.value())))
    }

    /// Makes the call of a job baresip's current one.
    fn find(&mut self, call: CallId, task: &Task, is_own: bool) -> Step {
        let Some(line) = self.lines.get(&call) else {
            // Whoever wanted it ended has what they wanted.
            self.finish(if *task == Task::HangUp { Ok(()) } else { Err(GONE) });
            return Step::Waiting;
        };
        if is_own && *task == Task::Hold(true) && !line.held {
            // Resumed meanwhile, or the wish to hold was given up.
            self.finish(Ok(()));
            return Step::Waiting;
        }
        let (account, id) = (line.account.clone(), line.id.clone());
        self.command("uafind", account);
        Step::Found(self.command("callfind", id))
    }

    /// The first job is over.
    fn finish(&mut self, result: Result<(), Refused>) {
        self.step = Step::Waiting;
        if let Some(job) = self.jobs.pop_front() {
            self.done(job.serial, result);
        }
    }

    fn answered(&mut self, ok: bool, printed: &str) {
        match self.step {
            Step::Waiting => {}
            Step::Dialled(_) if ok => {
                self.step = Step::Identified(self.command("callstat", ""));
            }
            Step::Dialled(_) => self.finish(Err(said("baresip does not dial", printed))),
            Step::Identified(_) => self.identified(printed),
            Step::Found(_) => self.found(printed),
            Step::Sent(_) => self.carried_out(ok, printed),
        }
        self.go_on();
    }

    /// The call that was dialled, unless an event has named it already.
    fn identified(&mut self, printed: &str) {
        if self.dialling().is_some() {
            let id = words::call_id(printed).filter(|id| self.by_id(id).is_none());
            let Some(id) = id else {
                self.finish(Err(Refused::because("baresip made no call of it")));
                return;
            };
            let account = self.account.clone().unwrap_or_default();
            self.bind(id, account);
        }
        self.finish(Ok(()));
    }

    fn found(&mut self, printed: &str) {
        let Some(job) = self.jobs.front() else { return };
        // Also said with "ok": that nothing was found.
        if !printed.starts_with("setting current call") {
            let ended = job.task == Task::HangUp;
            self.finish(if ended { Ok(()) } else { Err(GONE) });
            return;
        }
        let (name, about) = match &job.task {
            Task::Accept => ("accept", String::new()),
            Task::HangUp => ("hangup", String::new()),
            Task::Hold(true) => ("hold", String::new()),
            Task::Hold(false) => ("resume", String::new()),
            Task::Mute { .. } => ("mute", String::new()),
            Task::Tones(tones) => ("sndcode", tones.clone()),
            // Neither is about a call that is there.
            Task::LearnAccount | Task::Dial(_) => return self.finish(Ok(())),
        };
        self.step = Step::Sent(self.command(name, about));
    }

    fn carried_out(&mut self, ok: bool, printed: &str) {
        let Some(job) = self.jobs.front_mut() else { return };
        let (call, serial) = (job.call, job.serial);
        if !ok {
            let why = said("baresip refuses", printed);
            self.finish(Err(why));
            return;
        }
        match job.task.clone() {
            Task::LearnAccount => self.account = words::account(printed),
            Task::Accept => {
                if let Some(line) =
                    self.lines.get_mut(&call).filter(|one| one.stage != Stage::Talking)
                {
                    // Fulfilled when both talk.
                    line.answering = serial;
                    job.serial = None;
                }
            }
            Task::HangUp => drop(self.lines.remove(&call)),
            Task::Hold(held) => {
                let was =
                    self.lines.get_mut(&call).map(|one| std::mem::replace(&mut one.held, held));
                if serial.is_none() && was == Some(!held) {
                    // Given up meanwhile, and done all the same.
                    self.tell(News::Changed(call, Change::Held(held)));
                }
            }
            Task::Mute { wanted, again } => {
                // `mute` toggles; somebody may have toggled it in baresip itself.
                let is_muted = !printed.contains("un-muted");
                if is_muted != wanted && !again {
                    job.task = Task::Mute { wanted, again: true };
                    self.step = Step::Sent(self.command("mute", ""));
                    return;
                }
                if is_muted != wanted {
                    return self.finish(Err(Refused::because("baresip does not mute")));
                }
            }
            Task::Dial(_) | Task::Tones(_) => {}
        }
        self.finish(Ok(()));
    }

    /// The call of the job that dials, while its id is not known.
    fn dialling(&self) -> Option<CallId> {
        let dials = matches!(self.step, Step::Dialled(_) | Step::Identified(_));
        let job = self.jobs.front().filter(|_| dials)?;
        (!self.lines.contains_key(&job.call)).then_some(job.call)
    }

    fn by_id(&self, id: &str) -> Option<CallId> {
        self.lines.iter().find(|(_, line)| line.id == id).map(|(call, _)| *call)
    }

    fn add(&mut self, call: CallId, id: String, account: String, stage: Stage) {
        let line = Line { id, account, stage, held: false, answering: None };
        self.lines.insert(call, line);
    }

    /// Gives the call that is being dialled its id.
    fn bind(&mut self, id: String, account: String) -> Option<CallId> {
        let call = self.dialling()?;
        self.add(call, id, account, Stage::Calling);
        self.tell(News::Changed(call, Change::Capabilities(CAN)));
        Some(call)
    }

    fn call_event(&mut self, event: CallEvent, fresh: CallId) {
        if event.kind == Kind::Closed {
            self.closed(&event);
            return;
        }
        let known = self.by_id(&event.id);
        let call = match known {
            Some(call) => call,
            None if event.id.is_empty() || self.lines.len() >= MOST_LINES => return,
            None => match self.bind_or_add(&event, fresh) {
                Some(call) => call,
                None => return,
            },
        };
        match event.kind {
            Kind::Incoming | Kind::Outgoing | Kind::Closed => {}
            Kind::Ringing => self.tell(News::Progress(call, Progress::RemoteRinging)),
            Kind::Established => self.established(call),
            Kind::RemoteHold => self.tell(News::Changed(call, Change::RemoteHeld(true))),
            Kind::RemoteResume => self.tell(News::Changed(call, Change::RemoteHeld(false))),
        }
    }

    /// A call of which nothing was known: dialled by us, or new. `None`: there is no more to tell.
    fn bind_or_add(&mut self, event: &CallEvent, fresh: CallId) -> Option<CallId> {
        if !event.incoming
            && let Some(call) = self.bind(event.id.clone(), event.account.clone())
        {
            return Some(call);
        }
        let stage = match event.kind {
            Kind::Established | Kind::RemoteHold | Kind::RemoteResume => Stage::Talking,
            Kind::Incoming | Kind::Outgoing | Kind::Ringing | Kind::Closed if event.incoming => {
                Stage::Ringing
            }
            Kind::Incoming | Kind::Outgoing | Kind::Ringing | Kind::Closed => Stage::Calling,
        };
        self.add(fresh, event.id.clone(), event.account.clone(), stage);
        let line = NewLine {
            call: fresh,
            remote: text::sip_address(&event.peer),
            name: text::plain(&event.name),
            capabilities: CAN,
            since_before: (stage == Stage::Talking).then_some("active"),
        };
        self.tell(if event.incoming { News::Incoming(line) } else { News::Outgoing(line) });
        (stage != Stage::Talking).then_some(fresh)
    }

    fn established(&mut self, call: CallId) {
        let Some(line) = self.lines.get_mut(&call) else { return };
        line.stage = Stage::Talking;
        match line.answering.take() {
            Some(serial) => self.done(Some(serial), Ok(())),
            None => self.tell(News::Progress(call, Progress::Active)),
        }
    }

    fn closed(&mut self, event: &CallEvent) {
        let bound = if event.incoming { None } else { self.dialling() };
        let known = self.by_id(&event.id).or(bound);
        if let Some(call) = known {
            if bound == Some(call) {
                // Refused before it had a name: it is told as ended, and the wish to dial was done.
                self.bind(event.id.clone(), event.account.clone());
            }
            let line = self.lines.remove(&call);
            if !self.hangs_up(call) {
                let stage = line.as_ref().map_or(Stage::Calling, |line| line.stage);
                let (reason, text) = ends::reason(&event.detail, stage);
                self.tell(News::Ended(call, reason, text));
            }
            self.done(line.and_then(|line| line.answering), Err(GONE));
        }
        self.hold_again();
    }

    /// Whether this call's end is of our making: baresip tells of it before it answers `hangup`.
    fn hangs_up(&self, call: CallId) -> bool {
        let sent = matches!(self.step, Step::Sent(_));
        let job = self.jobs.front().filter(|_| sent);
        job.is_some_and(|job| job.call == call && job.task == Task::HangUp)
    }

    /// When a call ends, baresip resumes the one before it by itself. Whom the user holds stays held
    /// until the user says otherwise.
    fn hold_again(&mut self) {
        let held: Vec<CallId> =
            self.lines.iter().filter(|(_, line)| line.held).map(|(call, _)| *call).collect();
        for call in held {
            self.want(Job { serial: None, call, task: Task::Hold(true) });
        }
    }
}

fn said(what: &str, printed: &str) -> Refused {
    Refused(format!("{what}: {}", text::plain(printed)).into())
}

impl Default for Sip {
    fn default() -> Self {
        Self::new()
    }
}

impl World for Sip {
    type Event = Said;
    type Command = Command;

    fn profile(&self) -> Option<Profile> {
        self.account.as_ref()?;
        let name = "SIP".to_owned();
        // baresip's own limit (call_max_calls) is not told; it answers 486 past it.
        Some(Profile { id: "sip", name, icon: "call-start", scheme: "sip", max_calls: 16 })
    }

    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.jobs.is_empty()
    }

    fn handle_event(&mut self, now: Duration, event: Said, fresh: CallId) {
        match event {
            Said::Call(event) => self.call_event(event, fresh),
            Said::Answer { token, ok, text } => {
                let awaited = match self.step {
                    Step::Waiting => None,
                    Step::Dialled(token)
                    | Step::Identified(token)
                    | Step::Found(token)
                    | Step::Sent(token) => Some(token),
                };
                if awaited == Some(token) {
                    self.answered(ok, &text);
                }
            }
        }
        let is_known = self.account.is_some() || !self.jobs.is_empty();
        self.ask_again = if is_known { None } else { Some(now + ASK_AGAIN) };
    }

    fn handle_order(&mut self, _now: Duration, order: Order) {
        let Order { serial, call, action } = order;
        match wish::task(action) {
            Ok(task) => self.want(Job { serial, call, task }),
            Err(why) => self.done(serial, Err(why)),
        }
    }

    fn handle_given_up(&mut self, serial: Serial) {
        let mut over = Vec::new();
        for job in self.jobs.iter_mut().filter(|job| job.serial == Some(serial)) {
            job.serial = None;
            if matches!(job.task, Task::Dial(_) | Task::Accept) {
                over.push(job.call);
            }
        }
        for (call, line) in &mut self.lines {
            if line.answering == Some(serial) {
                line.answering = None;
                over.push(*call);
            }
        }
        // For the daemon these calls have failed; they must not go on behind its back.
        for call in over {
            self.want(Job { serial: None, call, task: Task::HangUp });
        }
    }

    fn handle_unwanted(&mut self, _now: Duration, call: CallId) {
        self.want(Job { serial: None, call, task: Task::HangUp });
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.ask_again
    }

    fn handle_timeout(&mut self, now: Duration) {
        if self.ask_again.take_if(|at| *at <= now).is_some() {
            self.learn_account();
        }
    }

    fn poll_output(&mut self) -> Option<Output<Command>> {
        // Calls that come before we are somebody are told as soon as we are.
        let can_tell = self.account.is_some();
        let is_due = |output: &Output<Command>| can_tell || !matches!(output, Output::News(_));
        let first = self.out.iter().position(is_due)?;
        self.out.remove(first)
    }
}
