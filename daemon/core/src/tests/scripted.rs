//! An app as the contract wants it, in the place of a real one: it fulfils what it is asked for and
//! reports what the other side does.

use std::{collections::HashMap, time::Duration};

use super::{conformance::Rig, world::Seeded};
use crate::{
    call::{EndReason, Marks, NameSource, Party, State},
    engine::{Command, CommandError, CommandId, Engine, Output, Registration, Reply, Reported},
    id::{CallId, Handle, Now, ProviderId, SenderId, Serial},
    provider::{Action, Capability, Encryption, NewCall, Progress, Report, Update},
    written::Written,
};

pub(super) struct Scripted {
    engine: Engine,
    now: Now,
    replies: HashMap<CommandId, Result<Reply, CommandError>>,
    /// Actions that were asked for and have not finished.
    out: HashMap<Serial, Action>,
    next: u8,
    texts: Vec<Written>,
    /// What it was asked to bring to the other side.
    told: Vec<(CallId, String)>,
}

fn provider() -> ProviderId {
    "org.example.App".parse().unwrap()
}

fn party(who: usize) -> Party {
    Party {
        handle: Handle::new("app", &format!("user{who}")).unwrap(),
        name: "Them".into(),
        source: NameSource::Provider,
        contact: None,
        marks: Marks::default(),
    }
}

/// The same as those of the built-in provider.
fn capabilities() -> std::collections::BTreeSet<Capability> {
    let all = [
        Capability::Hold,
        Capability::Mute,
        Capability::Video,
        Capability::Dtmf,
        Capability::Merge,
        Capability::Endpoints,
        Capability::Text,
    ];
    all.into()
}

impl Scripted {
    pub(super) fn new() -> Self {
        let mut engine = Engine::new(Box::new(Seeded(5)));
        let now = Now { mono: Duration::from_secs(50), unix_us: 1_800_000_000_000_000 };
        let registration = Registration {
            app_id: "org.example.App".into(),
            schemes: vec!["app".into()],
            ..Registration::new(provider())
        };
        engine.register(now, registration).unwrap();
        Self {
            engine,
            now,
            replies: HashMap::new(),
            out: HashMap::new(),
            texts: Vec::new(),
            told: Vec::new(),
            next: 1,
        }
    }

    fn report(&mut self, report: Report) -> Reported {
        let reported = self.engine.handle_report(self.now, &provider(), report).unwrap();
        self.run();
        reported
    }

    fn run(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Perform { serial, call, action, .. } => {
                    assert!(self.out.insert(serial, action.clone()).is_none());
                    self.perform(serial, call, &action);
                }
                Output::ActionFinished { serial, .. } => {
                    assert!(self.out.remove(&serial).is_some(), "an action ends once");
                }
                Output::Reply(id, result) => {
                    assert!(self.replies.insert(id, result).is_none(), "answered twice");
                }
                Output::Text(_, written) => self.texts.push(written),
                Output::TimedOut(..) => panic!("it answers at once"),
                Output::Audio { .. }
                | Output::ProviderAdded(_)
                | Output::ProviderRemoved(_)
                | Output::Added(_)
                | Output::Changed(_)
                | Output::Removed(_)
                | Output::GroupAdded(_)
                | Output::GroupChanged(_)
                | Output::GroupRemoved(_)
                | Output::Log(_)
                | Output::Missed(_)
                | Output::Cue(_) => {}
            }
        }
        assert!(self.out.is_empty(), "every action ends");
    }

    fn perform(&mut self, serial: Serial, call: CallId, action: &Action) {
        let audio = self.engine.has_audio(&provider());
        let needs =
            matches!(action, Action::Start { .. } | Action::Answer { .. } | Action::SetHeld(false));
        assert!(audio || !needs, "{action:?} without audio");
        if let Action::SendText(written) = action {
            self.told.push((call, written.text().to_owned()));
        }
        self.engine.handle_performed(self.now, serial, Ok(()));
        if let Action::Start { .. } = action {
            for progress in [Progress::Dialing, Progress::RemoteRinging] {
                let report = Report::Progress { call, progress, at: 0 };
                self.engine.handle_report(self.now, &provider(), report).unwrap();
            }
            let capabilities = Some(capabilities());
            let update = Update { capabilities, ..Update::default() };
            let report = Report::Update { call, update };
            self.engine.handle_report(self.now, &provider(), report).unwrap();
        }
    }
}

impl Rig for Scripted {
    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn command(&mut self, command: Command) -> Option<Result<Reply, CommandError>> {
        let id = CommandId(u64::from(self.next));
        self.next += 1;
        self.engine.handle_command(self.now, id, command);
        self.run();
        self.replies.remove(&id)
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.engine.next_timeout().filter(|due| *due <= end) {
            self.wait(due.saturating_sub(self.now.mono));
            self.engine.handle_timeout(self.now);
            self.run();
        }
        self.wait(end - self.now.mono);
    }

    fn is_called(&mut self, who: usize) -> CallId {
        let call = CallId([self.next; 16]);
        self.next += 1;
        let new = NewCall {
            call,
            party: party(who),
            video: false,
            capabilities: capabilities(),
            encryption: Encryption::None,
            log: true,
            resume: None,
        };
        self.report(Report::Incoming { new, expires_at: 0 });
        call
    }

    fn calls(&mut self, who: usize) -> CallId {
        let (sender, party) = (SenderId(9), party(who));
        let start = Command::Start { sender, provider: None, party, video: false, id: None };
        match self.command(start) {
            Some(Ok(Reply::Call(call))) => call,
            other => panic!("{other:?}"),
        }
    }

    fn other_answers(&mut self, call: CallId) {
        for progress in [Progress::Connecting, Progress::Active] {
            self.report(Report::Progress { call, progress, at: 0 });
        }
    }

    fn other_ends(&mut self, call: CallId) {
        let state = self.engine.call(call).unwrap().state();
        let reason = match state {
            State::Reported | State::Ringing | State::Answering => EndReason::Cancelled,
            State::Requested | State::Dialing | State::RemoteRinging | State::Connecting => {
                EndReason::Declined
            }
            State::Active { .. } | State::Ended { .. } => EndReason::RemoteHangup,
        };
        self.report(Report::Ended { call, reason, text: String::new(), at: 0 });
    }

    fn other_holds(&mut self, call: CallId, held: bool) {
        let update = Update { remote_held: Some(held), ..Update::default() };
        self.report(Report::Update { call, update });
    }

    fn other_writes(&mut self, call: CallId, written: Written) {
        self.report(Report::Text { call, written });
    }

    /// An app that is wrong about it.
    fn other_forces(&mut self, call: CallId, written: Written) {
        let text = Report::Text { call, written };
        let refused = self.engine.handle_report(self.now, &provider(), text);
        assert_eq!(refused, Err(CommandError::InvalidState));
        self.run();
    }

    fn other_declines(&mut self, call: CallId, why: Written) {
        self.other_writes(call, why);
        self.other_ends(call);
    }

    fn told(&self, call: CallId) -> Vec<String> {
        let theirs = self.told.iter().filter(|(of, _)| *of == call);
        theirs.map(|(_, text)| text.clone()).collect()
    }

    fn texts(&self) -> Vec<Written> {
        self.texts.clone()
    }

    /// An app has whatever it is told of.
    fn has_endpoint(&mut self, _name: &str) {}
}

impl Scripted {
    fn wait(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.unix_us += u64::try_from(time.as_micros()).unwrap();
    }
}
