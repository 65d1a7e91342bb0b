//! The fuzz targets on the stable compiler, on every push: each seed, and mutations of them.
//!
//! Owns: which targets there are and how seeds are changed. Does not own: what a target does
//! (`fuzz/src`). Invariant: a find that was kept as a seed never comes back unseen.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

#[path = "../fuzz/src/lib.rs"]
pub mod targets;

type Target = fn(&[u8]);
type Seeds = BTreeMap<String, Vec<u8>>;

/// Each with the number of mutations that takes about a third of a second.
const TARGETS: [(&str, Target, u32); 9] = [
    ("frame", targets::frame, 20000),
    ("control", targets::control, 12000),
    ("intent", targets::intent, 6000),
    ("invite", targets::invite, 5000),
    ("media", targets::media, 15000),
    ("worker", targets::worker, 16000),
    ("service", targets::service, 500),
    ("directory", targets::directory, 3000),
    ("headset", targets::headset, 12000),
];

fn seeds_of(target: &str) -> Seeds {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let read = || -> std::io::Result<Seeds> {
        fs::read_dir(&folder)?
            .map(|file| {
                let file = file?;
                Ok((file.file_name().to_string_lossy().into_owned(), fs::read(file.path())?))
            })
            .collect()
    };
    read().unwrap_or_else(|error| panic!("{folder:?}: {error}"))
}

#[test]
fn the_tree_has_the_seeds_that_code_makes() {
    let mut made: BTreeMap<&str, Seeds> = BTreeMap::new();
    for (target, name, bytes) in targets::seeds() {
        made.entry(target).or_default().insert(name, bytes);
    }
    for (target, _, _) in TARGETS {
        let mut kept = seeds_of(target);
        kept.retain(|name, _| !name.starts_with("find-"));
        let made = made.remove(target).expect("seeds of every target");
        assert!(kept == made, "{target}: cargo run --example seeds, in daemon/core/fuzz");
    }
    assert!(made.is_empty());
}

#[test]
fn every_seed_passes_its_target() {
    for (target, run, _) in TARGETS {
        for (name, bytes) in seeds_of(target) {
            println!("{target}/{name}");
            run(&bytes);
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, u8),
    Cut(Index),
    /// Goes on as another seed does.
    Splice(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(at, seed)| Change::Splice(at, seed)),
    ]
}

fn changed(seeds: &[Vec<u8>], first: Index, changes: &[Change]) -> Vec<u8> {
    let mut bytes = first.get(seeds).clone();
    for change in changes {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match change {
            Change::Set(index, byte) => {
                let at = at(index);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Change::Insert(index, byte) => {
                let at = at(index);
                bytes.insert(at, *byte);
            }
            Change::Cut(index) => {
                let at = at(index);
                bytes.truncate(at);
            }
            Change::Splice(index, seed) => {
                let at = at(index);
                bytes.truncate(at);
                let other: &Vec<u8> = seed.get(seeds);
                bytes.extend_from_slice(other);
            }
        }
    }
    bytes
}

#[test]
fn mutations_of_the_seeds_pass_their_targets() {
    for (target, run, cases) in TARGETS {
        let seeds: Vec<Vec<u8>> = seeds_of(target).into_values().collect();
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let changes = (any::<Index>(), prop::collection::vec(change(), 0..6));
        let result = TestRunner::new(config).run(&changes, |(first, changes)| {
            run(&changed(&seeds, first, &changes));
            Ok(())
        });
        if let Err(error) = result {
            panic!("{target}: {error}");
        }
    }
}
