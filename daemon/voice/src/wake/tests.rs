//! The order of things, with an ear that is told what to hear.

use std::collections::VecDeque;

use super::*;
use crate::endpoint::RATE;

/// Hears the word at given places of the sound.
struct Told {
    at: VecDeque<(usize, f64)>,
    heard: usize,
    likeness: f64,
}

impl Told {
    fn new(at: &[(usize, f64)]) -> Self {
        Self { at: at.iter().copied().collect(), heard: 0, likeness: 5.0 }
    }
}

impl Ear for Told {
    fn feed(&mut self, samples: &[i16]) -> Result<Option<Candidate>, RecogniserError> {
        self.heard += samples.len();
        let due = self.at.pop_front_if(|(at, _)| self.heard >= *at + ms(150));
        let found = due.map(|(at, score)| Candidate {
            ago: self.heard - at,
            length: ms(400),
            usual: ms(450),
            score,
        });
        Ok(found)
    }

    fn likeness(&mut self, _: &[i16]) -> Result<Option<f64>, RecogniserError> {
        Ok(Some(self.likeness))
    }
}

const GOOD: f64 = 0.0;
const POOR: f64 = -560.0;

/// So many milliseconds of a buzz, or of next to nothing.
fn sound(milliseconds: u32, loud: bool) -> Vec<i16> {
    let level = if loud { 8_000 } else { 8 };
    let wave = |at: usize| if at % 100 < 50 { level } else { -level };
    (0..ms(milliseconds)).map(wave).collect()
}

/// A second of silence, the word, then what follows.
fn after_the_word(parts: &[(u32, bool)]) -> (Vec<i16>, usize) {
    let mut samples = [sound(1_000, false), sound(450, true)].concat();
    let end = samples.len();
    samples.extend(parts.iter().flat_map(|(time, loud)| sound(*time, *loud)));
    (samples, end)
}

/// What comes out, in words; every utterance reads as the next of `readings`.
fn run(ear: &mut Told, samples: &[i16], readings: &[&str]) -> Vec<String> {
    let mut machine = Wake::new();
    let mut readings = readings.iter();
    let mut outputs = Vec::new();
    for step in samples.chunks(333) {
        machine.handle_sound(step);
        while let Some(output) = machine.poll(ear).expect("an ear without faults") {
            outputs.push(match output {
                Output::Prepare => "prepare".to_owned(),
                Output::Woken => "woken".to_owned(),
                Output::Waiting => "waiting".to_owned(),
                Output::Command(hypotheses) => hypotheses[0].text.clone(),
                Output::Said(said) => {
                    let read = readings.next().copied().unwrap_or_default();
                    let text = (!read.is_empty()).then(|| read.to_owned());
                    let read = text.map(|text| Hypothesis { text, score: 0.9 });
                    machine.handle_reading(read.into_iter().collect());
                    if said.whole.is_some() { "breath" } else { "said" }.to_owned()
                }
            });
        }
    }
    outputs
}

#[test]
fn a_command_in_the_same_breath_is_read_with_the_word() {
    let (samples, end) = after_the_word(&[(100, false), (900, true), (1_000, false)]);
    let outputs = run(&mut Told::new(&[(end, GOOD)]), &samples, &["redial"]);
    assert_eq!(outputs, ["prepare", "woken", "breath", "redial"]);
}

#[test]
fn a_command_after_a_pause_is_read_alone() {
    let (samples, end) = after_the_word(&[(2_500, false), (900, true), (1_000, false)]);
    let outputs = run(&mut Told::new(&[(end, GOOD)]), &samples, &["redial"]);
    assert_eq!(outputs, ["prepare", "woken", "said", "redial"]);
}

#[test]
fn nothing_comes_after_a_command() {
    let (samples, end) = after_the_word(&[(900, true), (2_000, false), (900, true), (900, false)]);
    let mut ear = Told::new(&[(end, GOOD), (end + ms(2_800), GOOD)]);
    assert_eq!(run(&mut ear, &samples, &["redial", "mute"]).last().expect("outputs"), "redial");
}

#[test]
fn four_seconds_after_the_word_alone_it_waits_again() {
    let (mut samples, end) = after_the_word(&[(3_900, false)]);
    assert_eq!(run(&mut Told::new(&[(end, GOOD)]), &samples, &[]), ["prepare", "woken"]);
    samples.extend(sound(200, false));
    assert_eq!(run(&mut Told::new(&[(end, GOOD)]), &samples, &[]), ["prepare", "woken", "waiting"]);
}

#[test]
fn who_has_begun_by_then_is_heard_out() {
    let (samples, end) = after_the_word(&[(3_500, false), (2_000, true), (1_000, false)]);
    let outputs = run(&mut Told::new(&[(end, GOOD)]), &samples, &["redial"]);
    assert_eq!(outputs, ["prepare", "woken", "said", "redial"]);
}

#[test]
fn what_is_no_command_leaves_the_rest_of_the_time() {
    let parts = [(1_000, false), (500, true), (700, false), (900, true), (1_000, false)];
    let (samples, end) = after_the_word(&parts);
    let outputs = run(&mut Told::new(&[(end, GOOD)]), &samples, &["", "redial"]);
    assert_eq!(outputs, ["prepare", "woken", "said", "said", "redial"]);
}

#[test]
fn the_word_again_gives_four_seconds_again_and_is_told_once() {
    let (mut samples, end) = after_the_word(&[(3_000, false), (450, true)]);
    let again = samples.len();
    samples.extend([sound(3_000, false), sound(900, true), sound(1_000, false)].concat());
    let outputs = run(&mut Told::new(&[(end, GOOD), (again, GOOD)]), &samples, &["redial"]);
    assert_eq!(outputs, ["prepare", "woken", "prepare", "said", "redial"]);
}

#[test]
fn a_doubtful_word_is_told_only_with_a_command_in_the_same_breath() {
    let (samples, end) = after_the_word(&[(100, false), (900, true), (1_000, false)]);
    let outputs = run(&mut Told::new(&[(end, POOR)]), &samples, &["redial"]);
    assert_eq!(outputs, ["prepare", "breath", "woken", "redial"]);
    let outputs = run(&mut Told::new(&[(end, POOR)]), &samples, &[""]);
    assert_eq!(outputs, ["prepare", "breath"]);
    let (samples, end) = after_the_word(&[(1_500, false), (900, true), (1_000, false)]);
    assert_eq!(run(&mut Told::new(&[(end, POOR)]), &samples, &["redial"]), ["prepare"]);
}

#[test]
fn a_doubtful_word_does_not_take_the_time_of_a_sure_one() {
    let (samples, end) = after_the_word(&[(1_000, false), (900, true), (1_000, false)]);
    let mut ear = Told::new(&[(end, GOOD), (end + ms(1_600), POOR)]);
    assert_eq!(run(&mut ear, &samples, &["redial"]), ["prepare", "woken", "said", "redial"]);
}

#[test]
fn a_match_in_the_middle_of_talk_or_unlike_the_word_is_none() {
    let samples = [sound(500, false), sound(3_000, true), sound(1_000, false)].concat();
    assert_eq!(run(&mut Told::new(&[(ms(2_500), GOOD)]), &samples, &[]), [""; 0]);
    let (samples, end) = after_the_word(&[(900, true), (1_000, false)]);
    let mut ear = Told { likeness: -9.0, ..Told::new(&[(end, GOOD)]) };
    assert_eq!(run(&mut ear, &samples, &[]), [""; 0]);
}

#[test]
fn sound_that_comes_while_an_utterance_is_read_is_kept() {
    let parts = [(500, false), (600, true), (600, false), (900, true), (1_000, false)];
    let (samples, end) = after_the_word(&parts);
    let (mut machine, mut ear) = (Wake::new(), Told::new(&[(end, GOOD)]));
    machine.handle_sound(&samples);
    let mut said = 0;
    while let Some(output) = machine.poll(&mut ear).expect("an ear without faults") {
        if let Output::Said(_) = output {
            said += 1;
            assert_eq!(
                machine.poll(&mut ear).expect("no fault"),
                None,
                "nothing before the answer"
            );
            machine.handle_reading(Vec::new());
        }
    }
    assert_eq!(said, 2, "both utterances, though all sound came before the first answer");
    assert!(samples.len() > RATE as usize);
}
