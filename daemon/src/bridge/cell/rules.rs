//! The rules of a telephone on a mobile network.
//!
//! Owns: the table of calls, and how each wish becomes one of the few commands that networks have.
//! A network holds and resumes everything at once (CHLD=2), and while a call waits the same command
//! takes that call. So holding one call *before* answering another, which is how the daemon asks,
//! is put off until the answer comes, and taken back as [`Change::Held`] where none does. Invariant:
//! no waiting call is answered unless the daemon asked for its answer.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use ahoy_core::{
    id::{CallId, Serial},
    provider::{Action, Capability, Progress},
};

use super::{
    super::{
        text,
        world::{Change, NewLine, News, Order, Output, Profile, Refused, World},
    },
    words::{Command, Event, Path, Seen, State, Ticket, What, Why, reason},
};

/// More calls than any network lets one telephone have (3GPP TS 22.030: two, and one that waits).
const MOST_LINES: usize = 32;
const MOST_GATEWAYS: usize = 8;
/// The daemon sends the answer as soon as holding was done: far below this.
const PUT_OFF: Duration = Duration::from_secs(1);
const GONE: Refused = Refused::because("the telephone does not know this call any more");

/// What kind of telephone it is.
#[derive(Debug)]
pub(in crate::bridge) struct Kind {
    /// Provider id.
    pub id: &'static str,
    /// For people, where it has no name of its own.
    pub name: &'static str,
    /// Name of an icon.
    pub icon: &'static str,
    /// What can be done with its calls.
    pub can: &'static [Capability],
}

/// A call.
struct Line {
    path: Path,
    gateway: Path,
    state: State,
    /// The answer that waits until both talk.
    answering: Option<Serial>,
    /// Its end is of our making.
    is_ending: bool,
    /// We dialled it.
    is_ours: bool,
}

/// A command that is out.
struct Job {
    serial: Option<Serial>,
    call: CallId,
    what: What,
}

/// Calls of telephones.
pub(in crate::bridge) struct Cell {
    kind: &'static Kind,
    gateways: BTreeMap<Path, String>,
    lines: BTreeMap<CallId, Line>,
    jobs: BTreeMap<Ticket, Job>,
    next_ticket: u32,
    /// Told as held and not held yet, until then.
    put_off: Option<(CallId, Duration)>,
    out: VecDeque<Output<Command>>,
}

impl Cell {
    /// Nothing is known yet.
    #[must_use]
    pub(in crate::bridge) const fn new(kind: &'static Kind) -> Self {
        Self {
            kind,
            gateways: BTreeMap::new(),
            lines: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_ticket: 0,
            put_off: None,
            out: VecDeque::new(),
        }
    }

    fn done(&mut self, serial: Option<Serial>, result: Result<(), Refused>) {
        if let Some(serial) = serial {
            self.out.push_back(Output::Done(serial, result));
        }
    }

    fn tell(&mut self, news: News) {
        self.out.push_back(Output::News(news));
    }

    fn command(&mut self, serial: Option<Serial>, call: CallId, what: What) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.out.push_back(Output::Command(Command { ticket, what: what.clone() }));
        self.jobs.insert(ticket, Job { serial, call, what });
    }

    fn by_path(&self, path: &str) -> Option<CallId> {
        self.lines.iter().find(|(_, line)| line.path == path).map(|(call, _)| *call)
    }

    /// Another call of the same telephone in this state.
    fn beside(&self, call: CallId, state: State) -> bool {
        let Some(own) = self.lines.get(&call) else { return false };
        let mut others = self.lines.iter().filter(|(id, _)| **id != call);
        others.any(|(_, line)| line.gateway == own.gateway && line.state == state)
    }

    // ---- What happens.

    fn seen(&mut self, seen: Seen, fresh: CallId) {
        if let Some(call) = self.by_path(&seen.path) {
            self.moved(call, seen.state);
            return;
        }
        if self.lines.len() >= MOST_LINES {
            return;
        }
        let incoming =
            seen.incoming.unwrap_or(!matches!(seen.state, State::Dialing | State::Alerting));
        let dialled = if incoming { None } else { self.dialling(&seen.gateway) };
        if let Some(call) = dialled {
            self.bind(call, seen.path, seen.gateway);
            self.moved(call, seen.state);
            return;
        }
        let state = seen.state;
        let since_before = match state {
            State::Active | State::Held => Some("active"),
            State::Dialing if seen.is_old => Some("dialing"),
            State::Alerting if seen.is_old => Some("remote-ringing"),
            State::Dialing | State::Alerting | State::Incoming | State::Waiting => None,
        };
        let line = NewLine {
            call: fresh,
            remote: text::number(&seen.number),
            name: text::plain(&seen.name),
            capabilities: self.kind.can,
            since_before,
        };
        self.add(fresh, seen.path, seen.gateway, state, false);
        self.tell(if incoming { News::Incoming(line) } else { News::Outgoing(line) });
        match state {
            State::Held => self.tell(News::Changed(fresh, Change::Held(true))),
            State::Alerting if since_before.is_none() => {
                self.tell(News::Progress(fresh, Progress::RemoteRinging));
            }
            State::Dialing | State::Alerting | State::Incoming | State::Waiting | State::Active => {
            }
        }
    }

    fn add(&mut self, call: CallId, path: Path, gateway: Path, state: State, is_ours: bool) {
        let line = Line { path, gateway, state, answering: None, is_ending: false, is_ours };
        self.lines.insert(call, line);
    }

    /// The call that is being dialled and has no object yet.
    fn dialling(&self, on: &str) -> Option<CallId> {
        let dials = |job: &&Job| {
            matches!(&job.what, What::Dial { gateway, .. } if gateway == on)
                && !self.lines.contains_key(&job.call)
        };
        self.jobs.values().find(dials).map(|job| job.call)
    }

    fn bind(&mut self, call: CallId, path: Path, gateway: Path) {
        self.add(call, path, gateway, State::Dialing, true);
        self.tell(News::Changed(call, Change::Capabilities(self.kind.can)));
        self.tell(News::Progress(call, Progress::Dialing));
    }

    fn moved(&mut self, call: CallId, state: State) {
        let Some(line) = self.lines.get_mut(&call) else { return };
        let before = std::mem::replace(&mut line.state, state);
        if before == state {
            return;
        }
        match state {
            State::Alerting => self.tell(News::Progress(call, Progress::RemoteRinging)),
            State::Active if before == State::Held => {
                self.tell(News::Changed(call, Change::Held(false)));
            }
            State::Active => match line.answering.take() {
                Some(serial) => self.done(Some(serial), Ok(())),
                None => self.tell(News::Progress(call, Progress::Active)),
            },
            State::Held => {
                if self.put_off.is_some_and(|(held, _)| held == call) {
                    self.put_off = None;
                }
                self.tell(News::Changed(call, Change::Held(true)));
            }
            State::Dialing | State::Incoming | State::Waiting => {}
        }
    }

    fn ended(&mut self, path: &str, why: Why) {
        let Some(call) = self.by_path(path) else { return };
        let Some(line) = self.lines.remove(&call) else { return };
        if self.put_off.is_some_and(|(held, _)| held == call) {
            self.put_off = None;
        }
        if !line.is_ending {
            let (reason, words) = reason(why, line.state);
            self.tell(News::Ended(call, reason, words));
        }
        self.done(line.answering, Err(GONE));
        if line.is_ours {
            self.command(None, call, What::Forget { gateway: line.gateway, line: line.path });
        }
    }

    fn gateway_gone(&mut self, gateway: &str) {
        if self.gateways.remove(gateway).is_none() {
            return;
        }
        let lost = self.lines.values().filter(|line| line.gateway == gateway);
        let lost: Vec<Path> = lost.map(|line| line.path.clone()).collect();
        if self.gateways.is_empty() {
            // With the last one we are gone, and our calls as `provider-gone`.
            self.lines.clear();
            return;
        }
        for path in lost {
            self.ended(&path, Why::Failed("the telephone is gone".into()));
        }
    }

    fn replied(&mut self, ticket: Ticket, result: Result<Option<Path>, String>) {
        let Some(Job { serial, call, what }) = self.jobs.remove(&ticket) else { return };
        let made = match result {
            Ok(made) => made,
            Err(why) => return self.refused(serial, call, &what, &why),
        };
        match what {
            What::Dial { gateway, .. } => {
                if let Some(path) = made.filter(|path| self.by_path(path).is_none())
                    && !self.lines.contains_key(&call)
                {
                    self.bind(call, path, gateway);
                }
                self.done(serial, Ok(()));
                if serial.is_none() {
                    // Given up meanwhile: for the daemon this call has failed.
                    self.hang_up(None, call);
                }
            }
            What::Answer { .. } | What::HoldAndAnswer { .. } => match self.lines.get_mut(&call) {
                Some(line) if line.state != State::Active => line.answering = serial,
                Some(_) => self.done(serial, Ok(())),
                None => self.done(serial, Err(GONE)),
            },
            What::Swap { .. }
            | What::HangUp { .. }
            | What::Tones { .. }
            | What::Join { .. }
            | What::Part { .. }
            | What::Forget { .. } => self.done(serial, Ok(())),
        }
    }

    fn refused(&mut self, serial: Option<Serial>, call: CallId, what: &What, why: &str) {
        if let (What::HangUp { .. }, Some(line)) = (what, self.lines.get_mut(&call)) {
            line.is_ending = false;
        }
        self.done(serial, Err(Refused(text::plain(why).into())));
    }

    // ---- What is wanted.

    fn dial(&mut self, serial: Option<Serial>, call: CallId, number: &str) {
        let Some(gateway) = self.gateways.keys().next().cloned() else {
            return self.done(serial, Err(Refused::because("no telephone is there")));
        };
        if !text::is_dialable(number) {
            let why = Refused::because("this is no telephone number such as +49301234");
            return self.done(serial, Err(why));
        }
        self.command(serial, call, What::Dial { gateway, number: number.to_owned() });
    }

    fn answer(&mut self, serial: Option<Serial>, call: CallId) {
        let Some(line) = self.lines.get(&call) else {
            return self.done(serial, Err(GONE));
        };
        let what = match line.state {
            State::Waiting => What::HoldAndAnswer { gateway: line.gateway.clone() },
            State::Incoming => What::Answer { line: line.path.clone() },
            State::Active | State::Held => return self.done(serial, Ok(())),
            State::Dialing | State::Alerting => {
                return self.done(serial, Err(Refused::because("this call is an outgoing one")));
            }
        };
        self.command(serial, call, what);
    }

    fn hang_up(&mut self, serial: Option<Serial>, call: CallId) {
        match self.lines.get_mut(&call) {
            // Whoever wanted it ended has what they wanted.
            None => self.done(serial, Ok(())),
            Some(line) => {
                line.is_ending = true;
                let line = line.path.clone();
                self.command(serial, call, What::HangUp { line });
            }
        }
    }

    fn hold(&mut self, now: Duration, serial: Option<Serial>, call: CallId, held: bool) {
        let Some(line) = self.lines.get(&call) else {
            return self.done(serial, Err(GONE));
        };
        let (state, gateway) = (line.state, line.gateway.clone());
        let waits = self.beside(call, State::Waiting);
        match (state, held) {
            (State::Active, true) if waits => {
                self.put_off = Some((call, now + PUT_OFF));
                self.done(serial, Ok(()));
            }
            (State::Held, false) if waits => {
                let why = "a call waits: answer or decline it first, the network cannot otherwise";
                self.done(serial, Err(Refused::because(why)));
            }
            (State::Active, true) | (State::Held, false) => {
                self.command(serial, call, What::Swap { gateway });
            }
            (State::Held, true) => self.done(serial, Ok(())),
            (State::Active, false) => {
                self.put_off = self.put_off.filter(|(put_off, _)| *put_off != call);
                self.done(serial, Ok(()));
            }
            (State::Dialing | State::Alerting | State::Incoming | State::Waiting, _) => {
                self.done(serial, Err(Refused::because("nobody talks on this call yet")));
            }
        }
    }

    fn about(
        &mut self,
        serial: Option<Serial>,
        call: CallId,
        what: impl FnOnce(Path, Path) -> What,
    ) {
        match self.lines.get(&call) {
            Some(line) => {
                let what = what(line.gateway.clone(), line.path.clone());
                self.command(serial, call, what);
            }
            None => self.done(serial, Err(GONE)),
        }
    }
}

impl World for Cell {
    type Event = Event;
    type Command = Command;

    fn profile(&self) -> Option<Profile> {
        let (_, name) = self.gateways.first_key_value()?;
        let name = if name.is_empty() { self.kind.name.to_owned() } else { text::plain(name) };
        let (id, icon) = (self.kind.id, self.kind.icon);
        // Six may be joined, and one more held and one waiting (3GPP TS 22.084).
        Some(Profile { id, name, icon, scheme: "tel", max_calls: 8 })
    }

    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.jobs.is_empty()
    }

    fn handle_event(&mut self, _now: Duration, event: Event, fresh: CallId) {
        match event {
            Event::Gateway(path, name) => {
                if self.gateways.len() < MOST_GATEWAYS || self.gateways.contains_key(&path) {
                    self.gateways.insert(path, name);
                }
            }
            Event::Renamed(path, name) => {
                if let Some(known) = self.gateways.get_mut(&path) {
                    *known = name;
                }
            }
            Event::GatewayGone(path) => self.gateway_gone(&path),
            Event::Seen(seen) => self.seen(seen, fresh),
            Event::State(path, state) => {
                if let Some(call) = self.by_path(&path) {
                    self.moved(call, state);
                }
            }
            Event::RemoteHeld(path, held) => {
                if let Some(call) = self.by_path(&path) {
                    self.tell(News::Changed(call, Change::RemoteHeld(held)));
                }
            }
            Event::Ended(path, why) => self.ended(&path, why),
            Event::Replied(ticket, result) => self.replied(ticket, result),
        }
    }

    fn handle_order(&mut self, now: Duration, order: Order) {
        let Order { serial, call, action } = order;
        match action {
            Action::Start { remote, .. } => self.dial(serial, call, remote.value()),
            Action::Answer { .. } => self.answer(serial, call),
            Action::End(_) => self.hang_up(serial, call),
            Action::SetHeld(held) => self.hold(now, serial, call, held),
            Action::PlayDtmf(tones) if text::is_tones(&tones) => {
                self.about(serial, call, |gateway, line| What::Tones { gateway, line, tones });
            }
            Action::PlayDtmf(_) => {
                self.done(serial, Err(Refused::because("tones: 0-9, *, #, A-D are expected")));
            }
            Action::SetGroup(Some(_)) => {
                self.about(serial, call, |gateway, line| What::Join { gateway, line });
            }
            Action::SetGroup(None) => {
                self.about(serial, call, |gateway, line| What::Part { gateway, line });
            }
            Action::SetMuted(_)
            | Action::SetVideo(_)
            | Action::SwitchCamera(_)
            | Action::SetLocalSilence(_)
            | Action::SetEndpoint(_)
            | Action::SetScreenShare(_)
            | Action::SendText(_)
            | Action::Transfer(_) => {
                self.done(serial, Err(Refused::because("a telephone cannot do this from here")));
            }
        }
    }

    fn handle_given_up(&mut self, serial: Serial) {
        let mut over = Vec::new();
        for job in self.jobs.values_mut().filter(|job| job.serial == Some(serial)) {
            job.serial = None;
            if matches!(job.what, What::Answer { .. } | What::HoldAndAnswer { .. }) {
                over.push(job.call);
            }
        }
        for (call, line) in &mut self.lines {
            if line.answering == Some(serial) {
                line.answering = None;
                over.push(*call);
            }
        }
        for call in over {
            self.hang_up(None, call);
        }
    }

    fn handle_unwanted(&mut self, _now: Duration, call: CallId) {
        self.hang_up(None, call);
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.put_off.map(|(_, until)| until)
    }

    fn handle_timeout(&mut self, now: Duration) {
        if let Some((call, _)) = self.put_off.take_if(|(_, until)| *until <= now) {
            // No answer came: nobody is held, and everyone is to see that.
            self.tell(News::Changed(call, Change::Held(false)));
        }
    }

    fn poll_output(&mut self) -> Option<Output<Command>> {
        self.out.pop_front()
    }
}
