//! Claims about the end of speech, on synthetic sounds.

use super::*;

/// A voice-like sound: 150 Hz with harmonics, `amp` of full scale 32767.
fn voice(milliseconds: u32, amp: f64) -> Vec<i16> {
    (0..ms(milliseconds))
        .map(|i| {
            let t = i as f64 / f64::from(RATE) * std::f64::consts::TAU * 150.0;
            (amp * (t.sin() + 0.5 * (2.0 * t).sin() + 0.25 * (5.0 * t).sin()) / 1.75) as i16
        })
        .collect()
}

/// White noise from a fixed seed.
fn noise(milliseconds: u32, amp: f64) -> Vec<i16> {
    let mut seed = 0x2545_f491_u32;
    (0..ms(milliseconds))
        .map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            ((f64::from(seed) / f64::from(u32::MAX) * 2.0 - 1.0) * amp) as i16
        })
        .collect()
}

fn mix(a: &[i16], b: &[i16]) -> Vec<i16> {
    a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect()
}

/// Feeds in blocks of an odd size, as a sound server may, until an utterance is over.
fn run(endpointer: &mut Endpointer, samples: &[i16]) -> Option<Utterance> {
    samples.chunks(333).find_map(|block| match endpointer.feed(block) {
        Heard::Over(utterance) => Some(utterance),
        Heard::Quiet | Heard::Began(_) | Heard::Speaking(_) => None,
    })
}

#[test]
fn silence_and_steady_noise_are_no_utterance() {
    for background in [vec![0; ms(5000)], noise(5000, 60.0), noise(5000, 3000.0)] {
        let mut endpointer = Endpointer::new();
        assert_eq!(run(&mut endpointer, &background), None);
        assert!(!endpointer.speaking());
        assert_eq!(endpointer.heard_ms(), 5000, "counted in whole frames of what was fed");
    }
}

#[test]
fn a_word_is_cut_out_with_its_edges_and_ends_after_the_hang_time() {
    let sound = [vec![0; ms(700)], voice(600, 8000.0), vec![0; ms(900)]].concat();
    let utterance = run(&mut Endpointer::new(), &sound).expect("a word");
    assert!((HANG_MS..HANG_MS + 30).contains(&utterance.waited_ms), "{}", utterance.waited_ms);
    let length = utterance.samples.len() * 1000 / RATE as usize;
    assert!((1050..1250).contains(&length), "pre-roll, word and post-roll: {length} ms");
    assert!((55..=65).contains(&utterance.voiced), "{} frames", utterance.voiced);
}

#[test]
fn a_word_over_noise_is_found_with_hardly_any_of_the_noise_around_it() {
    let word = [vec![0; ms(1700)], voice(600, 8000.0), vec![0; ms(1200)]].concat();
    for (amplitude, lengths) in [(30.0, 1050..1150), (1000.0, 720..780)] {
        let sound = mix(&noise(3500, amplitude), &word);
        let utterance = run(&mut Endpointer::new(), &sound).expect("a word");
        assert!((50..=75).contains(&utterance.voiced), "{} frames", utterance.voiced);
        let length = utterance.samples.len() * 1000 / RATE as usize;
        assert!(lengths.contains(&length), "in noise of {amplitude}: {length} ms");
    }
}

#[test]
fn what_is_heard_as_it_is_spoken_begins_well_before_the_first_loud_frame() {
    let sound = [vec![0; ms(1500)], voice(600, 8000.0)].concat();
    let mut endpointer = Endpointer::new();
    let began = sound.chunks(160).enumerate().find_map(|(at, step)| match endpointer.feed(step) {
        Heard::Began(samples) => Some(((at + 1) * 160, samples)),
        Heard::Quiet | Heard::Speaking(_) | Heard::Over(_) => None,
    });
    let (until, samples) = began.expect("a beginning");
    assert_eq!(samples, sound[ms(1500 - PRE_ROLL_MS)..until]);
}

#[test]
fn a_short_pause_between_words_does_not_end_the_utterance() {
    let sound = [
        vec![0; ms(500)],
        voice(300, 8000.0),
        vec![0; ms(350)],
        voice(400, 8000.0),
        vec![0; ms(800)],
    ]
    .concat();
    let utterance = run(&mut Endpointer::new(), &sound).expect("two words");
    let length = utterance.samples.len() * 1000 / RATE as usize;
    assert!(length > 1300, "both words are in it: {length} ms");
}

#[test]
fn a_click_is_ignored_and_the_word_after_it_is_heard() {
    let sound = [
        vec![0; ms(500)],
        voice(90, 20000.0),
        vec![0; ms(700)],
        voice(500, 8000.0),
        vec![0; ms(700)],
    ]
    .concat();
    let utterance = run(&mut Endpointer::new(), &sound).expect("the word");
    let length = utterance.samples.len() * 1000 / RATE as usize;
    assert!(length < 1250, "the click is not in it: {length} ms");
}

#[test]
fn sound_without_end_is_cut_at_the_longest_command() {
    // Rising and falling, so that it never becomes the background.
    let sound = [vec![0; ms(400)], voice(400, 9000.0), vec![0; ms(100)]].concat();
    let sound = [vec![0; ms(500)], sound[ms(400)..].repeat(40)].concat();
    let utterance = run(&mut Endpointer::new(), &sound).expect("a cut");
    assert!(utterance.samples.len() <= ms(LONGEST_MS));
}

/// Noise that rises and falls as talk nearby does, four times a second.
fn talk(milliseconds: u32, amp: f64) -> Vec<i16> {
    let swell = |at: usize| (at as f64 / f64::from(RATE) * std::f64::consts::TAU * 4.0).sin();
    let noise = noise(milliseconds, amp).into_iter().enumerate();
    noise.map(|(at, sample)| (f64::from(sample) * (0.55 + 0.45 * swell(at))) as i16).collect()
}

#[test]
fn talk_nearby_is_no_utterance_and_neither_begins_one_nor_keeps_it_from_ending() {
    assert_eq!(run(&mut Endpointer::new(), &talk(6_000, 1_500.0)), None);
    let word = [vec![0; ms(2_000)], voice(600, 12_000.0), vec![0; ms(3_000)]].concat();
    let sound = mix(&talk(5_600, 1_500.0), &word);
    let utterance = run(&mut Endpointer::new(), &sound).expect("the word");
    let length = utterance.samples.len() * 1000 / RATE as usize;
    assert!((650..850).contains(&length), "the word alone: {length} ms");
    assert!(utterance.waited_ms < HANG_MS + 60, "{} ms", utterance.waited_ms);
}

#[test]
fn what_follows_the_wake_word_or_another_sentence_as_loud_is_heard() {
    let before = [vec![0; ms(500)], voice(600, 8_000.0), vec![0; ms(300)]].concat();
    let again = [voice(600, 8_000.0), vec![0; ms(900)]].concat();
    assert!(run(&mut Endpointer::after(&before), &again).is_some());
    let mut captions = Endpointer::of_sentences();
    let sentence = [voice(1_800, 8_000.0), vec![0; ms(700)]].concat();
    let talk = [vec![0; ms(500)], sentence.repeat(3)].concat();
    let mut found = 0;
    for block in talk.chunks(320) {
        found += usize::from(matches!(captions.feed(block), Heard::Over(_)));
    }
    assert_eq!(found, 3);
}
