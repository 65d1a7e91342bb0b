//! Claims about the engine: actions, deadlines, arbitration.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test panics on whatever it did not expect")]

mod audio;
mod declining;
mod groups;
mod limits;
mod losses;
mod reports;
mod transactions;
mod way;

use super::*;
use crate::{
    call::{EndReason, Marks, NameSource, Party},
    id::{Handle, SenderId},
    provider::{Action, Capability, Encryption, NewCall, Progress, Resume, Update},
};

/// Counts up: distinct ids, the same in every run.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.fill(self.0);
    }
}

impl Engine {
    /// Whether nothing is out and nothing waits.
    pub(crate) fn is_settled(&self) -> bool {
        self.serials.is_empty() && self.transactions.is_empty()
    }
}

struct Bench {
    engine: Engine,
    now: Now,
    command: u64,
}

impl Bench {
    fn new() -> Self {
        let mut engine = Engine::new(Box::new(Counting(0)));
        let now = Now { mono: Duration::from_secs(100), unix_us: 1_000_000 };
        let schemes = vec!["ahoy".into()];
        let built_in = Registration::new(ProviderId::built_in());
        engine.register(now, Registration { schemes, ..built_in }).unwrap();
        Self { engine, now, command: 0 }
    }

    fn pass(&mut self, time: Duration) -> Vec<Output> {
        self.now.mono += time;
        self.now.unix_us += u64::try_from(time.as_micros()).unwrap();
        self.engine.handle_timeout(self.now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.engine.poll_output()).collect()
    }

    fn command(&mut self, command: Command) -> (CommandId, Vec<Output>) {
        self.command += 1;
        let id = CommandId(self.command);
        self.engine.handle_command(self.now, id, command);
        (id, self.drain())
    }

    fn report(&mut self, report: Report) -> Vec<Output> {
        let _ = self.engine.handle_report(self.now, &ProviderId::built_in(), report);
        self.drain()
    }

    /// A report of another provider, and what came of it.
    fn tell(
        &mut self,
        provider: &str,
        report: Report,
    ) -> (Result<Reported, CommandError>, Vec<Output>) {
        let provider = provider.parse().unwrap();
        let reported = self.engine.handle_report(self.now, &provider, report);
        (reported, self.drain())
    }

    /// Registers a provider for the scheme of the same name.
    fn register(&mut self, id: &str) {
        let registration = registration(id);
        self.engine.register(self.now, registration).unwrap();
        self.drain();
    }

    /// A call of another provider, active, with these capabilities.
    fn active_of(&mut self, provider: &str, id: u8, capabilities: &[Capability]) -> CallId {
        let call = self.incoming_of(provider, id, capabilities);
        let (reported, _) = self.tell(provider, progress(call, Progress::Active));
        reported.unwrap();
        call
    }

    fn incoming_of(&mut self, provider: &str, id: u8, capabilities: &[Capability]) -> CallId {
        let call = CallId([id; 16]);
        let capabilities = capabilities.iter().copied().collect();
        let new = NewCall { capabilities, ..new_call(call) };
        self.tell(provider, Report::Incoming { new, expires_at: 0 }).0.unwrap();
        call
    }

    /// A command whose actions are fulfilled at once.
    fn done(&mut self, command: Command) -> Vec<Output> {
        let (id, mut out) = self.command(command);
        let mut fulfilled = 0;
        while let Some((serial, ..)) = performs(&out).get(fulfilled).cloned() {
            fulfilled += 1;
            out.extend(self.perform(serial, Ok(())));
        }
        assert!(matches!(reply(&out, id), Some(Ok(_))), "{:?}", reply(&out, id));
        out
    }

    fn flags(&self, call: CallId) -> crate::call::Flags {
        self.engine.call(call).unwrap().flags()
    }

    fn is_shut(&self, provider: &str) -> bool {
        self.engine.attention().shut.iter().any(|id| id.as_str() == provider)
    }

    fn reason(&self, call: CallId) -> &'static str {
        self.engine.call(call).unwrap().view().end_reason.0
    }

    fn perform(&mut self, serial: Serial, result: Result<(), PerformError>) -> Vec<Output> {
        self.engine.handle_performed(self.now, serial, result);
        self.drain()
    }

    fn incoming(&mut self, id: u8) -> CallId {
        let call = CallId([id; 16]);
        let capabilities = [Capability::Mute].into();
        let new = NewCall { video: true, capabilities, ..new_call(call) };
        self.report(Report::Incoming { new, expires_at: 0 });
        call
    }

    fn active(&mut self, id: u8) -> CallId {
        let call = self.incoming(id);
        let (_, out) = self.command(Command::Answer { call, video: false });
        let serial = performs(&out)[0].0;
        self.perform(serial, Ok(()));
        assert_eq!(self.state(call), "active");
        call
    }

    fn state(&self, call: CallId) -> &'static str {
        self.engine.call(call).unwrap().state().as_str()
    }
}

fn registration(id: &str) -> Registration {
    Registration {
        schemes: vec![id.to_lowercase()],
        hold: true,
        ..Registration::new(id.parse().unwrap())
    }
}

fn failed<T>(text: &str) -> Result<T, PerformError> {
    Err(PerformError(text.to_owned()))
}

fn txns(outputs: &[Output]) -> Vec<TxnId> {
    let txn = |output: &Output| match output {
        Output::Perform { txn, .. } => Some(*txn),
        _ => None,
    };
    outputs.iter().filter_map(txn).collect()
}

fn results(outputs: &[Output]) -> Vec<(&'static str, &'static str)> {
    let result = |output: &Output| match output {
        Output::ActionFinished { action, result, .. } => Some((*action, *result)),
        _ => None,
    };
    outputs.iter().filter_map(result).collect()
}

fn new_call(call: CallId) -> NewCall {
    NewCall {
        call,
        party: party(),
        video: false,
        capabilities: [].into(),
        encryption: Encryption::EndToEnd,
        log: true,
        resume: None,
    }
}

fn progress(call: CallId, progress: Progress) -> Report {
    Report::Progress { call, progress, at: 0 }
}

fn ended(call: CallId, reason: EndReason) -> Report {
    Report::Ended { call, reason, text: String::new(), at: 0 }
}

fn start(provider: Option<ProviderId>, party: Party, video: bool) -> Command {
    Command::Start { sender: SenderId::OWN, provider, party, video, id: None }
}

fn party() -> Party {
    Party {
        handle: Handle::new("ahoy", "abc").unwrap(),
        name: "Alice".into(),
        source: NameSource::Contact,
        contact: None,
        marks: Marks::default(),
    }
}

fn performs(outputs: &[Output]) -> Vec<(Serial, CallId, Action)> {
    let perform = |output: &Output| match output {
        Output::Perform { serial, call, action, .. } => Some((*serial, *call, action.clone())),
        _ => None,
    };
    outputs.iter().filter_map(perform).collect()
}

fn reply(outputs: &[Output], id: CommandId) -> Option<Result<Reply, CommandError>> {
    let mut replies = outputs.iter().filter_map(|output| match output {
        Output::Reply(to, result) if *to == id => Some(result.clone()),
        _ => None,
    });
    let first = replies.next();
    assert!(replies.next().is_none(), "a command is answered once");
    first
}

#[test]
fn a_started_call_exists_before_the_provider_is_asked() {
    let mut bench = Bench::new();
    let (id, out) = bench.command(start(None, party(), true));
    let added = out.iter().position(|output| matches!(output, Output::Added(_))).unwrap();
    let asked = out.iter().position(|output| matches!(output, Output::Perform { .. })).unwrap();
    assert!(added < asked);
    let (serial, call, action) = performs(&out)[0].clone();
    assert_eq!(action.name(), "start");
    assert_eq!(bench.state(call), "requested");
    let out = bench.perform(serial, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Call(call))));
    assert_eq!(bench.state(call), "requested");
    bench.report(progress(call, Progress::RemoteRinging));
    assert!(bench.engine.attention().ringback);
    bench.report(progress(call, Progress::Active));
    assert_eq!(bench.state(call), "active");
    bench.report(progress(call, Progress::Dialing));
    assert_eq!(bench.state(call), "active", "never backwards");
}

#[test]
fn an_incoming_call_is_active_only_after_fulfilment() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    assert_eq!(bench.state(call), "ringing");
    assert_eq!(bench.engine.attention().ring, Some(call));
    let (id, out) = bench.command(Command::Answer { call, video: false });
    assert_eq!(bench.state(call), "answering");
    assert_eq!(reply(&out, id), None);
    assert_eq!(bench.engine.attention().ring, None);
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert_eq!(bench.state(call), "active");
}

#[test]
fn the_second_answer_is_superseded() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    bench.command(Command::Answer { call, video: false });
    let (id, out) = bench.command(Command::Answer { call, video: true });
    assert_eq!(reply(&out, id), Some(Err(CommandError::Superseded)));
}

#[test]
fn an_answer_that_times_out_ends_the_call_and_its_late_reply_is_ignored() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    let (id, out) = bench.command(Command::Answer { call, video: false });
    let serial = performs(&out)[0].0;
    let out = bench.pass(Duration::from_secs(20));
    assert_eq!(reply(&out, id), Some(Err(CommandError::Timeout)));
    assert!(out.contains(&Output::TimedOut(ProviderId::built_in(), serial)));
    assert_eq!(bench.engine.call(call).unwrap().view().end_reason.0, "failed");
    assert_eq!(bench.perform(serial, Ok(())), []);
}

#[test]
fn an_end_that_times_out_still_ends_the_call() {
    let mut bench = Bench::new();
    let call = bench.active(1);
    let (id, _) = bench.command(Command::HangUp(call));
    assert_eq!(bench.state(call), "active", "never before fulfilment");
    let out = bench.pass(Duration::from_secs(5));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert_eq!(bench.state(call), "ended");
}

#[test]
fn hanging_up_pre_empts_an_answer_that_is_out() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    let (answer, _) = bench.command(Command::Answer { call, video: false });
    let (hang_up, out) = bench.command(Command::HangUp(call));
    assert_eq!(reply(&out, answer), Some(Err(CommandError::Superseded)));
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, hang_up), Some(Ok(Reply::Done)));
}

#[test]
fn a_ring_ends_by_itself_and_is_missed() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    let out = bench.pass(RING_CAP);
    let (serial, _, action) = performs(&out)[0].clone();
    assert_eq!(action, Action::End(EndReason::Unanswered));
    assert_eq!(bench.engine.call(call).unwrap().view().state, "ringing");
    let out = bench.perform(serial, Ok(()));
    assert!(out.contains(&Output::Missed(call)));
    assert_eq!(bench.engine.attention(), Attention::default());
    let out = bench.pass(LINGER);
    assert!(out.contains(&Output::Removed(call)));
}

#[test]
fn a_shorter_ring_time_counts_and_a_longer_one_is_capped() {
    let mut bench = Bench::new();
    bench.engine.set_ring_time(Duration::from_secs(10));
    bench.incoming(1);
    assert!(performs(&bench.pass(Duration::from_secs(9))).is_empty());
    assert_eq!(performs(&bench.pass(Duration::from_secs(1))).len(), 1);
    let mut bench = Bench::new();
    bench.engine.set_ring_time(Duration::from_secs(600));
    bench.incoming(1);
    assert_eq!(performs(&bench.pass(RING_CAP)).len(), 1);
}

#[test]
fn an_offer_that_is_already_over_makes_a_missed_row_and_no_ring() {
    let mut bench = Bench::new();
    let call = CallId([3; 16]);
    let out = bench.report(Report::Incoming { new: new_call(call), expires_at: 5 });
    assert!(out.contains(&Output::Missed(call)));
    assert_eq!(bench.engine.attention().ring, None);
}

#[test]
fn the_caller_giving_up_beats_an_answer_that_is_out() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    let (id, out) = bench.command(Command::Answer { call, video: false });
    let serial = performs(&out)[0].0;
    let out = bench.report(ended(call, EndReason::Cancelled));
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
    assert!(out.contains(&Output::Missed(call)));
    assert_eq!(bench.perform(serial, Ok(())), []);
}

#[test]
fn a_second_call_waits_and_never_rings() {
    let mut bench = Bench::new();
    let first = bench.incoming(1);
    let second = bench.incoming(2);
    assert!(bench.engine.call(second).unwrap().flags().waiting);
    assert_eq!(bench.engine.attention().ring, Some(first));
    bench.report(ended(first, EndReason::Cancelled));
    assert_eq!(bench.engine.attention().ring, Some(second), "alone now");
}

#[test]
fn answering_beside_a_call_that_cannot_be_held_hangs_that_one_up_first() {
    let mut bench = Bench::new();
    let first = bench.active(1);
    let second = bench.incoming(2);
    let (id, out) = bench.command(Command::Answer { call: second, video: false });
    let (serial, call, action) = performs(&out)[0].clone();
    assert_eq!((call, action), (first, Action::End(EndReason::LocalHangup)));
    let out = bench.perform(serial, Ok(()));
    assert_eq!(bench.state(first), "ended");
    let (serial, call, action) = performs(&out)[0].clone();
    assert_eq!((call, action), (second, Action::Answer { video: false }));
    let out = bench.perform(serial, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert_eq!(bench.state(second), "active");
}

#[test]
fn a_call_without_the_capability_says_so_at_once() {
    let mut bench = Bench::new();
    let call = bench.active(1);
    let (id, out) = bench.command(Command::SetHeld(call, true));
    assert_eq!(reply(&out, id), Some(Err(CommandError::NotSupported)));
    let (id, out) = bench.command(Command::SetMuted(call, true));
    assert!(!bench.engine.call(call).unwrap().flags().muted);
    let out = bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Done)));
    assert!(bench.engine.call(call).unwrap().flags().muted);
}

#[test]
fn a_used_id_is_refused_even_after_its_call_is_gone() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    bench.report(ended(call, EndReason::Cancelled));
    bench.pass(LINGER);
    assert!(bench.engine.call(call).is_none());
    let again = Report::Incoming { new: new_call(call), expires_at: 0 };
    let refused = bench.engine.handle_report(bench.now, &ProviderId::built_in(), again);
    assert_eq!(refused, Err(CommandError::UuidExists));
    assert_eq!(bench.drain(), []);
}

#[test]
fn the_primary_button_answers_then_hangs_up() {
    let mut bench = Bench::new();
    let call = bench.incoming(1);
    let (_, out) = bench.command(Command::PressPrimary);
    bench.perform(performs(&out)[0].0, Ok(()));
    assert_eq!(bench.state(call), "active");
    let (_, out) = bench.command(Command::PressPrimary);
    assert_eq!(performs(&out)[0].2, Action::End(EndReason::LocalHangup));
    let (id, out) = bench.command(Command::PressSecondary);
    assert_eq!(reply(&out, id), Some(Err(CommandError::InvalidState)));
}

#[test]
fn unknown_calls_schemes_and_providers_are_typed_errors() {
    let mut bench = Bench::new();
    let (id, out) = bench.command(Command::HangUp(CallId([9; 16])));
    assert_eq!(reply(&out, id), Some(Err(CommandError::UnknownCall)));
    let tel = Party { handle: Handle::new("tel", "+491").unwrap(), ..party() };
    let (id, out) = bench.command(start(None, tel, false));
    let error = CommandError::NoProviderForScheme("tel".into());
    assert_eq!(reply(&out, id), Some(Err(error)));
    let provider = Some("org.example.None".parse().unwrap());
    let (id, out) = bench.command(start(provider, party(), false));
    assert_eq!(reply(&out, id), Some(Err(CommandError::UnknownProvider)));
}

#[test]
fn calling_someone_who_rings_here_answers_their_call() {
    let mut bench = Bench::new();
    let ringing = bench.incoming(1);
    let start = |party| start(None, party, true);
    let other = Party { handle: Handle::new("ahoy", "xyz").unwrap(), ..party() };
    let (_, out) = bench.command(start(other));
    assert_eq!(performs(&out)[0].2.name(), "start", "somebody else is another call");
    let ours = performs(&out)[0].1;
    bench.report(ended(ours, EndReason::Failed));
    let (id, out) = bench.command(start(party()));
    assert_eq!(reply(&out, id), Some(Ok(Reply::Call(ringing))));
    let (serial, call, action) = performs(&out)[0].clone();
    assert_eq!((call, action), (ringing, Action::Answer { video: true }));
    bench.perform(serial, Ok(()));
    assert_eq!(bench.state(ringing), "active");
}
