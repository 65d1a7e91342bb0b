//! Groups: calls of one provider that are talked to together.
//!
//! Owns: which groups there are and telling of it; merging, splitting. Does not own: mixing.
//! Invariant: a group has two calls or more, all of one provider and none ended. A call knows its
//! group; what a group has is derived from that.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CommandError, CommandId, Engine, Output, Reply,
    transaction::{Order, Stage},
    way::Way,
};
use crate::{
    call::{Call, EndReason},
    id::{CallId, GroupId, Now, ProviderId},
    provider::{Action, Capability},
};

/// Everything the bus shows of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Its number.
    pub id: GroupId,
    /// Whose calls they are.
    pub provider: ProviderId,
    /// The calls in it.
    pub calls: Vec<CallId>,
}

/// Groups as they were told of last.
#[derive(Default)]
pub(super) struct Groups {
    shown: BTreeMap<GroupId, BTreeSet<CallId>>,
    next: u32,
}

impl Groups {
    /// A number that no group has which anybody sees.
    fn number(&mut self) -> GroupId {
        while self.shown.contains_key(&GroupId(self.next)) {
            self.next = self.next.wrapping_add(1);
        }
        let number = GroupId(self.next);
        self.next = self.next.wrapping_add(1);
        number
    }
}

impl Engine {
    /// All groups.
    pub fn groups(&self) -> impl Iterator<Item = GroupView> {
        self.groups.shown.keys().filter_map(|id| self.group(*id))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<GroupView> {
        let calls = self.members(id);
        let provider = self.calls.get(calls.first()?)?.owner.provider.clone();
        Some(GroupView { id, provider, calls })
    }

    pub(super) fn members(&self, id: GroupId) -> Vec<CallId> {
        self.calls.values().filter(|call| call.group == Some(id)).map(Call::id).collect()
    }

    fn memberships(&self) -> BTreeMap<GroupId, BTreeSet<CallId>> {
        let mut all: BTreeMap<GroupId, BTreeSet<CallId>> = BTreeMap::new();
        for call in self.calls.values() {
            if let Some(group) = call.group {
                all.entry(group).or_default().insert(call.id);
            }
        }
        all
    }

    /// Dissolves groups of one and tells what has changed.
    pub(super) fn show_groups(&mut self) {
        let mut all = self.memberships();
        let alone: Vec<GroupId> =
            all.iter().filter(|(_, calls)| calls.len() < 2).map(|(id, _)| *id).collect();
        for call in alone.into_iter().filter_map(|id| all.remove(&id)).flatten() {
            self.set_group(call, None);
        }
        let before = std::mem::replace(&mut self.groups.shown, all.clone());
        for id in before.keys().filter(|id| !all.contains_key(id)) {
            self.emit(Output::GroupRemoved(*id));
        }
        for (id, calls) in &all {
            match before.get(id) {
                None => self.emit(Output::GroupAdded(*id)),
                Some(had) if had != calls => self.emit(Output::GroupChanged(*id)),
                Some(_) => {}
            }
        }
    }

    fn set_group(&mut self, id: CallId, group: Option<GroupId>) {
        if let Some(call) = self.calls.get_mut(&id)
            && call.group != group
        {
            call.group = group;
            self.emit(Output::Changed(id));
        }
    }

    /// The provider has joined `call` to `with`, or taken it out of its group.
    pub(super) fn grouped(&mut self, call: CallId, with: Option<CallId>) {
        let Some(other) = with else {
            self.set_group(call, None);
            self.show_groups();
            return;
        };
        let on = |id| self.calls.get(&id).filter(|call: &&Call| call.is_active());
        let (Some(one), Some(two)) = (on(call), on(other)) else {
            return;
        };
        let group = two.group.or(one.group);
        // Who is joined to somebody is heard by them: what one of them was held for is over.
        let held = one.flags.held && two.flags.held;
        let group = group.unwrap_or_else(|| self.groups.number());
        for id in [call, other] {
            self.set_group(id, Some(group));
        }
        for id in self.members(group) {
            self.flag(id, |flags| flags.held = held);
        }
        self.show_groups();
    }

    pub(super) fn merge(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
        with: CallId,
    ) -> Result<(), CommandError> {
        let (one, two) = (self.find(id)?, self.find(with)?);
        if id == with {
            return Err(CommandError::InvalidArgument("other: it is the same call".to_owned()));
        }
        let can = one.can(Capability::Merge) && two.can(Capability::Merge);
        if !can || one.owner.provider != two.owner.provider {
            return Err(CommandError::NotSupported);
        }
        let members = self.merged(one, two);
        let on = one.is_active() && two.is_active();
        let together = one.group.is_some() && one.group == two.group;
        if !on || together || self.any_busy(&self.with_mates(&[id, with])) {
            return Err(CommandError::InvalidState);
        }
        if one.group.or(two.group).is_none() && !self.room_for_group(&one.owner.provider) {
            return Err(CommandError::LimitReached("groups of this provider (max-groups)"));
        }
        let opens = !(one.flags.held && two.flags.held);
        let way = if opens { self.make_way(&members, Way::Hold)? } else { Stage::new() };
        let join = Order { call: id, action: Action::SetGroup(Some(with)) };
        self.begin(now, Some(waiter), Reply::Done, vec![way, vec![join]]);
        Ok(())
    }

    /// Who will be together once `one` has joined `two`. It leaves the group it is in for theirs.
    fn merged(&self, one: &Call, two: &Call) -> Vec<CallId> {
        let mut all = self.with_mates(&[if two.group.is_some() { two.id } else { one.id }]);
        all.extend([one.id, two.id].into_iter().filter(|id| !all.contains(id)).collect::<Vec<_>>());
        all
    }

    fn room_for_group(&self, provider: &ProviderId) -> bool {
        let theirs = self.groups().filter(|group| group.provider == *provider).count();
        // Two merges may be out at once.
        let coming = self.calls.values().filter(|call| {
            call.owner.provider == *provider
                && call.group.is_none()
                && call
                    .pending
                    .as_ref()
                    .is_some_and(|out| matches!(out.action, Action::SetGroup(Some(_))))
        });
        self.providers
            .get(provider)
            .is_some_and(|known| theirs + coming.count() < known.registration.max_groups)
    }

    pub(super) fn split(
        &mut self,
        now: Now,
        waiter: CommandId,
        id: CallId,
    ) -> Result<(), CommandError> {
        let call = self.find(id)?;
        if !call.can(Capability::Merge) {
            return Err(CommandError::NotSupported);
        }
        if call.group.is_none() || self.any_busy(&self.with_mates(&[id])) {
            return Err(CommandError::InvalidState);
        }
        // Whoever takes one out wants to talk to that one: the others are held before it goes.
        let way = if call.flags.held { Stage::new() } else { self.make_way(&[id], Way::Hold)? };
        let part = Order { call: id, action: Action::SetGroup(None) };
        self.begin(now, Some(waiter), Reply::Done, vec![way, vec![part]]);
        Ok(())
    }

    pub(super) fn group_members(&self, group: GroupId) -> Result<Vec<CallId>, CommandError> {
        let members = self.members(group);
        if members.is_empty() { Err(CommandError::InvalidState) } else { Ok(members) }
    }

    pub(super) fn group_hang_up(
        &mut self,
        now: Now,
        waiter: CommandId,
        group: GroupId,
    ) -> Result<(), CommandError> {
        let members = self.group_members(group)?;
        self.end_calls(now, Some(waiter), members, Some(EndReason::LocalHangup));
        Ok(())
    }

    pub(super) fn group_mute(
        &mut self,
        now: Now,
        waiter: CommandId,
        group: GroupId,
        muted: bool,
    ) -> Result<(), CommandError> {
        let members = self.group_members(group)?;
        let busy = |id: &CallId| self.calls.get(id).is_none_or(|call| call.pending.is_some());
        if members.iter().any(busy) {
            return Err(CommandError::InvalidState);
        }
        let order = |call| Order { call, action: Action::SetMuted(muted) };
        let stage = members.into_iter().map(order).collect();
        self.begin(now, Some(waiter), Reply::Done, vec![stage]);
        Ok(())
    }
}
