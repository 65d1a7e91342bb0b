//! How well a call goes: what was measured, in three grades and in words.
//!
//! Owns: the grades. Does not own: measuring. Invariant: what was not measured is not claimed.

use ahoy_client::value::{self, Dict};

use crate::words::Words;

/// What was measured; `None`: not yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quality {
    bitrate_in: Option<u64>,
    bitrate_out: Option<u64>,
    /// Packets of a thousand.
    loss: Option<u64>,
    /// ms.
    jitter: Option<u64>,
    round_trip: Option<u64>,
    playout_delay: Option<u64>,
    size: Option<(u64, u64)>,
    codec: String,
    path: String,
}

/// What people make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Good,
    /// One hears that it is a call.
    Fair,
    /// One has to ask again.
    Poor,
}

/// Losses of a thousand that Opus hides well, and that it does not hide any more (its packet loss concealment
/// and redundancy were listened to; no recommendation gives figures for it).
const LOSS: [u64; 2] = [30, 100];
/// From mouth to ear both ways, ms: ITU-T G.114 finds 150 ms one way good for all, 400 ms the limit.
const ROUND_TRIP: [u64; 2] = [300, 800];

impl Quality {
    /// Reads the property of a call.
    pub(crate) fn read(told: &Dict) -> Self {
        let number = |key: &str| told.contains_key(key).then(|| value::number(told, key));
        let loss = told.get("loss").and_then(|loss| f64::try_from(loss).ok());
        Self {
            bitrate_in: number("bitrate-in"),
            bitrate_out: number("bitrate-out"),
            loss: loss.map(|share| (share.clamp(0.0, 1.0) * 1000.0).round() as u64),
            jitter: number("jitter"),
            round_trip: number("round-trip"),
            playout_delay: number("playout-delay"),
            size: number("width").zip(number("height")),
            codec: value::text(told, "codec").to_owned(),
            path: value::text(told, "path").to_owned(),
        }
    }

    /// `None`: nothing that a grade is made of was measured.
    pub(crate) fn grade(&self) -> Option<Grade> {
        let of = |over: [bool; 2]| match over {
            [_, true] => Grade::Poor,
            [true, false] => Grade::Fair,
            [false, false] => Grade::Good,
        };
        let loss = self.loss.map(|loss| of(LOSS.map(|limit| loss > limit)));
        let round_trip = self.round_trip.map(|time| of(ROUND_TRIP.map(|limit| time > limit)));
        loss.into_iter().chain(round_trip).max()
    }

    /// Line by line, what it is and how much.
    pub(crate) fn lines(&self, words: &Words) -> Vec<(String, String)> {
        let time = |time: Option<u64>| time.map(|time| format!("{time} ms"));
        let rate = |rate: Option<u64>| rate.map(|rate| format!("{} kbit/s", rate / 1000));
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let path = text(&self.path).map(|path| words.say(&format!("path-{path}")));
        let all = [
            ("quality-round-trip", time(self.round_trip)),
            ("quality-playout", time(self.playout_delay)),
            ("quality-jitter", time(self.jitter)),
            ("quality-loss", self.loss.map(|loss| format!("{}.{} %", loss / 10, loss % 10))),
            ("quality-in", rate(self.bitrate_in)),
            ("quality-out", rate(self.bitrate_out)),
            ("quality-picture", self.size.map(|(wide, high)| format!("{wide} × {high}"))),
            ("quality-codec", text(&self.codec)),
            ("quality-path", path),
        ];
        let known = all.into_iter().filter_map(|(name, value)| Some((words.say(name), value?)));
        known.collect()
    }
}

impl Grade {
    /// The message that says it.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Good => "quality-good",
            Self::Fair => "quality-fair",
            Self::Poor => "quality-poor",
        }
    }

    /// The icon of it.
    pub(crate) const fn icon(self) -> &'static str {
        match self {
            Self::Good => "network-cellular-signal-excellent-symbolic",
            Self::Fair => "network-cellular-signal-ok-symbolic",
            Self::Poor => "network-cellular-signal-weak-symbolic",
        }
    }
}

#[cfg(test)]
mod tests {
    use zbus::OwnedVariant;

    use super::*;

    fn told(loss: f64, round_trip: u32) -> Quality {
        let value = |value: zbus::Variant<'static>| OwnedVariant::try_from(value).expect("plain");
        let told = Dict::from([
            ("loss".to_owned(), value(loss.into())),
            ("round-trip".to_owned(), value(round_trip.into())),
        ]);
        Quality::read(&told)
    }

    #[test]
    fn the_worst_that_was_measured_is_the_grade_and_nothing_measured_is_none() {
        assert_eq!(Quality::default().grade(), None);
        assert_eq!(told(0.0, 20).grade(), Some(Grade::Good));
        assert_eq!(told(0.05, 20).grade(), Some(Grade::Fair));
        assert_eq!(told(0.0, 900).grade(), Some(Grade::Poor));
        assert_eq!(told(0.5, 400).grade(), Some(Grade::Poor));
    }

    #[test]
    fn only_what_was_measured_has_a_line() {
        let words = Words::new(["en"]);
        assert!(Quality::default().lines(&words).is_empty());
        let lines = told(0.015, 42).lines(&words);
        let values: Vec<&str> = lines.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["42 ms", "1.5 %"]);
    }
}
