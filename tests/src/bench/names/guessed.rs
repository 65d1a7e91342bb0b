//! How espeak-ng would say the names that the dictionary lacks, as `ahoyd` asks it.
//!
//! Owns: asking once and waiting. Does not own: what is asked (`ahoy::desktop::phonemes`). Invariant:
//! ends, with an error where nothing comes.

use std::{collections::BTreeSet, time::Duration};

use ahoy::{
    desktop::phonemes::{Names, Phonemes},
    tasks::Tasks,
};
use ahoy_core::voice::{Book, Grammar, Sounds, Ways};
use ahoy_trial::{Result, Trouble};

use crate::hearing::MODEL;

/// More than a full book takes.
const LONGEST: Duration = Duration::from_secs(60);

/// The sounds that go with a grammar of these names.
pub(super) fn ways(book: &Book, grammar: &Grammar) -> Result<Ways> {
    let words: BTreeSet<String> =
        book.forms().flat_map(|form| form.split(' ')).map(str::to_owned).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Trouble::io("a runtime"))?;
    let guessed = runtime.block_on(async {
        let dictionary = format!("{MODEL}/cmudict-en-us.dict");
        let (mut phonemes, task) = Phonemes::new("espeak-ng".into(), dictionary.into());
        let mut tasks = Tasks::new();
        tasks.spawn("phonemes", |token| task.run(token));
        phonemes.ask(Names { words: words.into_iter().collect(), beside_dictionary: true });
        let found = tokio::time::timeout(LONGEST, phonemes.found.recv()).await;
        tasks.stop(Duration::from_secs(1)).await;
        found.ok().flatten()
    });
    let missing = || Trouble::program("espeak-ng", "it says nothing of names");
    let mut sounds = Sounds::default();
    sounds.set_guessed(guessed.ok_or_else(missing)?);
    Ok(sounds.of(grammar))
}
