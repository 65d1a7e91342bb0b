//! What the windows say, in the user's language.
//!
//! Owns: the choice of a language and reading its messages. Does not own: where they are shown.
//! Invariant: every message of the English file is in every other (a test), so each has words.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
use unic_langid::LanguageIdentifier;

const ENGLISH: &str = include_str!("i18n/en.ftl");
const KOREAN: &str = include_str!("i18n/ko.ftl");

/// The messages of one language.
pub(crate) struct Words(FluentBundle<FluentResource>);

impl Words {
    /// In the first of these languages that there is; "ko_KR.UTF-8" is one, as the locale says it.
    pub(crate) fn new<'l>(wanted: impl IntoIterator<Item = &'l str>) -> Self {
        let language = |name: &str| name.split(['_', '-', '.', '@']).next().map(str::to_owned);
        let mut wanted = wanted.into_iter().filter_map(language);
        match wanted.find(|name| ["en", "ko", "C"].contains(&name.as_str())).as_deref() {
            Some("ko") => Self::of("ko", KOREAN),
            _ => Self::of("en", ENGLISH),
        }
    }

    fn of(language: &str, messages: &str) -> Self {
        // Plurals and numbers of a language that is not known are written as in none.
        let language: LanguageIdentifier = language.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![language]);
        // Marks of direction around names would be read aloud by some screen readers.
        bundle.set_use_isolating(false);
        // What can be read of a damaged file counts; the tests read ours.
        let resource = FluentResource::try_new(messages.to_owned());
        bundle.add_resource_overriding(resource.unwrap_or_else(|(part, _)| part));
        Self(bundle)
    }

    /// A message.
    pub(crate) fn say(&self, message: &str) -> String {
        self.with(message, &[])
    }

    /// A message with what is filled in.
    pub(crate) fn with(&self, message: &str, given: &[(&str, &str)]) -> String {
        let pattern = self.0.get_message(message).and_then(|message| message.value());
        let Some(pattern) = pattern else { return message.to_owned() };
        let mut arguments = FluentArgs::new();
        for (name, value) in given {
            // Numbers are numbers, for the plural; nothing else is filled in that looks like one.
            match value.parse::<u32>() {
                Ok(number) => arguments.set(*name, number),
                Err(_) => arguments.set(*name, *value),
            }
        }
        self.0.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(messages: &str) -> BTreeSet<String> {
        assert!(FluentResource::try_new(messages.to_owned()).is_ok(), "{messages}");
        let lines =
            messages.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        lines.filter_map(|line| Some(line.split_once(" =")?.0.to_owned())).collect()
    }

    #[test]
    fn every_language_says_everything() {
        assert_eq!(names(ENGLISH), names(KOREAN));
        assert!(names(ENGLISH).len() > 40);
    }

    #[test]
    fn the_first_language_that_there_is_is_taken() {
        let answer = |wanted: &[&str]| Words::new(wanted.iter().copied()).say("answer");
        assert_eq!(answer(&["tlh", "ko_KR.UTF-8", "en"]), "받기");
        assert_eq!(answer(&["en_GB.UTF-8", "ko"]), "Answer");
        assert_eq!(answer(&[]), "Answer");
    }

    #[test]
    fn names_and_numbers_are_filled_in() {
        let words = Words::new(["en"]);
        assert_eq!(words.with("missed", &[("count", "1")]), "1 missed call");
        assert_eq!(words.with("missed", &[("count", "3")]), "3 missed calls");
        assert_eq!(words.with("call-somebody", &[("name", "Alice")]), "Call Alice");
        assert_eq!(words.say("no such message"), "no such message");
    }
}
