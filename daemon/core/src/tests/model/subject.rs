//! The engine under the model: carries transitions out, counts what must be exactly one, compares.

#![expect(clippy::wildcard_enum_match_arm, reason = "what matters is named, the rest is the rest")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use proptest_state_machine::StateMachineTest;

use super::{
    Model,
    reference::{self, Presence, Transition, World},
};
use crate::{
    call::{CallView, Marks, NameSource, Party},
    engine::{Command, CommandId, Engine, Output, PerformError, Registration},
    id::{CallId, GroupId, Handle, Now, ProviderId, SenderId, Serial},
    provider::{Capability, Encryption, NewCall, Progress, Report, Resume, Update},
    tests::world::Seeded,
    written::Written,
};

pub(super) struct Subject {
    engine: Engine,
    now: Now,
    /// Actions that are out, by call.
    out: BTreeMap<CallId, Serial>,
    /// Commands without an answer.
    waiting: BTreeSet<CommandId>,
    next_command: u64,
    /// Rows of the log: call and what became of it.
    rows: HashMap<String, &'static str>,
    /// Providers that may use microphone and speaker, as they were told.
    audio: BTreeSet<ProviderId>,
    refused: bool,
    /// Calls so far; their ids count up.
    calls: usize,
    /// Calls as whoever shows them has them: looked at when they are said to have changed.
    shown: HashMap<CallId, CallView>,
    /// Calls whose app took or resumed them by itself since a wish last made way.
    by_app: BTreeSet<CallId>,
    /// What `by_app` was when a wish went out that makes way, should it fail.
    forgiven: BTreeMap<CommandId, BTreeSet<CallId>>,
    /// What is to have ended when a command is answered.
    to_end: BTreeMap<CommandId, Vec<CallId>>,
}

fn provider(number: usize) -> ProviderId {
    format!("p{number}").parse().unwrap()
}

fn call(number: usize) -> CallId {
    CallId([u8::try_from(number + 1).unwrap(); 16])
}

fn party(provider: usize, number: usize) -> Party {
    Party {
        handle: Handle::new(&format!("p{provider}"), &number.to_string()).unwrap(),
        name: String::new(),
        source: NameSource::None,
        contact: None,
        marks: Marks::default(),
    }
}

impl Subject {
    fn register(&mut self, number: usize) -> bool {
        let registration = Registration {
            schemes: vec![format!("p{number}")],
            hold: true,
            ..Registration::new(provider(number))
        };
        self.engine.register(self.now, registration).is_ok()
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            self.take(output);
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Reply(id, result) => {
                assert!(self.waiting.remove(&id), "a command is answered once");
                // Others that wait may hear something, too; the newest one's own word counts.
                self.refused |= result.is_err() && id.0 == self.next_command;
                let before = self.forgiven.remove(&id);
                if result.is_err() {
                    self.by_app.extend(before.into_iter().flatten());
                }
                let ends = self.to_end.remove(&id).unwrap_or_default();
                let over = |call: &CallId| !self.is_live(*call);
                assert!(result.is_err() || ends.iter().all(over), "answered before all has ended");
            }
            Output::Perform { provider, serial, call, .. } => {
                let before = self.out.insert(call, serial);
                assert!(before.is_none(), "one action a call");
                let known = self.engine.call(call).unwrap();
                assert_eq!(known.provider(), &provider);
                let pending = known.view().pending_action;
                let needs = matches!(pending, "start" | "answer");
                assert!(!needs || self.audio.contains(&provider), "{pending} before audio");
            }
            Output::ActionFinished { serial, call, .. } => {
                assert_eq!(self.out.remove(&call), Some(serial), "an action ends once");
            }
            Output::TimedOut(_, serial) => {
                assert!(self.out.values().any(|out| *out == serial));
            }
            Output::Audio { provider, active, .. } => {
                let changed =
                    if active { self.audio.insert(provider) } else { self.audio.remove(&provider) };
                assert!(changed, "audio is told of when it changes");
            }
            Output::Added(id) | Output::Changed(id) => {
                // One that went in the same step is shown no more.
                let view = self.engine.call(id).map(crate::call::Call::view);
                self.shown.extend(view.map(|view| (id, view)));
            }
            Output::Removed(id) => _ = self.shown.remove(&id),
            Output::Log(row) => {
                self.rows.insert(row.id, row.outcome.as_str());
            }
            Output::ProviderAdded(_)
            | Output::ProviderRemoved(_)
            | Output::GroupAdded(_)
            | Output::GroupChanged(_)
            | Output::GroupRemoved(_)
            | Output::Text(..)
            | Output::Missed(_)
            | Output::Cue(_) => {}
        }
    }

    fn is_live(&self, call: CallId) -> bool {
        self.engine.call(call).is_some_and(|call| !call.state().is_ended())
    }

    /// Whether a wish opens a microphone, and so is to close every other one.
    fn opens(&self, command: &Command) -> bool {
        let held = |call: &CallId| self.engine.call(*call).is_some_and(|call| call.flags().held);
        match command {
            Command::Start { .. }
            | Command::Answer { .. }
            | Command::SetHeld(_, false)
            | Command::GroupSetHeld(_, false) => true,
            Command::PressPrimary => {
                // One that is being declined rings on for whoever is asked, not for the button.
                let rings = |call: &crate::call::Call| {
                    call.is_ringing() && !call.is_ending() && !self.engine.is_declined(call)
                };
                self.engine.calls().any(rings)
            }
            Command::Merge(one, two) => !(held(one) && held(two)),
            Command::Split(call) => !held(call),
            _ => false,
        }
    }

    fn command(&mut self, command: Command) {
        self.next_command += 1;
        let id = CommandId(self.next_command);
        self.waiting.insert(id);
        self.refused = false;
        if self.opens(&command) {
            self.forgiven.insert(id, std::mem::take(&mut self.by_app));
        }
        if let Command::EndAll = command {
            let live = self.engine.calls().map(crate::call::Call::id);
            self.to_end.insert(id, live.filter(|call| self.is_live(*call)).collect());
        }
        self.engine.handle_command(self.now, id, command);
        self.drain();
    }

    fn pass(&mut self, time: u64) {
        let end = self.now.mono + Duration::from_millis(time);
        while let Some(due) = self.engine.next_timeout().filter(|due| *due <= end) {
            // One that something else held up is due at once.
            self.wait(due.max(self.now.mono));
            self.engine.handle_timeout(self.now);
            let next = self.engine.next_timeout();
            assert!(next.is_none_or(|at| at > self.now.mono), "a timer that stays due");
            self.drain();
        }
        self.wait(end);
    }

    fn wait(&mut self, until: Duration) {
        self.now.unix_us += u64::try_from((until - self.now.mono).as_micros()).unwrap();
        self.now.mono = until;
    }

    fn new_call(&mut self, provider: usize, can: reference::Can, log: bool) -> NewCall {
        let all = [
            (can.hold, Capability::Hold),
            (can.mute, Capability::Mute),
            (can.merge, Capability::Merge),
            (can.text, Capability::Text),
        ];
        NewCall {
            call: call(self.calls),
            party: party(provider, self.calls),
            video: false,
            capabilities: all.into_iter().filter_map(|(can, what)| can.then_some(what)).collect(),
            encryption: Encryption::None,
            log,
            resume: None,
        }
    }

    fn report(&mut self, provider_number: usize, report: Report) -> bool {
        let provider = provider(provider_number);
        self.engine.handle_report(self.now, &provider, report).is_ok()
    }

    /// A call came to be, where the engine took it.
    fn created(&mut self, taken: bool) -> bool {
        self.calls += usize::from(taken);
        taken
    }

    fn provider_of(&self, id: usize) -> usize {
        let call = self.engine.call(call(id)).unwrap();
        call.provider().as_str()[1..].parse().unwrap()
    }

    /// The call in the state that the engine has of it, as its app would take it up.
    fn resume(&mut self, id: usize) -> bool {
        let known = self.engine.call(call(id)).unwrap().view();
        let under = |progress| Resume::Under(progress, 0);
        let resume = match known.state {
            "ringing" | "answering" => Resume::Ringing,
            "requested" | "dialing" => under(Progress::Dialing),
            other => under(Progress::from_name(other).unwrap_or(Progress::Active)),
        };
        let provider = self.provider_of(id);
        let mut new = self.new_call(provider, reference::Can::default(), true);
        new.call = call(id);
        new.resume = Some(resume);
        let report = if known.direction == "incoming" {
            Report::Incoming { new, expires_at: 0 }
        } else {
            Report::Outgoing(new)
        };
        self.report(provider, report)
    }

    /// Keeps in mind what an app opens or closes by itself.
    fn note(&mut self, transition: &Transition, before: &str) {
        match *transition {
            Transition::Outgoing { .. } => _ = self.by_app.insert(call(self.calls - 1)),
            Transition::Resume(id) | Transition::HeldThere(id, false) => {
                self.by_app.insert(call(id));
            }
            Transition::Progress(id, _) if before == "ringing" => {
                self.by_app.insert(call(id));
            }
            _ => {}
        }
    }

    fn state(&self, transition: &Transition) -> &'static str {
        match *transition {
            Transition::Progress(id, _) => {
                self.engine.call(call(id)).map_or("", |call| call.state().as_str())
            }
            _ => "",
        }
    }

    /// At most one call, or one group, has a microphone that the service opened.
    fn check_microphones(&self) {
        if !self.engine.is_settled() {
            return;
        }
        let open = |call: &&crate::call::Call| {
            call.is_engaged() && !call.flags().held && !call.is_orphan()
        };
        let mut talks: BTreeMap<Option<GroupId>, Vec<CallId>> = BTreeMap::new();
        for call in self.engine.calls().filter(open) {
            talks.entry(call.group()).or_default().push(call.id());
        }
        let alone = talks.remove(&None).unwrap_or_default();
        let alone = alone.into_iter().map(|call| vec![call]);
        // Who joins a call that its app opened is open by that app's doing.
        let by_app = |calls: &Vec<CallId>| calls.iter().any(|call| self.by_app.contains(call));
        let ours: Vec<_> = alone.chain(talks.into_values()).filter(|c| !by_app(c)).collect();
        assert!(ours.len() <= 1, "several microphones are open: {ours:?}");
    }

    /// Whatever providers do. `None`: it is a command.
    fn provider_does(&mut self, transition: &Transition) -> Option<bool> {
        let done = match *transition {
            Transition::Register(number) => self.register(number),
            Transition::Unregister(number) => {
                self.engine.unregister(self.now, &provider(number)).is_ok()
            }
            Transition::Lose(number) => {
                self.engine.provider_lost(self.now, &provider(number));
                true
            }
            Transition::Incoming { provider, can, log } => {
                let new = self.new_call(provider, can, log);
                let taken = self.report(provider, Report::Incoming { new, expires_at: 0 });
                self.created(taken)
            }
            Transition::Outgoing { provider, can, log } => {
                let new = self.new_call(provider, can, log);
                let taken = self.report(provider, Report::Outgoing(new));
                self.created(taken)
            }
            Transition::Resume(id) => self.resume(id),
            Transition::Progress(id, state) => {
                let progress = Progress::from_name(state)?;
                let report = Report::Progress { call: call(id), progress, at: 0 };
                self.report(self.provider_of(id), report)
            }
            Transition::Ended(id, reason) => {
                let text = String::new();
                let report = Report::Ended { call: call(id), reason, text, at: 0 };
                self.report(self.provider_of(id), report)
            }
            Transition::HeldThere(id, held) => {
                let update = Update { held: Some(held), ..Update::default() };
                self.report(self.provider_of(id), Report::Update { call: call(id), update })
            }
            Transition::Fulfil(id) => self.perform(id, Ok(())),
            Transition::Fail(id) => self.perform(id, Err(PerformError("no".into()))),
            Transition::Pass(time) => {
                self.pass(time);
                true
            }
            Transition::Start(_)
            | Transition::Answer(_)
            | Transition::Decline(_)
            | Transition::DeclineWith(_)
            | Transition::HangUp(_)
            | Transition::SetHeld(..)
            | Transition::SetMuted(..)
            | Transition::Merge(..)
            | Transition::Split(_)
            | Transition::GroupHold(..)
            | Transition::GroupHangUp(_)
            | Transition::EndAll
            | Transition::Primary
            | Transition::Secondary
            | Transition::SilenceRinger => return None,
        };
        Some(done)
    }

    fn perform(&mut self, id: usize, result: Result<(), PerformError>) -> bool {
        let serial = self.out[&call(id)];
        self.engine.handle_performed(self.now, serial, result);
        true
    }

    fn controller_does(&mut self, transition: &Transition) {
        let group = |id: usize| self.engine.call(call(id)).unwrap().group().unwrap();
        let command = match *transition {
            Transition::Start(number) => Command::Start {
                sender: SenderId(1),
                provider: Some(provider(number)),
                party: party(number, self.calls),
                video: false,
                id: Some(call(self.calls)),
            },
            Transition::Answer(id) => Command::Answer { call: call(id), video: false },
            Transition::Decline(id) => Command::Decline(call(id), None),
            Transition::DeclineWith(id) => {
                let written = Written::new("Later".to_owned(), true).unwrap();
                Command::Decline(call(id), Some(written))
            }
            Transition::HangUp(id) => Command::HangUp(call(id)),
            Transition::SetHeld(id, held) => Command::SetHeld(call(id), held),
            Transition::SetMuted(id, muted) => Command::SetMuted(call(id), muted),
            Transition::Merge(id, other) => Command::Merge(call(id), call(other)),
            Transition::Split(id) => Command::Split(call(id)),
            Transition::GroupHold(id, held) => Command::GroupSetHeld(group(id), held),
            Transition::GroupHangUp(id) => Command::GroupHangUp(group(id)),
            Transition::EndAll => Command::EndAll,
            Transition::SilenceRinger => Command::SilenceRinger,
            Transition::Primary => Command::PressPrimary,
            Transition::Secondary => Command::PressSecondary,
            Transition::Register(_)
            | Transition::Unregister(_)
            | Transition::Lose(_)
            | Transition::Incoming { .. }
            | Transition::Outgoing { .. }
            | Transition::Resume(_)
            | Transition::Progress(..)
            | Transition::Ended(..)
            | Transition::HeldThere(..)
            | Transition::Fulfil(_)
            | Transition::Fail(_)
            | Transition::Pass(_) => unreachable!("a provider does it"),
        };
        let starts = matches!(command, Command::Start { .. });
        self.command(command);
        self.calls += usize::from(starts && !self.refused);
    }

    fn compare_calls(&self, world: &World) {
        for (id, expected) in world.calls.iter().enumerate() {
            let Some(real) = self.engine.call(call(id)) else {
                assert!(expected.removed, "call {id} is gone too early");
                continue;
            };
            assert!(!expected.removed, "call {id} is still there");
            let view = real.view();
            assert_eq!(self.shown.get(&call(id)), Some(&view), "a change of {id} that nobody told");
            let pending = expected.out.map_or("", |out| out.act.name());
            assert_eq!((view.state, view.end_reason.0), (expected.state, expected.reason), "{id}");
            assert_eq!(view.pending_action, pending, "{id}");
            let flags = (view.flags.held, view.flags.muted, view.flags.silenced);
            assert_eq!(flags, (expected.held, expected.muted, expected.silenced), "{id}");
            assert_eq!(view.flags.waiting, expected.waiting, "waiting of {id}");
            assert_eq!(view.group.is_some(), expected.group.is_some(), "group of {id}");
            assert_eq!(self.out.contains_key(&call(id)), expected.out.is_some(), "{id}");
            self.check_ring(world, id);
            self.check_row(world, id);
        }
    }

    fn check_ring(&self, world: &World, id: usize) {
        let expected = &world.calls[id];
        // The cap, and then 5 s for a step before it and 5 s for the end itself.
        let longest = reference::RING + 2 * reference::ACTION;
        let age = world.now - expected.created;
        assert!(expected.state != "ringing" || age <= longest, "call {id} rings for ever");
    }

    fn check_row(&self, world: &World, id: usize) {
        let row = self.rows.get(&call(id).to_string());
        assert_eq!(row.is_some(), world.calls[id].log, "row of {id}");
        if let Some(outcome) = row {
            assert_eq!(*outcome == "ongoing", world.is_live(id), "row of {id}");
        }
    }

    fn compare_groups(&self, world: &World) {
        let mut seen = BTreeSet::new();
        for group in self.engine.groups() {
            assert!(group.calls.len() >= 2, "a group of one");
            for member in &group.calls {
                let number = usize::from(member.0[0]) - 1;
                let known = self.engine.call(*member).unwrap();
                assert!(known.is_active() && *known.provider() == group.provider);
                assert!(seen.insert(number), "in two groups");
                let first = usize::from(group.calls[0].0[0]) - 1;
                assert_eq!(world.calls[number].group, world.calls[first].group);
            }
        }
        let grouped = world.calls.iter().filter(|call| call.group.is_some()).count();
        assert_eq!(seen.len(), grouped);
    }
}

impl StateMachineTest for Subject {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(world: &World) -> Self {
        let mut subject = Self {
            engine: Engine::new(Box::new(Seeded(3))),
            now: Now { mono: Duration::ZERO, unix_us: 1_800_000_000_000_000 },
            out: BTreeMap::new(),
            waiting: BTreeSet::new(),
            next_command: 0,
            rows: HashMap::new(),
            audio: BTreeSet::new(),
            refused: false,
            calls: 0,
            shown: HashMap::new(),
            by_app: BTreeSet::new(),
            forgiven: BTreeMap::new(),
            to_end: BTreeMap::new(),
        };
        for (number, presence) in world.providers.iter().enumerate() {
            if *presence == Presence::Here {
                subject.register(number);
            }
        }
        subject
    }

    fn apply(mut subject: Self, world: &World, transition: Transition) -> Self {
        let before = subject.state(&transition);
        match subject.provider_does(&transition) {
            Some(done) => {
                if done {
                    subject.note(&transition, before);
                }
                subject.drain();
                subject.refused = !done;
            }
            None => subject.controller_does(&transition),
        }
        assert_eq!(subject.refused, world.refused, "{transition:?} refused");
        subject
    }

    fn check_invariants(subject: &Self, world: &World) {
        subject.compare_calls(world);
        subject.compare_groups(world);
        subject.check_microphones();
        let aloud = |call: &&crate::call::Call| {
            call.is_ringing() && !call.flags().silenced && !call.flags().waiting
        };
        assert!(subject.engine.calls().filter(aloud).count() <= 1, "two ring aloud");
        for number in 0..world.providers.len() {
            let told = subject.audio.contains(&provider(number));
            assert_eq!(told, world.has_audio(number), "audio of {number}");
        }
        let due = subject.engine.next_timeout();
        assert_eq!(due, world.next_due().map(Duration::from_millis), "what is due next");
    }

    /// Time passes and nobody does anything: all ends that has an end of its own.
    fn teardown(mut subject: Self, _: World) {
        subject.command(Command::EndAll);
        subject.pass(100_000);
        assert_eq!(subject.engine.calls().count(), 0);
        assert!(subject.engine.is_settled() && subject.engine.groups().count() == 0);
        assert!(subject.out.is_empty() && subject.audio.is_empty());
        assert!(subject.waiting.is_empty(), "a command without an answer");
        assert!(subject.rows.values().all(|outcome| *outcome != "ongoing"));
    }
}
