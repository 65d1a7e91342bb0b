//! Hours of talk and music in which nobody says the wake word.
//!
//! Owns: what is talked about, in which voice, and the music. Does not own: who listens. Invariant: a
//! part is made from its number alone, when it is needed, and is the same in every run.

use std::f32::consts::TAU;

use ahoy_trial::Result;

use crate::hearing::corpus::{Corpus, RATE, VOICES, Voice, loudness};

/// More voices than commands are spoken in.
const OTHERS: [Voice; 4] = [
    ("kal", &["flite", "-voice", "kal"], true),
    ("british", &["espeak-ng", "-v", "en-gb", "-s", "160"], false),
    ("f4", &["espeak-ng", "-v", "en-us+f4", "-s", "175"], false),
    ("m7", &["espeak-ng", "-v", "en-us+m7", "-s", "150"], false),
];

// What each talks of: ordinary words, as they come, those like the wake word among them.
const WHO: &str = "i we they you he she nobody everyone somebody my_brother her_mother the_teacher our_boss \
    the_doctor a_farmer that_boy this_girl the_driver his_uncle the_captain an_engineer \
    the_old_lady their_neighbour the_cook a_soldier the_police the_crew peter maria \
    my_friends the_children your_sister the_whole_family a_stranger the_postman the_government \
    the_company a_young_man the_student our_landlord the_audience an_artist the_judge the_mayor \
    most_people some_of_them the_other_team a_tall_woman the_baker his_wife the_pilot her_cousin \
    the_nurse the_tourists another_guest the_manager the_winner a_small_dog the_cat the_birds \
    those_workers the_museum the_river this_book the_weather the_train the_last_bus \
    every_visitor the_newspaper no_one people_here the_hotel the_hospital what_he_said";
const DOES: &str = "likes wants sees takes finds enjoys avoids makes keeps sells buys joins brought forgot \
    hopes_for asked_for looked_at talks_about paid_for thought_of hides holds heard hit noticed \
    gave_away put_away opened closed painted cleaned fixed lost found_out_about wrote_about read \
    learned_about waited_for listened_to complained_about remembered promised carried followed \
    visited crossed left reached explained described built repaired cooked ate drank counted \
    measured collected returned borrowed ordered cancelled changed signed needs knows loves \
    hates understands could_not_see will_bring should_have_told_us_about has_never_been_to \
    might_sell used_to_live_near was_surprised_by is_worried_about";
const WHAT: &str = "the_boy a_toy the_oil some_coins a_choice the_voice the_noise the_house a_hotel the_holiday \
    a_high_hill an_egg her_hat a_home the_boat the_harbour a_ship the_kitchen my_coat an_apple \
    the_report two_letters the_newspaper a_bicycle the_garden the_bridge a_sandwich the_station \
    the_window a_hole the_mountains a_cup_of_coffee the_lake his_new_car the_answer a_long_story \
    the_radio three_tickets the_map a_glass_of_water the_second_chapter the_door the_lights \
    a_table_for_four the_concert her_birthday a_picture_of_the_sea the_old_church that_song \
    the_price the_keys a_warm_blanket the_market the_meeting some_bread_and_cheese the_question \
    the_exam a_blue_shirt the_engine the_contract several_mistakes the_results a_better_idea \
    the_beach the_village the_program a_strange_dream the_snow the_forest an_umbrella \
    the_homework";
const WHEN: &str = "today yesterday tomorrow on_monday in_the_morning at_night last_year in_winter before_lunch \
    after_the_game every_day at_half_past_nine for_a_while in_the_end a_long_time_ago as_always \
    as_far_as_i_know away_from_home at_the_hotel in_the_hall on_friday_evening during_the_storm \
    once_a_month two_weeks_later in_september this_afternoon right_now by_the_river \
    near_the_airport without_a_reason of_course at_first to_be_honest as_usual \
    in_front_of_everybody on_the_way_to_work with_a_smile in_a_hurry just_before_midnight \
    all_summer_long";
const AND: &str = "and but because so while although and_then or_else until";

/// Numbers that look drawn (splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn of(&mut self, list: &str) -> String {
        let words: Vec<&str> = list.split_whitespace().collect();
        words[self.below(words.len())].replace('_', " ")
    }

    fn sentence(&mut self) -> String {
        let clause = |draw: &mut Self| {
            let parts = [draw.of(WHO), draw.of(DOES), draw.of(WHAT)].join(" ");
            if draw.below(2) == 0 { format!("{parts} {}", draw.of(WHEN)) } else { parts }
        };
        let mut text = clause(self);
        if self.below(3) == 0 {
            text = format!("{}, {text}", self.of(WHEN));
        }
        while self.below(2) == 0 {
            text = format!("{text} {} {}", self.of(AND), clause(self));
        }
        text
    }
}

/// So many seconds or a little more: of six parts one is music, and in one there is music behind the
/// talk.
pub(super) fn part(corpus: &Corpus, number: usize, seconds: usize) -> Result<Vec<f32>> {
    let mut draw = Draw(number as u64 * 1_000_003);
    if number % 6 == 2 {
        return Ok(music(&mut draw, seconds));
    }
    let mut talk = talk(corpus, &mut draw, number, seconds)?;
    if number % 6 == 5 {
        let music = music(&mut draw, talk.len() / RATE + 1);
        let factor = 0.3 * loudness(&talk) / loudness(&music).max(f32::EPSILON);
        talk.iter_mut().zip(music).for_each(|(talk, music)| *talk += factor * music);
    }
    Ok(talk)
}

/// A few sentences at a time, with pauses as people make them between two thoughts.
fn talk(corpus: &Corpus, draw: &mut Draw, number: usize, seconds: usize) -> Result<Vec<f32>> {
    let voices: Vec<Voice> = VOICES.iter().chain(&OTHERS).copied().collect();
    let voice = voices[number % voices.len()];
    let mut samples = Vec::new();
    while samples.len() < seconds * RATE {
        let text: Vec<String> = (0..4 + draw.below(6)).map(|_| draw.sentence()).collect();
        samples.extend(corpus.synthesize(voice, &text.join(". "))?);
        samples.resize(samples.len() + RATE / 2 + draw.below(2 * RATE), 0.0);
    }
    // A room is never quite silent.
    samples.iter_mut().for_each(|sample| *sample += hiss(draw) * 0.001);
    Ok(samples)
}

fn hiss(draw: &mut Draw) -> f32 {
    (draw.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

/// A piece with chords, a bass, a tune and a beat; every piece another one.
fn music(draw: &mut Draw, seconds: usize) -> Vec<f32> {
    const SCALE: [f32; 7] = [0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 11.0];
    let (root, tempo) = (110.0 + draw.below(110) as f32, 1.4 + draw.below(12) as f32 / 10.0);
    let partials = 2 + draw.below(5);
    let pitch = |step: usize| {
        let octave = (step / SCALE.len()) as f32 * 12.0;
        root * 2_f32.powf((SCALE[step % SCALE.len()] + octave) / 12.0)
    };
    let tone = |hertz: f32, time: f32| -> f32 {
        let wave = |part: usize| (TAU * hertz * part as f32 * time).sin() / part as f32;
        (1..=partials).map(wave).sum()
    };
    let beat = (RATE as f32 / tempo) as usize;
    let mut samples = Vec::with_capacity(seconds * RATE);
    while samples.len() < seconds * RATE {
        let chord = draw.below(6);
        for _ in 0..4 {
            let tune = chord + draw.below(8);
            let drum = 0.2 + 0.3 * draw.below(2) as f32;
            for at in 0..beat {
                let (time, place) = (samples.len() as f32 / RATE as f32, at as f32 / beat as f32);
                let chords: f32 =
                    [0, 2, 4].iter().map(|above| tone(pitch(chord + above), time)).sum();
                let fade = (-3.0 * place).exp();
                let voices = 0.04 * chords
                    + 0.1 * tone(pitch(chord) / 2.0, time)
                    + 0.12 * fade * tone(2.0 * pitch(tune), time);
                samples.push(voices + drum * (-40.0 * place).exp() * hiss(draw));
            }
        }
    }
    samples
}
