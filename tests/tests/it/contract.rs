//! The written contract: complete, and the same on the page made of it.
//!
//! Owns: claims about `dbus/*.xml`, `dbus/README.md` and `docs/bus.md`. Does not own: what the daemon
//! serves of it (its own tests). Invariant: an error that is named is one of the contract's.

use std::{collections::BTreeSet, fs};

use ahoy_trial::contract::{self, Interface, Kind, page};

fn all() -> Vec<Interface> {
    contract::read().expect("every member is explained")
}

/// The errors in the table of `dbus/README.md`.
fn errors() -> BTreeSet<String> {
    let text = fs::read_to_string(contract::repository().join("dbus/README.md")).expect("README");
    let (_, table) = text.split_once("| error | means |").expect("a table of errors");
    let first = |row: &str| row.split('|').nth(1).map(|cell| cell.trim().to_owned());
    table.lines().skip(2).filter_map(first).collect()
}

#[test]
fn every_method_names_its_errors_and_they_are_the_contracts() {
    let known = errors();
    assert!(known.len() >= 19, "{known:?}");
    let mut wrong = Vec::new();
    for interface in all() {
        for member in interface.members.iter().filter(|one| one.kind == Kind::Method) {
            let at = format!("{}.{}", interface.name, member.name);
            match &member.comment.errors {
                None => wrong.push(format!("{at}: no line \"Errors:\"")),
                Some(text) if text.is_empty() => wrong.push(format!("{at}: Errors: what?")),
                Some(_) => {}
            }
            for name in member.comment.error_names() {
                if !known.contains(&name) {
                    wrong.push(format!("{at}: {name} is no error of the contract"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_argument_of_a_method_is_explained_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for interface in all() {
        for member in &interface.members {
            let at = format!("{}.{}", interface.name, member.name);
            let arguments = member.arguments.iter().map(|one| one.name.as_str());
            let arguments: Vec<&str> = arguments.filter(|name| !name.is_empty()).collect();
            let notes: Vec<&str> =
                member.comment.notes.iter().map(|(name, _)| name.as_str()).collect();
            if arguments != notes {
                wrong.push(format!("{at}: has {arguments:?}, explains {notes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_error_of_the_contract_is_given_by_a_method_or_said_of_a_provider() {
    let named: BTreeSet<String> = all()
        .iter()
        .flat_map(|interface| &interface.members)
        .flat_map(|member| member.comment.error_names())
        .collect();
    let unused: Vec<String> = errors().difference(&named).cloned().collect();
    assert!(unused.is_empty(), "{unused:?} are in the table and in no method");
}

#[test]
fn the_page_in_docs_is_what_the_contract_says() {
    let written = fs::read_to_string(contract::repository().join("docs/bus.md")).expect("the page");
    let made = page::page(&all());
    let differs = written.lines().zip(made.lines()).find(|(old, new)| old != new);
    assert!(
        written == made,
        "docs/bus.md is not what dbus/*.xml say, first at {differs:?}; \
         run: cargo run -p ahoy-trial --bin bus-docs"
    );
}
