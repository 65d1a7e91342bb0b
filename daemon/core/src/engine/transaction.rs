//! Transactions: what one wish asks of providers, in order, and the one reply to it.
//!
//! Owns: the stages, what they wait for, how a failure stops them. Does not own: what an action
//! does (`action`) or which stages a wish has (`control`). Invariant: a transaction ends exactly
//! once and then answers its waiter; nothing of a stage goes out before the one before it is
//! fulfilled; an end is never held up.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{CommandError, CommandId, Engine, Output, Reply};
use crate::{
    call::{Pending, State, Step},
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
    fn plans(&self, call: CallId) -> bool {
        self.now.iter().chain(self.later.iter().flatten()).any(|order| order.call == call)
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
            let result = match (txn.failed.take(), txn.later.pop_front()) {
                (Some(error), _) => Err(error),
                (None, None) => Ok(txn.reply),
                (None, Some(stage)) => {
                    txn.now = stage.into();
                    continue;
                }
            };
            let waiter = txn.waiter;
            self.transactions.remove(&id);
            self.reply(waiter, result);
        }
    }

    fn fail(&mut self, id: TxnId, error: CommandError) {
        if let Some(txn) = self.transactions.get_mut(&id) {
            txn.failed.get_or_insert(error);
        }
    }

    /// An action of a transaction has ended.
    pub(super) fn settle(
        &mut self,
        now: Now,
        id: TxnId,
        serial: Serial,
        result: Result<(), CommandError>,
    ) {
        if let Some(txn) = self.transactions.get_mut(&id) {
            txn.out.remove(&serial);
        }
        if let Err(error) = result {
            self.fail(id, error);
        }
        self.proceed(now, id);
    }

    /// Whether an action is there to let a later one of its transaction happen.
    pub(super) fn makes_way(&self, pending: &Pending) -> bool {
        self.transactions.get(&pending.txn).is_some_and(|txn| !txn.later.is_empty())
    }

    /// Whether something is to be done with a call once something else is out of its way.
    pub(super) fn is_planned(&self, call: CallId) -> bool {
        self.transactions.values().any(|txn| txn.plans(call))
    }

    /// The call has ended, or is to end: what was planned with it will not be done. Whoever waits
    /// hears so at once; what is out already takes its course.
    pub(super) fn drop_plans(&mut self, call: CallId, error: &CommandError) {
        let mut answers = Vec::new();
        for txn in self.transactions.values_mut().filter(|txn| txn.plans(call)) {
            txn.now.retain(|order| order.call != call);
            txn.later.clear();
            txn.failed.get_or_insert(error.clone());
            answers.push(txn.waiter.take());
        }
        for waiter in answers {
            self.reply(waiter, Err(error.clone()));
        }
        // One with nothing out has nobody else who would end it.
        self.transactions.retain(|_, txn| !(txn.out.is_empty() && txn.failed.is_some()));
    }

    /// Does one order, as far as it can be done without the provider's reply.
    fn carry_out(
        &mut self,
        now: Now,
        txn: TxnId,
        order: Order,
        last: bool,
    ) -> Result<(), CommandError> {
        let Order { call: id, action } = order;
        let call = self.calls.get(&id).filter(|call| !call.state.is_ended());
        let ends = matches!(action, Action::End(_));
        let Some(call) = call else {
            // Gone by itself: out of the way, or ended as was wanted.
            let satisfied = ends || !last;
            return if satisfied { Ok(()) } else { Err(CommandError::InvalidState) };
        };
        let answers = matches!(action, Action::Answer { .. });
        if ends && call.is_ending() {
            return Ok(());
        }
        if answers && call.is_active() {
            // Meanwhile answered in the app's own window.
            return Ok(());
        }
        if call.pending.is_some() && !ends {
            return Err(CommandError::InvalidState);
        }
        if let Action::SetMuted(muted) = action
            && (!call.can(Capability::Mute) || call.is_orphan())
        {
            if !self.mutes_here(call) {
                let gone = call.is_orphan();
                let why =
                    if gone { CommandError::ProviderGone } else { CommandError::NotSupported };
                return Err(why);
            }
            self.mute_here(id, muted);
            return Ok(());
        }
        if call.is_orphan() {
            if let Action::End(reason) = action {
                self.drop_plans(id, &CommandError::Superseded);
                self.end_now(now, id, reason, "");
                return Ok(());
            }
            return Err(CommandError::ProviderGone);
        }
        if let Action::Answer { video } = action {
            self.answering(now, id, video)?;
        }
        if ends {
            self.drop_plans(id, &CommandError::Superseded);
            self.supersede(now, id);
        }
        self.perform(now, txn, id, action);
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
