use std::collections::BTreeSet;

use super::{lists, refusals};

fn set(lists: [&[libc::c_long]; 2]) -> BTreeSet<libc::c_long> {
    lists.concat().into_iter().collect()
}

#[test]
fn no_call_is_both_allowed_and_refused() {
    let allowed = set([lists::ALLOWED, lists::ALLOWED_LEGACY]);
    let refused = set([lists::REFUSED, lists::REFUSED_LEGACY]);
    let both: Vec<_> = allowed.intersection(&refused).collect();
    assert_eq!(both, Vec::<&libc::c_long>::new());
}

#[test]
fn no_call_stands_in_a_list_twice() {
    let lists = [
        [lists::ALLOWED, lists::ALLOWED_LEGACY],
        [lists::REFUSED, lists::REFUSED_LEGACY],
        [lists::CHANGES_FILES, lists::CHANGES_FILES_LEGACY],
    ];
    for pair in lists {
        assert_eq!(set(pair).len(), pair.concat().len());
    }
}

#[test]
fn every_refusal_by_argument_is_of_a_call_that_is_allowed() {
    let allowed = set([lists::ALLOWED, lists::ALLOWED_LEGACY]);
    let by_argument = refusals(true)
        .unwrap()
        .into_iter()
        .filter(|(_, rules)| !rules.is_empty());
    let stray: Vec<_> = by_argument
        .map(|(call, _)| call)
        .filter(|c| !allowed.contains(c))
        .collect();
    assert_eq!(stray, Vec::<libc::c_long>::new());
}

#[test]
fn a_worker_with_something_writable_may_open_for_writing() {
    assert!(refusals(true).unwrap().contains_key(&libc::SYS_openat));
    assert!(!refusals(false).unwrap().contains_key(&libc::SYS_openat));
}

#[test]
fn calls_whose_flags_lie_behind_a_pointer_are_in_no_list() {
    let known = set([lists::ALLOWED, lists::REFUSED]);
    assert!(!known.contains(&libc::SYS_clone3));
    assert!(!known.contains(&libc::SYS_openat2));
}
