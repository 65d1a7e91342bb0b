//! The engine against a naive reference, step by step, whatever happens in whatever order.
//!
//! A find is kept under `proptest-regressions/` and gets a named claim in `engine/tests`. More cases
//! than a push has: `PROPTEST_CASES=20000 cargo test -p ahoy-core model`.

mod reference;
mod subject;

use proptest::{prelude::*, strategy::Union};
use proptest_state_machine::{ReferenceStateMachine, prop_state_machine};

use self::{
    reference::{Can, Presence, Transition, World},
    subject::Subject,
};
use crate::call::EndReason;

/// Calls that are on at once: more would only make what goes wrong harder to read.
const CALLS: usize = 6;

struct Model;

impl ReferenceStateMachine for Model {
    type State = World;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<World> {
        Just(World::new()).boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Transition> {
        let mut all: Vec<(u32, BoxedStrategy<Transition>)> = vec![(
            4,
            prop_oneof![1_u64..3_000, Just(5_000), Just(20_000), 1_u64..70_000]
                .prop_map(Transition::Pass)
                .boxed(),
        )];
        all.push((1, Just(Transition::SilenceRinger).boxed()));
        providers(world, &mut all);
        calls(world, &mut all);
        Union::new_weighted(all).boxed()
    }

    fn apply(mut world: World, transition: &Transition) -> World {
        world.apply(transition);
        world
    }

    /// Shrinking takes steps out: what is left must still make sense.
    fn preconditions(world: &World, transition: &Transition) -> bool {
        let known = |id: &usize| world.calls.get(*id).is_some_and(|call| !call.removed);
        let here = |provider: usize| world.providers[provider] == Presence::Here;
        match transition {
            Transition::Pass(_)
            | Transition::EndAll
            | Transition::SilenceRinger
            | Transition::Primary
            | Transition::Secondary => true,
            Transition::Register(provider) => !here(*provider),
            Transition::Unregister(provider) => world.providers[*provider] != Presence::Absent,
            Transition::Lose(provider) => here(*provider),
            Transition::Incoming { .. } | Transition::Outgoing { .. } | Transition::Start(_) => {
                true
            }
            Transition::Fulfil(id) | Transition::Fail(id) => {
                known(id) && world.calls[*id].out.is_some()
            }
            Transition::GroupHold(id, _) | Transition::GroupHangUp(id) => {
                known(id) && world.calls[*id].group.is_some()
            }
            Transition::Merge(id, other) => known(id) && known(other),
            Transition::Resume(id)
            | Transition::Progress(id, _)
            | Transition::Ended(id, _)
            | Transition::HeldThere(id, _)
            | Transition::Answer(id)
            | Transition::Decline(id)
            | Transition::DeclineWith(id)
            | Transition::HangUp(id)
            | Transition::SetHeld(id, _)
            | Transition::SetMuted(id, _)
            | Transition::Split(id) => known(id),
        }
    }
}

/// What happens to one call.
type OfCall = fn(usize) -> Transition;
type Choices = Vec<(u32, BoxedStrategy<Transition>)>;

fn providers(world: &World, all: &mut Choices) {
    let live = (0..world.calls.len()).filter(|id| world.is_live(*id)).count();
    for (provider, presence) in world.providers.iter().enumerate() {
        match presence {
            Presence::Absent => all.push((1, Just(Transition::Register(provider)).boxed())),
            Presence::Lost(_) => {
                all.push((6, Just(Transition::Register(provider)).boxed()));
                all.push((1, Just(Transition::Unregister(provider)).boxed()));
                all.push((1, incoming(provider)));
            }
            Presence::Here => {
                all.push((1, Just(Transition::Lose(provider)).boxed()));
                all.push((1, Just(Transition::Unregister(provider)).boxed()));
                if live < CALLS {
                    all.push((5, incoming(provider)));
                    all.push((2, outgoing(provider)));
                    all.push((2, Just(Transition::Start(provider)).boxed()));
                }
            }
        }
    }
}

fn can() -> impl Strategy<Value = Can> {
    let likely = || proptest::bool::weighted(0.7);
    let all = (likely(), likely(), likely(), likely());
    all.prop_map(|(hold, mute, merge, text)| Can { hold, mute, merge, text })
}

fn incoming(provider: usize) -> BoxedStrategy<Transition> {
    let log = proptest::bool::weighted(0.8);
    (can(), log).prop_map(move |(can, log)| Transition::Incoming { provider, can, log }).boxed()
}

fn outgoing(provider: usize) -> BoxedStrategy<Transition> {
    let log = proptest::bool::weighted(0.8);
    (can(), log).prop_map(move |(can, log)| Transition::Outgoing { provider, can, log }).boxed()
}

fn calls(world: &World, all: &mut Choices) {
    let known: Vec<usize> = (0..world.calls.len()).filter(|id| !world.calls[*id].removed).collect();
    if known.is_empty() {
        return;
    }
    let with = |of: &dyn Fn(usize) -> bool| -> Vec<usize> {
        known.iter().copied().filter(|id| of(*id)).collect()
    };
    let any = || proptest::sample::select(known.clone());
    let reasons = || {
        proptest::sample::select(vec![
            EndReason::RemoteHangup,
            EndReason::Cancelled,
            EndReason::Busy,
            EndReason::AnsweredElsewhere,
        ])
    };
    let states = || {
        proptest::sample::select(vec![
            "dialing",
            "remote-ringing",
            "connecting",
            "active",
            "active",
        ])
    };
    all.push((8, (any(), states()).prop_map(|(id, to)| Transition::Progress(id, to)).boxed()));
    all.push((2, (any(), reasons()).prop_map(|(id, why)| Transition::Ended(id, why)).boxed()));
    all.push((1, held(any(), Transition::HeldThere)));
    all.push((6, any().prop_map(Transition::Answer).boxed()));
    all.push((1, any().prop_map(Transition::Decline).boxed()));
    all.push((2, any().prop_map(Transition::DeclineWith).boxed()));
    all.push((2, any().prop_map(Transition::HangUp).boxed()));
    all.push((5, held(any(), Transition::SetHeld)));
    all.push((3, held(any(), Transition::SetMuted)));
    all.push((5, (any(), any()).prop_map(|(a, b)| Transition::Merge(a, b)).boxed()));
    all.push((1, any().prop_map(Transition::Split).boxed()));
    all.push((1, Just(Transition::EndAll).boxed()));
    all.push((2, Just(Transition::Primary).boxed()));
    all.push((1, Just(Transition::Secondary).boxed()));
    let some: [(u32, Vec<usize>, OfCall); 4] = [
        (20, with(&|id| world.calls[id].out.is_some()), Transition::Fulfil),
        (5, with(&|id| world.calls[id].out.is_some()), Transition::Fail),
        (8, with(&|id| world.calls[id].orphan.is_some()), Transition::Resume),
        (1, with(&|id| world.calls[id].group.is_some()), Transition::GroupHangUp),
    ];
    for (weight, ids, transition) in some {
        if !ids.is_empty() {
            all.push((weight, proptest::sample::select(ids).prop_map(transition).boxed()));
        }
    }
    let grouped = with(&|id| world.calls[id].group.is_some());
    if !grouped.is_empty() {
        all.push((3, held(proptest::sample::select(grouped), Transition::GroupHold)));
    }
}

fn held(
    ids: impl Strategy<Value = usize> + 'static,
    transition: fn(usize, bool) -> Transition,
) -> BoxedStrategy<Transition> {
    (ids, any::<bool>()).prop_map(move |(id, held)| transition(id, held)).boxed()
}

/// Twelve thousand cases take about 7 s; `PROPTEST_CASES` asks for another number.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if asked { default.cases } else { 12_000 }, ..default }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_does_what_a_naive_call_service_does(sequential 1..80 => Subject);
}
