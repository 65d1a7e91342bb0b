//! A call service as simple as can be: no outputs, no indexes, everything looked up again each time.
//! What it says of calls, groups and audio the engine must show.

use std::collections::{BTreeSet, VecDeque};

use crate::{call::EndReason, engine::MAX_CALLS_PER_PROVIDER};

/// Times are milliseconds.
pub(super) const ACTION: u64 = 5_000;
pub(super) const LONG_ACTION: u64 = 20_000;
pub(super) const RING: u64 = 60_000;
pub(super) const GRACE: u64 = 5_000;
pub(super) const LINGER: u64 = 2_000;

/// What a call can do in this model, and the order of outgoing states.
const FORWARDS: [&str; 5] = ["requested", "dialing", "remote-ringing", "connecting", "active"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Start,
    Answer,
    End(EndReason),
    Hold(bool),
    Mute(bool),
    Group(Option<usize>),
    Text,
}

impl Act {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Answer => "answer",
            Self::End(_) => "end",
            Self::Hold(_) => "set-held",
            Self::Mute(_) => "set-muted",
            Self::Group(_) => "set-group",
            Self::Text => "send-text",
        }
    }

    /// Whether it gives its call a microphone.
    const fn opens(self) -> bool {
        matches!(self, Self::Start | Self::Answer | Self::Hold(false))
    }

    const fn ends(self) -> bool {
        matches!(self, Self::End(_))
    }

    const fn time(self) -> u64 {
        match self {
            Self::Start | Self::Answer => LONG_ACTION,
            Self::End(_) | Self::Hold(_) | Self::Mute(_) | Self::Group(_) | Self::Text => ACTION,
        }
    }
}

/// What can happen. Calls and providers are named by their numbers.
#[derive(Clone, Debug)]
pub(super) enum Transition {
    Register(usize),
    Unregister(usize),
    Lose(usize),
    Incoming { provider: usize, can: Can, log: bool },
    Outgoing { provider: usize, can: Can, log: bool },
    Start(usize),
    Resume(usize),
    Progress(usize, &'static str),
    Ended(usize, EndReason),
    HeldThere(usize, bool),
    Answer(usize),
    Decline(usize),
    DeclineWith(usize),
    HangUp(usize),
    SetHeld(usize, bool),
    SetMuted(usize, bool),
    Merge(usize, usize),
    Split(usize),
    GroupHold(usize, bool),
    GroupHangUp(usize),
    EndAll,
    SilenceRinger,
    Primary,
    Secondary,
    Fulfil(usize),
    Fail(usize),
    Pass(u64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Can {
    pub(super) hold: bool,
    pub(super) mute: bool,
    pub(super) merge: bool,
    pub(super) text: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Absent,
    Here,
    Lost(u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    pub(super) act: Act,
    until: u64,
    txn: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) provider: usize,
    incoming: bool,
    can: Can,
    pub(super) log: bool,
    pub(super) state: &'static str,
    pub(super) reason: &'static str,
    pub(super) held: bool,
    pub(super) muted: bool,
    pub(super) silenced: bool,
    pub(super) waiting: bool,
    pub(super) group: Option<usize>,
    pub(super) out: Option<Out>,
    pub(super) orphan: Option<u64>,
    pub(super) created: u64,
    gone_at: u64,
    pub(super) removed: bool,
}

/// Whether a call is part of what is to be done.
fn concerns((one, act): (usize, Act), id: usize) -> bool {
    one == id || act == Act::Group(Some(id))
}

#[derive(Clone, Debug)]
struct Txn {
    until: u64,
    out: BTreeSet<usize>,
    now: VecDeque<(usize, Act)>,
    later: Vec<Vec<(usize, Act)>>,
    failed: bool,
    over: bool,
}

impl Txn {
    /// What comes now; only ends where something failed.
    fn next(&mut self) -> Option<Vec<(usize, Act)>> {
        if !self.failed {
            return (!self.later.is_empty()).then(|| self.later.remove(0));
        }
        let ends: Vec<_> = self.later.concat().into_iter().filter(|(_, act)| act.ends()).collect();
        self.later.iter_mut().for_each(|stage| stage.retain(|(_, act)| !act.ends()));
        (!ends.is_empty()).then_some(ends)
    }
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) providers: [Presence; 3],
    pub(super) calls: Vec<Call>,
    txns: Vec<Txn>,
    groups: usize,
    /// Whether the last command or report was refused at once.
    pub(super) refused: bool,
}

impl World {
    pub(super) const fn new() -> Self {
        let providers = [Presence::Here, Presence::Here, Presence::Absent];
        Self { now: 0, providers, calls: vec![], txns: vec![], groups: 0, refused: false }
    }

    pub(super) fn is_engaged(&self, id: usize) -> bool {
        !matches!(self.calls[id].state, "ringing" | "ended")
    }

    pub(super) fn is_live(&self, id: usize) -> bool {
        self.calls[id].state != "ended"
    }

    fn ids(&self) -> std::ops::Range<usize> {
        0..self.calls.len()
    }

    pub(super) fn has_audio(&self, provider: usize) -> bool {
        self.ids().any(|id| {
            let call = &self.calls[id];
            call.provider == provider
                && call.orphan.is_none()
                && self.is_open(id)
                && !self.is_unheard_of(id)
        })
    }

    pub(super) fn apply(&mut self, transition: &Transition) {
        self.refused = false;
        let taken = match *transition {
            Transition::Register(provider) => self.register(provider),
            Transition::Unregister(provider) => self.unregister(provider),
            Transition::Lose(provider) => self.lose(provider),
            Transition::Incoming { provider, can, log } => self.incoming(provider, can, log),
            Transition::Outgoing { provider, can, log } => {
                self.create(provider, can, log, false, "dialing").map(|_| ())
            }
            Transition::Start(provider) => self.start(provider),
            Transition::Resume(id) => self.resume(id),
            Transition::Progress(id, state) => self.progress(id, state),
            Transition::Ended(id, reason) => self.ended_there(id, reason),
            Transition::HeldThere(id, held) => self.held_there(id, held),
            Transition::Answer(id) => self.answer(id),
            Transition::Decline(id) => self.decline(id),
            Transition::DeclineWith(id) => self.decline_with(id),
            Transition::HangUp(id) => self.hang_up(id),
            Transition::SetHeld(id, held) => self.set_held(&[id], held),
            Transition::SetMuted(id, muted) => self.set_muted(id, muted),
            Transition::Merge(id, other) => self.merge(id, other),
            Transition::Split(id) => self.split(id),
            Transition::GroupHold(id, held) => self.set_held(&self.mates(id), held),
            Transition::GroupHangUp(id) => {
                let mates = self.mates(id);
                self.end_all(&mates, Some(EndReason::LocalHangup));
                Some(())
            }
            Transition::EndAll => {
                let all: Vec<usize> = self.ids().collect();
                self.end_all(&all, None);
                Some(())
            }
            Transition::SilenceRinger => {
                self.calls
                    .iter_mut()
                    .filter(|c| c.state == "ringing")
                    .for_each(|c| c.silenced = true);
                Some(())
            }
            Transition::Primary => self.primary(),
            Transition::Secondary => self.first_ringing().and_then(|id| self.decline(id)),
            Transition::Fulfil(id) => self.finish(id, "fulfilled"),
            Transition::Fail(id) => self.finish(id, "failed"),
            Transition::Pass(time) => self.pass(time),
        };
        self.refused = taken.is_none();
    }

    fn mates(&self, id: usize) -> Vec<usize> {
        let group = self.calls[id].group;
        self.ids().filter(|one| group.is_some() && self.calls[*one].group == group).collect()
    }

    // Providers.

    fn register(&mut self, provider: usize) -> Option<()> {
        (self.providers[provider] != Presence::Here)
            .then(|| self.providers[provider] = Presence::Here)
    }

    fn lose(&mut self, provider: usize) -> Option<()> {
        let until = self.now + GRACE;
        self.providers[provider] = Presence::Lost(until);
        let theirs: Vec<usize> = self
            .ids()
            .filter(|id| self.calls[*id].provider == provider && self.is_live(*id))
            .collect();
        for id in &theirs {
            self.calls[*id].orphan = Some(until);
            self.calls[*id].silenced |= self.calls[*id].state == "ringing";
        }
        for id in theirs {
            self.finish(id, "gone");
        }
        Some(())
    }

    fn unregister(&mut self, provider: usize) -> Option<()> {
        if self.providers[provider] == Presence::Here {
            self.lose(provider);
        }
        self.depart(provider);
        Some(())
    }

    fn depart(&mut self, provider: usize) {
        for id in self.ids() {
            if self.calls[id].provider == provider {
                self.end(id, EndReason::ProviderGone);
            }
        }
        self.providers[provider] = Presence::Absent;
    }

    // Calls that come to be.

    fn create(
        &mut self,
        provider: usize,
        can: Can,
        log: bool,
        incoming: bool,
        state: &'static str,
    ) -> Option<usize> {
        let theirs = self.ids().filter(|id| self.calls[*id].provider == provider);
        let room = theirs.filter(|id| self.is_live(*id)).count() < MAX_CALLS_PER_PROVIDER;
        if !room || self.providers[provider] != Presence::Here {
            return None;
        }
        self.calls.push(Call {
            provider,
            incoming,
            can,
            log,
            state,
            reason: "",
            held: false,
            muted: false,
            silenced: false,
            waiting: false,
            group: None,
            out: None,
            orphan: None,
            created: self.now,
            gone_at: u64::MAX,
            removed: false,
        });
        Some(self.calls.len() - 1)
    }

    fn incoming(&mut self, provider: usize, can: Can, log: bool) -> Option<()> {
        let alone = self.ids().all(|id| !self.is_live(id));
        let id = self.create(provider, can, log, true, "ringing")?;
        self.calls[id].waiting = !alone;
        Some(())
    }

    fn start(&mut self, provider: usize) -> Option<()> {
        let can = Can { hold: true, ..Can::default() };
        let way = self.make_way(&[], false)?;
        let id = self.create(provider, can, true, false, "requested")?;
        self.begin(vec![way, vec![(id, Act::Start)]])
    }

    /// The app takes up a call in the state that the service has of it.
    fn resume(&mut self, id: usize) -> Option<()> {
        let told = !self.is_unheard_of(id);
        let call = &mut self.calls[id];
        let here = self.providers[call.provider] == Presence::Here;
        // What an app was asked to start and was lost with it is no state that an app can be in.
        if !here || !told || call.orphan.is_none() || call.state == "ended" {
            return None;
        }
        call.orphan = None;
        match call.state {
            "answering" => {
                let free = self.in_the_way(&[id]).is_empty();
                let act = if free { Act::Answer } else { Act::End(EndReason::LocalHangup) };
                self.begin(vec![vec![(id, act)]])?;
            }
            "requested" => call.state = "dialing",
            "ringing" | "dialing" | "remote-ringing" | "connecting" | "active" => {}
            other => unreachable!("{other}"),
        }
        Some(())
    }

    // Reports.

    fn reportable(&self, id: usize) -> Option<()> {
        let here = self.providers[self.calls[id].provider] == Presence::Here;
        let told = !self.is_unheard_of(id);
        (here && told && self.is_live(id) && !self.calls[id].removed).then_some(())
    }

    fn progress(&mut self, id: usize, to: &'static str) -> Option<()> {
        self.reportable(id)?;
        let call = &mut self.calls[id];
        let rank = |state| FORWARDS.iter().position(|one| *one == state);
        let forwards = if call.incoming {
            matches!(call.state, "ringing" | "answering") && to == "active"
        } else {
            rank(to) > rank(call.state)
        };
        if !forwards || call.orphan.is_some() {
            return None;
        }
        call.state = to;
        call.waiting = false;
        if call.out.is_some_and(|out| out.act == Act::Answer) {
            self.finish(id, "fulfilled");
        }
        Some(())
    }

    fn ended_there(&mut self, id: usize, reason: EndReason) -> Option<()> {
        self.reportable(id)?;
        self.end(id, reason);
        Some(())
    }

    fn held_there(&mut self, id: usize, held: bool) -> Option<()> {
        self.reportable(id)?;
        let call = &mut self.calls[id];
        (call.state == "active" && call.orphan.is_none()).then(|| call.held = held)
    }

    // Commands.

    fn planned(&self) -> impl Iterator<Item = (usize, Act)> {
        let on = self.txns.iter().filter(|txn| !txn.over);
        on.flat_map(|txn| txn.now.iter().chain(txn.later.iter().flatten()).copied())
    }

    fn is_planned(&self, id: usize) -> bool {
        self.planned().any(|order| concerns(order, id))
    }

    fn is_open(&self, id: usize) -> bool {
        let call = &self.calls[id];
        let resumes = call.out.is_some_and(|out| out.act == Act::Hold(false));
        self.is_engaged(id) && (!call.held || resumes)
    }

    fn is_to_be_opened(&self, id: usize) -> bool {
        self.planned().any(|(one, act)| one == id && act.opens())
    }

    /// Its provider was not asked yet: another call is to be held first.
    fn is_unheard_of(&self, id: usize) -> bool {
        let call = &self.calls[id];
        call.state == "requested" && call.out.is_none() && self.is_to_be_opened(id)
    }

    fn is_busy(&self, id: usize) -> bool {
        let joined = self.calls.iter().filter_map(|call| call.out);
        self.calls[id].out.is_some()
            || self.is_planned(id)
            || joined.into_iter().any(|out| out.act == Act::Group(Some(id)))
    }

    fn is_ending(&self, id: usize) -> bool {
        self.calls[id].out.is_some_and(|out| matches!(out.act, Act::End(_)))
    }

    fn answer(&mut self, id: usize) -> Option<()> {
        let call = &self.calls[id];
        let ready = call.state == "ringing" && call.out.is_none() && call.orphan.is_none();
        if !ready || call.removed || self.is_planned(id) {
            return None;
        }
        let way = self.make_way(&[id], true)?;
        self.begin(vec![way, vec![(id, Act::Answer)]])
    }

    fn in_the_way(&self, of: &[usize]) -> Vec<usize> {
        let open =
            |id: usize| self.is_open(id) && self.calls[id].orphan.is_none() && !self.is_ending(id);
        let beside = self.ids().filter(|id| self.is_live(*id) && !of.contains(id));
        beside.filter(|id| open(*id) || self.is_to_be_opened(*id)).collect()
    }

    /// What is talked in beside these is held, or, where that may be, hung up.
    fn make_way(&self, of: &[usize], may_end: bool) -> Option<Vec<(usize, Act)>> {
        let mut way = Vec::new();
        for id in self.in_the_way(of) {
            let call = &self.calls[id];
            if self.is_to_be_opened(id) {
                return None;
            }
            if call.state == "active" && call.can.hold {
                if self.is_busy(id) {
                    return None;
                }
                way.push((id, Act::Hold(true)));
            } else if may_end {
                way.push((id, Act::End(self.hang_up_reason(id))));
            } else {
                return None;
            }
        }
        Some(way)
    }

    fn hang_up_reason(&self, id: usize) -> EndReason {
        match self.calls[id].state {
            "ringing" => EndReason::Declined,
            "requested" | "dialing" | "remote-ringing" => EndReason::Cancelled,
            _ => EndReason::LocalHangup,
        }
    }

    fn decline(&mut self, id: usize) -> Option<()> {
        if self.calls[id].state != "ringing" || self.is_ending(id) {
            return None;
        }
        self.begin(vec![vec![(id, Act::End(EndReason::Declined))]])
    }

    /// With a message first; the end follows whatever becomes of it.
    fn decline_with(&mut self, id: usize) -> Option<()> {
        let call = &self.calls[id];
        if call.state != "ringing" || call.out.is_some() || !call.can.text {
            return None;
        }
        self.forget(id);
        self.calls[id].silenced = true;
        self.begin(vec![vec![(id, Act::Text)], vec![(id, Act::End(EndReason::Declined))]])
    }

    fn hang_up(&mut self, id: usize) -> Option<()> {
        if !self.is_live(id) || self.is_ending(id) {
            return None;
        }
        self.begin(vec![vec![(id, Act::End(self.hang_up_reason(id)))]])
    }

    fn end_all(&mut self, ids: &[usize], reason: Option<EndReason>) {
        let on = ids.iter().copied().filter(|id| self.is_live(*id));
        let mut stage: Vec<(usize, Act)> =
            on.map(|id| (id, Act::End(reason.unwrap_or(self.hang_up_reason(id))))).collect();
        stage.sort_by_key(|(id, _)| !self.is_planned(*id));
        let _ = self.begin(vec![stage]);
    }

    fn first_ringing(&self) -> Option<usize> {
        let ringing = self.ids().filter(|id| self.calls[*id].state == "ringing");
        let to_end = |id: usize| self.planned().any(|(one, act)| one == id && act.ends());
        ringing.filter(|id| !self.is_ending(*id) && !to_end(*id)).min_by_key(|id| {
            let call = &self.calls[*id];
            (call.orphan.is_some(), call.waiting, call.created)
        })
    }

    /// Answers what rings, else hangs up what is talked in, or comes to be, or is held.
    fn primary(&mut self) -> Option<()> {
        if let Some(id) = self.first_ringing() {
            return self.answer(id);
        }
        let on = self.ids().filter(|id| self.is_engaged(*id));
        let id = on.min_by_key(|id| {
            let call = &self.calls[*id];
            (call.held, call.state != "active", call.created)
        })?;
        if self.calls[id].group.is_some() {
            self.end_all(&self.mates(id), Some(EndReason::LocalHangup));
            return Some(());
        }
        self.hang_up(id)
    }

    fn is_idle(&self, id: usize) -> bool {
        self.calls[id].out.is_none() && !self.is_planned(id)
    }

    fn set_held(&mut self, ids: &[usize], held: bool) -> Option<()> {
        let ready = |id: &usize| {
            self.calls[*id].can.hold && self.calls[*id].state == "active" && !self.is_busy(*id)
        };
        if ids.is_empty() || !ids.iter().all(ready) {
            return None;
        }
        let mut stages = Vec::new();
        if !held {
            let together = self.together(ids);
            if together.iter().any(|id| self.is_busy(*id)) {
                return None;
            }
            stages.push(self.make_way(&together, false)?);
        }
        stages.push(ids.iter().map(|id| (*id, Act::Hold(held))).collect());
        self.begin(stages)
    }

    fn together(&self, ids: &[usize]) -> Vec<usize> {
        let mates = ids.iter().flat_map(|id| self.mates(*id)).chain(ids.iter().copied());
        mates.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn set_muted(&mut self, id: usize, muted: bool) -> Option<()> {
        if !self.is_engaged(id) || !self.is_idle(id) {
            return None;
        }
        self.begin(vec![vec![(id, Act::Mute(muted))]])
    }

    fn merge(&mut self, id: usize, other: usize) -> Option<()> {
        let (one, two) = (&self.calls[id], &self.calls[other]);
        let can = one.can.merge && two.can.merge && one.provider == two.provider && id != other;
        let on = |call: &Call| call.state == "active";
        let busy = self.together(&[id, other]).into_iter().any(|id| self.is_busy(id));
        let together = one.group.is_some() && one.group == two.group;
        let is_new = one.group.is_none() && two.group.is_none();
        let theirs = |id: &usize| self.calls[*id].provider == one.provider;
        let grouped = self.ids().filter(theirs).any(|id| {
            let call = &self.calls[id];
            let coming = call.out.is_some_and(|out| matches!(out.act, Act::Group(Some(_))));
            call.group.is_some() || coming
        });
        if !can || !on(one) || !on(two) || together || is_new && grouped || busy {
            return None;
        }
        let mut way = vec![];
        if !one.held || !two.held {
            // It leaves its group for the other's.
            let with = if two.group.is_some() { self.mates(other) } else { self.together(&[id]) };
            way = self.make_way(&[with, vec![id, other]].concat(), false)?;
        }
        self.begin(vec![way, vec![(id, Act::Group(Some(other)))]])
    }

    fn split(&mut self, id: usize) -> Option<()> {
        let busy = self.mates(id).into_iter().any(|id| self.is_busy(id));
        if !self.calls[id].can.merge || self.calls[id].group.is_none() || busy {
            return None;
        }
        let way = if self.calls[id].held { vec![] } else { self.make_way(&[id], false)? };
        self.begin(vec![way, vec![(id, Act::Group(None))]])
    }

    // Transactions.

    /// `None` where it failed at once.
    fn begin(&mut self, stages: Vec<Vec<(usize, Act)>>) -> Option<()> {
        self.txns.push(Txn {
            until: self.now + LONG_ACTION,
            out: BTreeSet::new(),
            now: VecDeque::new(),
            later: stages,
            failed: false,
            over: false,
        });
        let txn = self.txns.len() - 1;
        self.proceed(txn);
        (!self.txns[txn].over || !self.txns[txn].failed).then_some(())
    }

    fn proceed(&mut self, txn: usize) {
        while !self.txns[txn].over {
            if let Some((id, act)) = self.txns[txn].now.pop_front() {
                if self.order(txn, id, act).is_none() {
                    self.txns[txn].failed = true;
                }
            } else if !self.txns[txn].out.is_empty() {
                return;
            } else if let Some(stage) = self.txns[txn].next() {
                self.txns[txn].now = stage.into();
            } else {
                self.txns[txn].over = true;
                for (id, act) in self.txns[txn].later.concat() {
                    if act == Act::Start {
                        self.end(id, EndReason::Failed);
                    }
                }
            }
        }
    }

    fn order(&mut self, txn: usize, id: usize, act: Act) -> Option<()> {
        let ends = matches!(act, Act::End(_));
        if !self.is_live(id) {
            return (ends || !self.txns[txn].later.is_empty()).then_some(());
        }
        if ends && self.is_ending(id) {
            self.txns[txn].out.insert(id);
            return Some(());
        }
        if act == Act::Answer && self.calls[id].state == "active" {
            return Some(());
        }
        if self.calls[id].out.is_some() && !ends {
            return None;
        }
        let orphan = self.calls[id].orphan.is_some();
        match act {
            Act::Mute(muted) if orphan || !self.calls[id].can.mute => {
                self.calls[id].muted = muted;
                return Some(());
            }
            Act::End(reason) if orphan || self.is_unheard_of(id) => {
                self.forget(id);
                self.end(id, reason);
                return Some(());
            }
            _ if orphan => return None,
            Act::Answer if self.calls[id].state == "ringing" => {
                self.calls[id].state = "answering";
                self.calls[id].waiting = false;
            }
            Act::End(_) => self.forget(id),
            Act::Start | Act::Answer | Act::Hold(_) | Act::Mute(_) | Act::Group(_) | Act::Text => {}
        }
        let until = (self.now + act.time()).min(self.txns[txn].until);
        let superseded = self.calls[id].out.replace(Out { act, until, txn });
        self.txns[txn].out.insert(id);
        if let Some(out) = superseded {
            let way = self.makes_way(out);
            self.settle(out.txn, id, way.then_some(()));
        }
        Some(())
    }

    /// Whether it is done to let something else happen.
    fn makes_way(&self, out: Out) -> bool {
        let txn = &self.txns[out.txn];
        out.act != Act::Text && !txn.over && !txn.later.is_empty()
    }

    /// An action has ended, for whoever waits for that.
    fn settle_all(&mut self, id: usize, result: Option<()>) {
        for txn in 0..self.txns.len() {
            if self.txns[txn].out.contains(&id) {
                self.settle(txn, id, result);
            }
        }
    }

    fn settle(&mut self, txn: usize, id: usize, result: Option<()>) {
        self.txns[txn].out.remove(&id);
        self.txns[txn].failed |= result.is_none();
        self.proceed(txn);
    }

    /// Whatever was planned with a call is off.
    fn forget(&mut self, id: usize) {
        for txn in &mut self.txns {
            let plans =
                txn.now.iter().chain(txn.later.iter().flatten()).any(|order| concerns(*order, id));
            if plans && !txn.over {
                txn.now.retain(|order| !concerns(*order, id));
                txn.later.clear();
                txn.failed = true;
                txn.over = txn.out.is_empty();
            }
        }
    }

    /// An action ends: `fulfilled`, `failed`, `late` or `gone`.
    fn finish(&mut self, id: usize, how: &str) -> Option<()> {
        let out = self.calls[id].out.take()?;
        let done = how == "fulfilled";
        let mut result = done.then_some(());
        match out.act {
            Act::End(reason) => {
                self.end(id, reason);
                result = Some(());
            }
            Act::Mute(muted) => {
                self.calls[id].muted = muted;
                result = Some(());
            }
            Act::Answer if done => {
                if self.calls[id].state == "answering" {
                    self.calls[id].state = "active";
                }
            }
            Act::Start | Act::Answer if !done && how != "gone" => self.end(id, EndReason::Failed),
            Act::Hold(held) if done => self.calls[id].held = held,
            Act::Group(with) if done => self.grouped(id, with),
            Act::Hold(true) if how == "gone" && self.makes_way(out) => result = Some(()),
            Act::Start | Act::Answer | Act::Hold(_) | Act::Group(_) | Act::Text => {}
        }
        self.settle_all(id, result);
        Some(())
    }

    fn grouped(&mut self, id: usize, with: Option<usize>) {
        let Some(other) = with else {
            self.calls[id].group = None;
            self.dissolve();
            return;
        };
        if self.calls[id].state != "active" || self.calls[other].state != "active" {
            return;
        }
        let held = self.calls[id].held && self.calls[other].held;
        let group = self.calls[other].group.or(self.calls[id].group).unwrap_or(self.groups);
        self.groups += 1;
        self.calls[id].group = Some(group);
        self.calls[other].group = Some(group);
        self.calls.iter_mut().filter(|c| c.group == Some(group)).for_each(|c| c.held = held);
        self.dissolve();
    }

    fn dissolve(&mut self) {
        for id in self.ids() {
            if self.calls[id].group.is_some() && self.mates(id).len() < 2 {
                self.calls[id].group = None;
            }
        }
    }

    fn end(&mut self, id: usize, reason: EndReason) {
        if !self.is_live(id) {
            return;
        }
        let call = &mut self.calls[id];
        (call.state, call.reason, call.gone_at) = ("ended", reason.as_str(), self.now + LINGER);
        (call.orphan, call.group) = (None, None);
        let out = call.out.take();
        self.dissolve();
        let loud = |id: usize| self.calls[id].state == "ringing" && !self.calls[id].waiting;
        if !self.ids().any(|id| self.is_engaged(id) || loud(id))
            && let Some(next) = self.ids().find(|id| self.calls[*id].state == "ringing")
        {
            self.calls[next].waiting = false;
        }
        if let Some(out) = out {
            let fine = matches!(out.act, Act::End(_)) || self.makes_way(out);
            self.settle_all(id, fine.then_some(()));
        }
        self.forget(id);
    }

    // Time.

    fn pass(&mut self, time: u64) -> Option<()> {
        let end = self.now + time;
        while let Some(due) = self.next_due().filter(|due| *due <= end) {
            // What became due while something else had to come first is not late for it.
            self.now = self.now.max(due);
            for id in self.ids() {
                while self.fire(id) {}
            }
            for provider in 0..self.providers.len() {
                if let Presence::Lost(until) = self.providers[provider]
                    && until <= self.now
                {
                    self.depart(provider);
                }
            }
        }
        self.now = end;
        Some(())
    }

    fn rings_until(&self, id: usize) -> Option<u64> {
        let call = &self.calls[id];
        (call.state == "ringing" && self.is_idle(id)).then_some(call.created + RING)
    }

    fn times(&self, id: usize) -> [Option<u64>; 4] {
        let call = &self.calls[id];
        let gone = (call.state == "ended" && !call.removed).then_some(call.gone_at);
        [call.out.map(|out| out.until), call.orphan, self.rings_until(id), gone]
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        let lost = self.providers.iter().filter_map(|one| match one {
            Presence::Lost(until) => Some(*until),
            Presence::Absent | Presence::Here => None,
        });
        self.ids().flat_map(|id| self.times(id)).flatten().chain(lost).min()
    }

    fn fire(&mut self, id: usize) -> bool {
        let due = |at: Option<u64>| at.is_some_and(|at| at <= self.now);
        let [out, orphan, ring, gone] = self.times(id);
        if due(out) {
            self.finish(id, "late");
        } else if due(orphan) {
            self.end(id, EndReason::ProviderGone);
        } else if due(ring) {
            let _ = self.begin(vec![vec![(id, Act::End(EndReason::Unanswered))]]);
        } else if due(gone) {
            self.calls[id].removed = true;
        } else {
            return false;
        }
        true
    }
}
