//! Arbitration: one call, or one group, is talked in at a time.
//!
//! Owns: which calls are in the way of one that is to be talked in, and what becomes of them. Does
//! not own: how stages run (`transaction`), what an app does in its own window. Invariant: a wish
//! that opens a microphone asks for it only after every other one is closed or on its way out, and
//! two such wishes are never under way together. An app that takes or resumes a call by itself is
//! not stopped: its own user did that; the next wish makes way for it like for any other.

use std::collections::BTreeSet;

use super::{
    CommandError, CommandId, Engine, Reply,
    transaction::{Order, Stage},
};
use crate::{
    call::Call,
    id::{CallId, GroupId, Now},
    provider::{Action, Capability},
};

/// What may become of a call that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is held, or hung up where it cannot be: who answers wants the new call.
    HoldOrEnd,
    /// It is held, or the wish is refused: nobody hangs up by dialling, resuming or merging.
    Hold,
}

impl Action {
    /// Whether it gives its call a microphone.
    pub(super) const fn opens(&self) -> bool {
        match self {
            Self::Start { .. } | Self::Answer { .. } | Self::SetHeld(false) => true,
            Self::End(_)
            | Self::SetHeld(true)
            | Self::SetMuted(_)
            | Self::SetVideo(_)
            | Self::SetGroup(_)
            | Self::SwitchCamera(_)
            | Self::SetLocalSilence(_)
            | Self::SetEndpoint(_)
            | Self::SetScreenShare(_)
            | Self::SendText(_)
            | Self::PlayDtmf(_)
            | Self::Transfer(_) => false,
        }
    }
}

impl Call {
    /// Whether it is talked in, or will be as soon as its provider has resumed it.
    pub(super) fn is_open(&self) -> bool {
        let resumes =
            self.pending.as_ref().is_some_and(|out| matches!(out.action, Action::SetHeld(false)));
        self.is_engaged() && (!self.flags.held || resumes)
    }
}

impl Engine {
    /// The calls that would be talked in beside these.
    pub(super) fn in_the_way(&self, of: &[CallId]) -> Vec<&Call> {
        let coming = self.to_be_opened();
        let blocks = |call: &&Call| {
            let gives_way = call.is_ending() || call.is_orphan();
            let open = call.is_open() && !gives_way;
            !of.contains(&call.id) && (open || coming.contains(&call.id))
        };
        self.live().filter(blocks).collect()
    }

    /// Closes what is in the way.
    pub(super) fn make_way(&self, of: &[CallId], way: Way) -> Result<Stage, CommandError> {
        let coming = self.to_be_opened();
        let mut stage = Vec::new();
        for call in self.in_the_way(of) {
            let holds = call.is_active() && call.can(Capability::Hold);
            let action = match way {
                _ if coming.contains(&call.id) => return Err(CommandError::InvalidState),
                Way::HoldOrEnd if !holds => Action::End(Self::hang_up_reason(call)),
                Way::Hold if !holds => return Err(CommandError::InTheWay(call.id)),
                _ if self.is_busy(call) => return Err(CommandError::InvalidState),
                Way::HoldOrEnd | Way::Hold => Action::SetHeld(true),
            };
            stage.push(Order { call: call.id, action });
        }
        Ok(stage)
    }

    /// Calls that a wish under way will open once its first steps are done.
    fn to_be_opened(&self) -> BTreeSet<CallId> {
        let orders = self.planned().filter(|order| order.action.opens());
        orders.map(|order| order.call).collect()
    }

    /// Whether something is done or to be done with a call that another wish must not cross.
    pub(super) fn is_busy(&self, call: &Call) -> bool {
        let joined = |other: &Call| {
            let out = other.pending.as_ref().map(|out| &out.action);
            out == Some(&Action::SetGroup(Some(call.id)))
        };
        call.pending.is_some() || self.is_planned(call.id) || self.calls.values().any(joined)
    }

    /// Whether one of these is busy.
    pub(super) fn any_busy(&self, calls: &[CallId]) -> bool {
        calls.iter().filter_map(|id| self.calls.get(id)).any(|call| self.is_busy(call))
    }

    /// These and all that are talked to together with them.
    pub(super) fn with_mates(&self, ids: &[CallId]) -> Vec<CallId> {
        let group = |id: &CallId| self.calls.get(id).and_then(Call::group);
        let groups: BTreeSet<GroupId> = ids.iter().filter_map(group).collect();
        let together = |call: &&Call| {
            ids.contains(&call.id) || call.group.is_some_and(|g| groups.contains(&g))
        };
        self.calls.values().filter(together).map(Call::id).collect()
    }

    /// Holds or resumes calls together; whatever else is talked in is held before these resume.
    pub(super) fn set_held(
        &mut self,
        now: Now,
        waiter: CommandId,
        ids: &[CallId],
        held: bool,
    ) -> Result<(), CommandError> {
        for id in ids {
            let call = self.find(*id)?;
            if !call.can(Capability::Hold) {
                return Err(CommandError::NotSupported);
            }
            if !call.is_active() || self.is_busy(call) {
                return Err(CommandError::InvalidState);
            }
        }
        let mut stages = Vec::new();
        if !held {
            let together = self.with_mates(ids);
            // One that is leaving the group would be talked in beside it.
            if self.any_busy(&together) {
                return Err(CommandError::InvalidState);
            }
            let way = self.make_way(&together, Way::Hold);
            // To resume is not to hang up; as for every wish that calls of this kind cannot have.
            if matches!(way, Err(CommandError::InTheWay(_))) {
                return Err(CommandError::NotSupported);
            }
            stages.push(way?);
        }
        let order = |id: &CallId| Order { call: *id, action: Action::SetHeld(held) };
        stages.push(ids.iter().map(order).collect());
        self.begin(now, Some(waiter), Reply::Done, stages);
        Ok(())
    }

    pub(super) fn group_hold(
        &mut self,
        now: Now,
        waiter: CommandId,
        group: GroupId,
        held: bool,
    ) -> Result<(), CommandError> {
        let members = self.group_members(group)?;
        self.set_held(now, waiter, &members, held)
    }
}
