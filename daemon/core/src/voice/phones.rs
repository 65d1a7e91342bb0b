//! The sounds of English as recognisers name them (ARPAbet), and how alike two of them are.
//!
//! Owns: the 39 phones of the CMU dictionary, reading them from text, the weighted distance between
//! two sequences. Does not own: where a pronunciation comes from (a dictionary, rules, a synthesizer,
//! a person's own mouth). Invariant: a sequence holds at most [`MOST_PHONES`] phones of that set,
//! whatever text it was read from; the distance is symmetric, 0 for the same and at most 1.

use std::fmt;

/// Longer than any name that is said in one breath.
pub const MOST_PHONES: usize = 48;

/// What a phone is like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Where the tongue is: open to close, back to front, each 0 to 3; whether it glides on.
    Vowel { open: u8, front: u8, glides: bool },
    /// Place from the lips (0) to the throat (7), manner, whether the voice sounds.
    Consonant { place: u8, manner: Manner, voiced: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Stop,
    Affricate,
    Fricative,
    Nasal,
    Liquid,
    Glide,
}

const fn vowel(open: u8, front: u8) -> Kind {
    Kind::Vowel { open, front, glides: false }
}

const fn glide(open: u8, front: u8) -> Kind {
    Kind::Vowel { open, front, glides: true }
}

const fn consonant(place: u8, manner: Manner, voiced: bool) -> Kind {
    Kind::Consonant { place, manner, voiced }
}

/// All of them, as the dictionary writes them.
const PHONES: [(&str, Kind); 39] = [
    ("AA", vowel(3, 0)),
    ("AE", vowel(3, 3)),
    ("AH", vowel(2, 1)),
    ("AO", vowel(2, 0)),
    ("AW", glide(3, 1)),
    ("AY", glide(3, 2)),
    ("B", consonant(0, Manner::Stop, true)),
    ("CH", consonant(4, Manner::Affricate, false)),
    ("D", consonant(3, Manner::Stop, true)),
    ("DH", consonant(2, Manner::Fricative, true)),
    ("EH", vowel(2, 3)),
    ("ER", vowel(1, 1)),
    ("EY", glide(1, 3)),
    ("F", consonant(1, Manner::Fricative, false)),
    ("G", consonant(6, Manner::Stop, true)),
    ("HH", consonant(7, Manner::Fricative, false)),
    ("IH", vowel(1, 3)),
    ("IY", vowel(0, 3)),
    ("JH", consonant(4, Manner::Affricate, true)),
    ("K", consonant(6, Manner::Stop, false)),
    ("L", consonant(3, Manner::Liquid, true)),
    ("M", consonant(0, Manner::Nasal, true)),
    ("N", consonant(3, Manner::Nasal, true)),
    ("NG", consonant(6, Manner::Nasal, true)),
    ("OW", glide(1, 0)),
    ("OY", glide(2, 1)),
    ("P", consonant(0, Manner::Stop, false)),
    ("R", consonant(4, Manner::Liquid, true)),
    ("S", consonant(3, Manner::Fricative, false)),
    ("SH", consonant(4, Manner::Fricative, false)),
    ("T", consonant(3, Manner::Stop, false)),
    ("TH", consonant(2, Manner::Fricative, false)),
    ("UH", vowel(1, 0)),
    ("UW", vowel(0, 0)),
    ("V", consonant(1, Manner::Fricative, true)),
    ("W", consonant(0, Manner::Glide, true)),
    ("Y", consonant(5, Manner::Glide, true)),
    ("Z", consonant(3, Manner::Fricative, true)),
    ("ZH", consonant(4, Manner::Fricative, true)),
];

/// One sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(u8);

impl Phone {
    /// By its name, in any case and with or without a mark of stress: "AA", "aa", "AA1".
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let at = PHONES.iter().position(|(one, _)| one.eq_ignore_ascii_case(name))?;
        u8::try_from(at).ok().map(Self)
    }

    /// As the dictionary writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        PHONES.get(usize::from(self.0)).map_or("", |(name, _)| name)
    }

    fn kind(self) -> Kind {
        PHONES.get(usize::from(self.0)).map_or(vowel(2, 1), |(_, kind)| *kind)
    }

    /// Whether it makes a syllable.
    #[must_use]
    pub fn is_vowel(self) -> bool {
        matches!(self.kind(), Kind::Vowel { .. })
    }

    /// What it costs to hear one for the other, 0 to 1.
    fn instead(self, other: Self) -> f64 {
        if self == other { 0.0 } else { self.kind().instead(other.kind()) }
    }

    /// What it costs to hear it where it is not, or not to hear it. Weak vowels and breath come and go.
    fn alone(self) -> f64 {
        match self.kind() {
            Kind::Consonant { place: 7, .. } => 0.4,
            Kind::Consonant { manner: Manner::Glide, .. }
            | Kind::Vowel { open: 2, front: 1, glides: false }
            | Kind::Vowel { open: 1, front: 1 | 3, glides: false } => 0.5,
            Kind::Consonant { .. } | Kind::Vowel { .. } => 0.8,
        }
    }
}

impl Kind {
    /// The weights order what listeners mistake: voice first, then place, then manner; vowels for
    /// their neighbours; a vowel for a consonant only where it is the same gesture.
    fn instead(self, other: Self) -> f64 {
        match (self, other) {
            (
                Self::Vowel { open: a, front: b, glides: c },
                Self::Vowel { open: d, front: e, glides: f },
            ) => {
                let apart = f64::from(a.abs_diff(d)) * 0.15 + f64::from(b.abs_diff(e)) * 0.12;
                (0.1 + apart + if c == f { 0.0 } else { 0.1 }).min(0.8)
            }
            (
                Self::Consonant { place: a, manner: b, voiced: c },
                Self::Consonant { place: d, manner: e, voiced: f },
            ) => {
                let place = (f64::from(a.abs_diff(d)) * 0.12).min(0.4);
                let voice = if c == f { 0.0 } else { 0.2 };
                (0.1 + place + voice + b.instead(e)).min(1.0)
            }
            (Self::Vowel { .. }, one @ Self::Consonant { .. })
            | (one @ Self::Consonant { .. }, Self::Vowel { .. }) => match one {
                Self::Consonant { manner: Manner::Glide, .. } => 0.7,
                Self::Consonant { manner: Manner::Liquid, .. } => 0.8,
                Self::Consonant { .. } | Self::Vowel { .. } => 1.0,
            },
        }
    }
}

impl Manner {
    fn instead(self, other: Self) -> f64 {
        let close = matches!(
            (self, other),
            (Self::Stop | Self::Fricative, Self::Affricate)
                | (Self::Affricate, Self::Stop | Self::Fricative)
                | (Self::Liquid, Self::Glide)
                | (Self::Glide, Self::Liquid)
        );
        match (self == other, close) {
            (true, _) => 0.0,
            (false, true) => 0.2,
            (false, false) => 0.4,
        }
    }
}

/// How something is said: phones in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sound(Vec<Phone>);

impl Sound {
    /// The phones of a text that names them ("K IH M"); what is no phone is left out, and what is
    /// past [`MOST_PHONES`], too.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split_whitespace().filter_map(Phone::named).collect()
    }

    /// Nothing is said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The phones.
    #[must_use]
    pub fn phones(&self) -> &[Phone] {
        &self.0
    }

    /// How unlike another sound this is: 0 the same, 1 nothing in common. The cheapest way from one to
    /// the other, over the length of the longer.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        let longer = self.0.len().max(other.0.len());
        if longer == 0 { 0.0 } else { (self.cost(other) / longer as f64).min(1.0) }
    }

    fn cost(&self, other: &Self) -> f64 {
        let mut row = vec![0.0];
        for phone in &other.0 {
            row.push(row.last().copied().unwrap_or_default() + phone.alone());
        }
        for mine in &self.0 {
            let mut before = row.first().copied().unwrap_or_default();
            let mut left = before + mine.alone();
            if let Some(first) = row.first_mut() {
                *first = left;
            }
            for (theirs, cell) in other.0.iter().zip(row.iter_mut().skip(1)) {
                let best = (before + mine.instead(*theirs))
                    .min(left + theirs.alone())
                    .min(*cell + mine.alone());
                before = std::mem::replace(cell, best);
                left = best;
            }
        }
        row.last().copied().unwrap_or_default()
    }
}

impl FromIterator<Phone> for Sound {
    fn from_iter<T: IntoIterator<Item = Phone>>(phones: T) -> Self {
        Self(phones.into_iter().take(MOST_PHONES).collect())
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, phone) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " " })?;
            f.write_str(phone.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(one: &str, other: &str) -> f64 {
        Sound::parse(one).distance(&Sound::parse(other))
    }

    #[test]
    fn what_is_no_phone_is_left_out_and_what_is_too_long_is_cut() {
        assert_eq!(Sound::parse("K XX1 ih 🙏 M\u{0} M").to_string(), "K IH M");
        assert_eq!(Sound::parse(&"AA ".repeat(9_000)).phones().len(), MOST_PHONES);
        assert!(Sound::parse("").is_empty());
        assert_eq!(apart("", ""), 0.0);
    }

    #[test]
    fn the_distance_is_symmetric_and_between_none_and_all() {
        let all: Vec<Sound> =
            (0..39).map(|at| [Phone(at), Phone(38 - at)].into_iter().collect()).collect();
        for one in &all {
            assert_eq!(one.distance(one), 0.0);
            for other in &all {
                let apart = one.distance(other);
                assert!((apart - other.distance(one)).abs() < 1e-9 && (0.0..=1.0).contains(&apart));
            }
        }
    }

    #[test]
    fn names_that_people_mistake_are_nearer_than_those_they_do_not() {
        // John, Joan; Tim, Jim; Ann, Anna ...
        for (one, other) in [
            ("JH AA N", "JH OW N"),
            ("M AA R K", "M AA R T"),
            ("B EH N", "P EH N"),
            ("AE N", "AE N AH"),
        ] {
            assert!(apart(one, other) < 0.25, "{one} {other}: {}", apart(one, other));
        }
        // ... Mark, Zoe; Alice, Bob; Kim, Robert.
        for (one, other) in
            [("M AA R K", "Z OW IY"), ("AE L IH S", "B AA B"), ("K IH M", "R AA B ER T")]
        {
            assert!(apart(one, other) > 0.5, "{one} {other}: {}", apart(one, other));
        }
    }
}
