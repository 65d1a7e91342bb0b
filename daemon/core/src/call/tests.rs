//! Claims about states, and the diagram against the code.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn states() -> Vec<State> {
    vec![
        State::Reported,
        State::Ringing,
        State::Answering,
        State::Requested,
        State::Dialing,
        State::RemoteRinging,
        State::Connecting,
        State::Active { since: 1 },
        State::Ended { reason: EndReason::Failed, text: String::new(), connected_at: 0, at: 2 },
    ]
}

fn steps() -> Vec<Step> {
    vec![
        Step::Ring,
        Step::Answer,
        Step::Dialing,
        Step::RemoteRinging,
        Step::Connecting,
        Step::Active(5),
        Step::End { reason: EndReason::LocalHangup, text: String::new(), at: 6 },
    ]
}

#[test]
fn the_diagram_in_the_doc_has_exactly_the_edges_of_the_code() {
    let mut real: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for state in states() {
        let edges = real.entry(state.as_str()).or_default();
        edges.extend(steps().into_iter().filter_map(|step| state.after(step)).map(|s| s.as_str()));
    }
    let doc = include_str!("state.rs");
    let mut drawn: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let lines = doc.lines().skip_while(|line| !line.contains("edges:")).skip(1);
    for line in lines.take_while(|line| line.contains("->")) {
        let (from, to) = line.trim_start_matches("///").split_once("->").unwrap();
        let to = to.split(',').map(str::trim).filter(|name| !name.is_empty());
        drawn.insert(from.trim(), to.collect());
    }
    assert_eq!(drawn, real);
}

#[test]
fn an_ended_call_keeps_when_it_had_been_active() {
    let end = Step::End { reason: EndReason::RemoteHangup, text: String::new(), at: 9 };
    let ended = State::Active { since: 4 }.after(end).unwrap();
    assert_eq!(ended.connected_at(), 4);
    assert!(steps().into_iter().all(|step| ended.after(step).is_none()));
}

#[test]
fn missed_means_never_active_and_neither_declined_nor_elsewhere() {
    let missed: BTreeSet<&str> = EndReason::ALL
        .into_iter()
        .filter(|reason| Outcome::of(true, false, *reason) == Outcome::Missed)
        .map(EndReason::as_str)
        .collect();
    let expected =
        ["blocked", "busy", "cancelled", "failed", "provider-gone", "remote-hangup", "unanswered"];
    assert_eq!(missed, expected.into_iter().collect());
    for reason in EndReason::ALL {
        assert_eq!(Outcome::of(true, true, reason), Outcome::Answered);
        assert_ne!(Outcome::of(false, false, reason), Outcome::Missed);
        assert_eq!(EndReason::from_name(reason.as_str()), Some(reason));
    }
}
