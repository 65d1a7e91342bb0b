//! Which names sound nearly like another name or a command.
//!
//! Owns: the comparison of all with all. Does not own: how a name is said, whose it is, or what is to
//! be done about it. Invariant: pure, and bounded: what is compared closely is what counts of sounds
//! cannot tell apart; at most as many pairs come out as asked for.

use serde::{Deserialize, Serialize};

use super::phones::{Phone, Sound};

/// Texts that cost no more than this to be taken for each other are one slip apart ("Tim" and "Jim").
const ONE_SLIP: f64 = 0.65;
/// ... and of short ones the slip must not be most of it.
const LEAST_SHARED: f64 = 0.25;
/// Kinds of sounds that are counted: vowels, and consonants by letter groups.
const KINDS: usize = 8;

/// A text and the ways it may be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// As grammars have it.
    pub text: String,
    /// None: nobody knows.
    pub ways: Vec<Sound>,
}

/// A name, and what it is easily taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alike {
    /// One name.
    pub name: String,
    /// Another name, or a command.
    pub other: String,
    /// Whether the other is a command.
    pub command: bool,
    /// 0 (the same sounds) to 1.
    pub distance: f64,
}

struct Way<'a> {
    text: &'a str,
    command: bool,
    sound: &'a Sound,
    counts: [u8; KINDS],
}

/// The pairs that are easily mistaken, nearest first, at most `limit`; each once.
#[must_use]
pub fn alike(names: &[Spoken], commands: &[Spoken], limit: usize) -> Vec<Alike> {
    let names = names.iter().map(|one| (one, false));
    let all = names.chain(commands.iter().map(|one| (one, true)));
    let mut ways: Vec<Way<'_>> = all
        .flat_map(|(one, command)| {
            one.ways.iter().filter(|sound| !sound.is_empty()).map(move |sound| Way {
                text: &one.text,
                command,
                sound,
                counts: counts(sound),
            })
        })
        .collect();
    ways.sort_by_key(|way| way.sound.phones().len());
    let mut found: Vec<Alike> = Vec::new();
    for (at, one) in ways.iter().enumerate() {
        let longest = one.sound.phones().len() + 1;
        let near = ways[at + 1..].iter().take_while(|way| way.sound.phones().len() <= longest);
        for other in near.filter(|other| may_be_alike(one, other)) {
            if let Some(pair) = compare(one, other) {
                found.push(pair);
            }
        }
    }
    nearest(found, limit)
}

fn may_be_alike(one: &Way<'_>, other: &Way<'_>) -> bool {
    let apart: u32 =
        one.counts.iter().zip(&other.counts).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    // One sound for another of a different kind counts twice.
    let same = one.command == other.command && one.text == other.text;
    apart <= 2 && !(one.command && other.command) && !same
}

fn compare(one: &Way<'_>, other: &Way<'_>) -> Option<Alike> {
    let distance = one.sound.distance(other.sound);
    let longer = one.sound.phones().len().max(other.sound.phones().len());
    if distance > LEAST_SHARED || distance * longer as f64 > ONE_SLIP {
        return None;
    }
    // The name first; of two names, by the alphabet, so that each pair comes once.
    let swap = if one.command == other.command { one.text > other.text } else { one.command };
    let (name, other) = if swap { (other, one) } else { (one, other) };
    Some(Alike {
        name: name.text.to_owned(),
        other: other.text.to_owned(),
        command: other.command,
        distance,
    })
}

/// Several ways of a pair are one pair.
fn nearest(mut found: Vec<Alike>, limit: usize) -> Vec<Alike> {
    found.sort_by(|a, b| {
        let names = (&a.name, &a.other).cmp(&(&b.name, &b.other));
        names.then(a.distance.total_cmp(&b.distance))
    });
    found.dedup_by(|a, b| a.name == b.name && a.other == b.other);
    found.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    found.truncate(limit);
    found
}

fn counts(sound: &Sound) -> [u8; KINDS] {
    let mut counts = [0_u8; KINDS];
    for phone in sound.phones() {
        if let Some(count) = counts.get_mut(kind(*phone)) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

fn kind(phone: Phone) -> usize {
    match phone.as_str() {
        "P" | "B" | "T" | "D" | "K" | "G" => 1,
        "CH" | "JH" | "SH" | "ZH" => 2,
        "S" | "Z" | "TH" | "DH" | "F" | "V" => 3,
        "HH" => 4,
        "M" | "N" | "NG" => 5,
        "L" | "R" => 6,
        "W" | "Y" => 7,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(text: &str, ways: &[&str]) -> Spoken {
        Spoken { text: text.into(), ways: ways.iter().map(|way| Sound::parse(way)).collect() }
    }

    #[test]
    fn names_one_slip_apart_and_names_like_commands_are_found_once() {
        let names = [
            spoken("tim smith", &["T IH M S M IH TH"]),
            spoken("jim smith", &["JH IH M S M IH TH"]),
            spoken("sean", &["SH AO N", "S IY N"]),
            spoken("shawn", &["SH AO N"]),
            spoken("moot", &["M UW T"]),
            spoken("zoe brown", &["Z OW IY B R AW N"]),
            spoken("silent", &[]),
            spoken("answer", &["AE N S ER"]),
        ];
        let commands = [spoken("mute", &["M Y UW T"]), spoken("answer", &["AE N S ER"])];
        let found = alike(&names, &commands, 10);
        let pairs: Vec<(&str, &str, bool)> =
            found.iter().map(|one| (one.name.as_str(), one.other.as_str(), one.command)).collect();
        assert_eq!(
            pairs,
            [
                ("answer", "answer", true),
                ("sean", "shawn", false),
                ("jim smith", "tim smith", false),
                ("moot", "mute", true),
            ]
        );
        assert_eq!(alike(&names, &commands, 1).len(), 1);
    }

    #[test]
    fn what_differs_by_more_than_a_slip_is_not_alike() {
        let names = [
            spoken("alice", &["AE L IH S"]),
            spoken("ellis brown", &["EH L IH S B R AW N"]),
            spoken("bob", &["B AA B"]),
            spoken("mark", &["M AA R K"]),
            spoken("jo", &["JH OW"]),
            spoken("bo", &["B OW"]),
        ];
        assert_eq!(alike(&names, &[], 10), []);
    }
}
