//! Transactions: what one wish asks of providers, in order, and the one reply to it.
//!
//! Owns: the stages, what they wait for, how a failure stops them. Does not own: what an action
//! does (`action`) or which stages a wish has (`control`). Invariant: a transaction ends exactly
//! once and then answers its waiter; nothing of a stage goes out before the one before it is
//! fulfilled, but for ends: an end is never held up, whatever failed before it.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{CommandError, CommandId, Engine, Output, Reply};
use crate::{
    call::{Call, EndReason, Pending, State, Step},
    id::{CallId, Now, Serial, TxnId},
    provider::{Action, Capability},
};

/// A whole transaction takes no longer, below the 25 s at which common D-Bus clients give up.
const TRANSACTION: Duration = Duration::from_secs(20);

/// One action to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) call: CallId,
    pub(super) action: Action,
}

impl Order {
    /// Whether a call is part of it.
    fn concerns(&self, call: CallId) -> bool {
        self.call == call || self.action == Action::SetGroup(Some(call))
    }
}

/// The actions of a stage go out together.
pub(super) type Stage = Vec<Order>;

/// What one wish asks for.
pub(super) struct Transaction {
    /// The controller that waits; none where the engine wanted it, or once it is answered.
    waiter: Option<CommandId>,
    reply: Reply,
    until: Duration,
    /// Actions of the present stage that are out.
    out: BTreeSet<Serial>,
    /// Those of it that are not out yet.
    now: VecDeque<Order>,
    /// The stages after it.
    later: VecDeque<Stage>,
    /// What failed first in the present stage.
    failed: Option<CommandError>,
}

impl Transaction {
    fn planned(&self) -> impl Iterator<Item = &Order> {
        self.now.iter().chain(self.later.iter().flatten())
    }

    fn plans(&self, call: CallId) -> bool {
        self.planned().any(|order| order.concerns(call))
    }

    /// What comes now. Where something failed only ends do: nobody keeps a call for that.
    fn next(&mut self) -> Option<Stage> {
        if self.failed.is_none() {
            return self.later.pop_front();
        }
        let is_end = |order: &mut Order| matches!(order.action, Action::End(_));
        let stages = self.later.iter_mut();
        let ends: Stage = stages.flat_map(|stage| stage.extract_if(.., is_end)).collect();
        (!ends.is_empty()).then_some(ends)
    }
}

impl Engine {
    /// Begins a transaction.
    pub(super) fn begin(
        &mut self,
        now: Now,
        waiter: Option<CommandId>,
        reply: Reply,
        stages: Vec<Stage>,
    ) {
        let id = TxnId(self.next_txn);
        self.next_txn += 1;
        let transaction = Transaction {
            waiter,
            reply,
            until: now.mono + TRANSACTION,
            out: BTreeSet::new(),
            now: VecDeque::new(),
            later: stages.into(),
            failed: None,
        };
        self.transactions.insert(id, transaction);
        self.proceed(now, id);
    }

    /// Takes a transaction as far as it goes without somebody's reply.
    fn proceed(&mut self, now: Now, id: TxnId) {
        while let Some(txn) = self.transactions.get_mut(&id) {
            if let Some(order) = txn.now.pop_front() {
                let last = txn.later.is_empty();
                if let Err(error) = self.carry_out(now, id, order, last) {
                    self.fail(id, error);
                }
                continue;
            }
            if !txn.out.is_empty() {
                return;
            }
            if let Some(stage) = txn.next() {
                txn.now = stage.into();
                continue;
            }
            let result = txn.failed.take().map_or(Ok(txn.reply), Err);
            let over = self.transactions.remove(&id);
            if let Some(over) = over {
                self.conclude(now, over, result);
            }
        }
    }

    /// A transaction is over. A call that it was to start, and did not come to, will not be.
    fn conclude(&mut self, now: Now, over: Transaction, result: Result<Reply, CommandError>) {
        if let Err(error) = &result {
            let text = format!("the call before could not be held: {error}");
            let starts = |order: &&Order| matches!(order.action, Action::Start { .. });
            for order in over.later.iter().flatten().filter(starts) {
                self.end_now(now, order.call, EndReason::Failed, &text);
            }
        }
        self.reply(over.waiter, result);
    }

    fn fail(&mut self, id: TxnId, error: CommandError) {
        if let Some(txn) = self.transactions.get_mut(&id) {
            txn.failed.get_or_insert(error);
        }
    }

    /// An action has ended: of the transaction that sent it, and of those that waited for it, too.
    pub(super) fn settle(&mut self, now: Now, serial: Serial, result: Result<(), CommandError>) {
        let waits = |(id, txn): (&TxnId, &Transaction)| txn.out.contains(&serial).then_some(*id);
        for id in self.transactions.iter().filter_map(waits).collect::<Vec<_>>() {
            if let Some(txn) = self.transactions.get_mut(&id) {
                txn.out.remove(&serial);
            }
            if let Err(error) = result.clone() {
                self.fail(id, error);
            }
            self.proceed(now, id);
        }
    }

    /// What is to be done once something else has been done.
    pub(super) fn planned(&self) -> impl Iterator<Item = &Order> {
        self.transactions.values().flat_map(Transaction::planned)
    }

    /// Whether an action is there to let a later one of its transaction happen. A message is not: it
    /// is meant for itself, and the end after it does not need it.
    pub(super) fn makes_way(&self, pending: &Pending) -> bool {
        let message = matches!(pending.action, Action::SendText(_));
        !message && self.transactions.get(&pending.txn).is_some_and(|txn| !txn.later.is_empty())
    }

    /// Whether something is to be done with a call once something else is out of its way.
    pub(super) fn is_planned(&self, call: CallId) -> bool {
        self.transactions.values().any(|txn| txn.plans(call))
    }

    /// Whether a call that rings is being declined: its message is out, its end comes next.
    pub(crate) fn is_declined(&self, call: &Call) -> bool {
        let ends = |order: &Order| order.call == call.id && matches!(order.action, Action::End(_));
        self.planned().any(ends)
    }

    /// Whether a call waits for another to be held before its provider even hears of it.
    pub(super) fn is_unheard_of(&self, call: &Call) -> bool {
        matches!(call.state, State::Requested)
            && call.pending.is_none()
            && self.planned().any(|order| order.call == call.id && order.action.opens())
    }

    /// The call has ended, or is to end: what was planned with it will not be done. Whoever waits
    /// hears so at once; what is out already takes its course.
    pub(super) fn drop_plans(&mut self, call: CallId, error: &CommandError) {
        let mut answers = Vec::new();
        self.transactions.retain(|_, txn| {
            if !txn.plans(call) {
                return true;
            }
            txn.now.retain(|order| !order.concerns(call));
            txn.later.clear();
            txn.failed.get_or_insert(error.clone());
            answers.push(txn.waiter.take());
            // One with nothing out has nobody else who would end it.
            !txn.out.is_empty()
        });
        for waiter in answers {
            self.reply(waiter, Err(error.clone()));
        }
    }

    /// Does one order, as far as it can be done without the provider's reply.
    fn carry_out(
        &mut self,
        now: Now,
        txn: TxnId,
        order: Order,
        last: bool,
    ) -> Result<(), CommandError> {
        if let Some(done) = self.needs_nobody(now, txn, &order, last) {
            return done;
        }
        let Order { call, action } = order;
        if let Action::Answer { video } = action {
            self.answering(now, call, video)?;
        }
        let before = if matches!(action, Action::End(_)) {
            self.drop_plans(call, &CommandError::Superseded);
            self.supersede(call)
        } else {
            None
        };
        self.perform(now, txn, call, action);
        if let Some(before) = before {
            self.superseded(now, &before);
        }
        Ok(())
    }

    /// What an order comes to for which the provider is not asked; `None`: it is.
    fn needs_nobody(
        &mut self,
        now: Now,
        txn: TxnId,
        order: &Order,
        last: bool,
    ) -> Option<Result<(), CommandError>> {
        let Order { call: id, action } = order;
        let ends = matches!(action, Action::End(_));
        let Some(call) = self.calls.get(id).filter(|call| !call.state.is_ended()) else {
            // Gone by itself: out of the way, or ended as was wanted.
            let satisfied = ends || !last;
            return Some(if satisfied { Ok(()) } else { Err(CommandError::InvalidState) });
        };
        match (&call.pending, action) {
            (Some(out), Action::End(_)) if call.is_ending() => {
                let serial = out.serial;
                if let Some(txn) = self.transactions.get_mut(&txn) {
                    txn.out.insert(serial);
                }
                return Some(Ok(()));
            }
            // Meanwhile answered in the app's own window.
            (_, Action::Answer { .. }) if call.is_active() => return Some(Ok(())),
            (Some(_), _) if !ends => return Some(Err(CommandError::InvalidState)),
            (Some(_) | None, _) => {}
        }
        match action {
            Action::SetMuted(muted) if !call.can(Capability::Mute) || call.is_orphan() => {
                Some(self.mute_without_app(*id, *muted))
            }
            Action::End(reason) if call.is_orphan() || self.is_unheard_of(call) => {
                self.drop_plans(*id, &CommandError::Superseded);
                self.end_now(now, *id, *reason, "");
                Some(Ok(()))
            }
            Action::Start { .. }
            | Action::Answer { .. }
            | Action::End(_)
            | Action::SetHeld(_)
            | Action::SetMuted(_)
            | Action::SetVideo(_)
            | Action::PlayDtmf(_)
            | Action::SetGroup(_)
            | Action::SwitchCamera(_)
            | Action::SetLocalSilence(_)
            | Action::SetEndpoint(_)
            | Action::SetScreenShare(_)
            | Action::SendText(_)
            | Action::Transfer(_) => call.is_orphan().then_some(Err(CommandError::ProviderGone)),
        }
    }

    fn mute_without_app(&mut self, id: CallId, muted: bool) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if !self.mutes_here(call) {
            let gone = call.is_orphan();
            return Err(if gone { CommandError::ProviderGone } else { CommandError::NotSupported });
        }
        self.mute_here(id, muted);
        Ok(())
    }

    fn answering(&mut self, now: Now, id: CallId, video: bool) -> Result<(), CommandError> {
        let state = self.calls.get(&id).map(|call| &call.state);
        if matches!(state, Some(State::Answering)) {
            // Asked for again, after the app came back.
            return Ok(());
        }
        if !matches!(state, Some(State::Ringing)) {
            return Err(CommandError::InvalidState);
        }
        self.flag(id, |flags| {
            flags.video = video;
            flags.waiting = false;
        });
        self.advance(now, id, Step::Answer);
        Ok(())
    }

    /// Sends an action out.
    fn perform(&mut self, now: Now, id: TxnId, call: CallId, action: Action) {
        let serial = Serial(self.next_serial);
        self.next_serial = self.next_serial.wrapping_add(1);
        let Some(txn) = self.transactions.get_mut(&id) else {
            return;
        };
        let Some(known) = self.calls.get_mut(&call) else {
            return;
        };
        let deadline = (now.mono + action.deadline()).min(txn.until);
        let provider = known.owner.provider.clone();
        known.pending = Some(Pending { serial, action: action.clone(), deadline, txn: id });
        txn.out.insert(serial);
        self.serials.insert(serial, call);
        self.emit(Output::Changed(call));
        // Before the action: the app connects its media and then fulfils.
        self.focus_audio();
        self.emit(Output::Perform { provider, serial, txn: id, call, action });
    }

    pub(super) fn reply(&mut self, to: Option<CommandId>, result: Result<Reply, CommandError>) {
        if let Some(id) = to {
            self.emit(Output::Reply(id, result));
        }
    }
}
