//! PocketSphinx 5prealpha, as Debian has it (`libpocketsphinx-dev`).
//!
//! Owns: one decoder and every unsafe call to it. Does not own: grammars or what a score means.
//! Invariant: a [`Decoder`] is configured, not null, and used by one thread at a time.
#![expect(unsafe_code, reason = "the C interface of libpocketsphinx and libsphinxbase")]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr::{self, NonNull},
};

#[link(name = "pocketsphinx")]
unsafe extern "C" {
    fn ps_args() -> *const c_void;
    fn ps_init(config: *mut c_void) -> *mut c_void;
    fn ps_free(ps: *mut c_void) -> c_int;
    fn ps_add_word(
        ps: *mut c_void,
        word: *const c_char,
        phones: *const c_char,
        update: c_int,
    ) -> c_int;
    fn ps_lookup_word(ps: *mut c_void, word: *const c_char) -> *mut c_char;
    fn ps_get_config(ps: *mut c_void) -> *mut c_void;
    fn ps_get_logmath(ps: *mut c_void) -> *mut c_void;
    fn ps_set_fsg(ps: *mut c_void, name: *const c_char, fsg: *mut c_void) -> c_int;
    fn ps_set_keyphrase(ps: *mut c_void, name: *const c_char, keyphrase: *const c_char) -> c_int;
    fn ps_set_search(ps: *mut c_void, name: *const c_char) -> c_int;
    fn ps_start_stream(ps: *mut c_void) -> c_int;
    fn ps_start_utt(ps: *mut c_void) -> c_int;
    fn ps_end_utt(ps: *mut c_void) -> c_int;
    fn ps_process_raw(
        ps: *mut c_void,
        data: *const i16,
        n_samples: usize,
        no_search: c_int,
        full_utt: c_int,
    ) -> c_int;
    fn ps_get_hyp(ps: *mut c_void, out_best_score: *mut i32) -> *const c_char;
    fn ps_get_n_frames(ps: *mut c_void) -> c_int;
    fn ps_seg_iter(ps: *mut c_void) -> *mut c_void;
    fn ps_seg_next(seg: *mut c_void) -> *mut c_void;
    fn ps_seg_word(seg: *mut c_void) -> *const c_char;
    fn ps_seg_frames(seg: *mut c_void, out_sf: *mut c_int, out_ef: *mut c_int);
    fn ps_seg_prob(
        seg: *mut c_void,
        out_ascr: *mut i32,
        out_lscr: *mut i32,
        out_lback: *mut i32,
    ) -> i32;
}

#[link(name = "sphinxbase")]
unsafe extern "C" {
    fn cmd_ln_parse_r(
        inout: *mut c_void,
        defn: *const c_void,
        argc: i32,
        argv: *mut *mut c_char,
        strict: i32,
    ) -> *mut c_void;
    fn cmd_ln_free_r(config: *mut c_void) -> c_int;
    fn cmd_ln_float_r(config: *mut c_void, name: *const c_char) -> f64;
    fn err_set_logfp(stream: *mut c_void);
    fn fsg_model_read(stream: *mut c_void, lmath: *mut c_void, lw: f32) -> *mut c_void;
    fn fsg_model_free(fsg: *mut c_void) -> c_int;
    fn ckd_free(pointer: *mut c_void);
}

unsafe extern "C" {
    fn fmemopen(buffer: *mut c_void, size: usize, mode: *const c_char) -> *mut c_void;
    fn fclose(stream: *mut c_void) -> c_int;
}

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    fn malloc_trim(pad: usize) -> c_int;
}

/// What the library calls the search that the options of a decoder describe.
pub(crate) const DEFAULT_SEARCH: &CStr = c"_default";

/// Samples given to the library at a time while an utterance goes on: 0.1 s.
const PIECE: usize = 1_600;

/// A stretch of the best path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    /// A word, or a filler such as `<sil>`.
    pub(crate) word: String,
    /// Frames of 10 ms.
    pub(crate) frames: usize,
    /// The last of them, counted from the start.
    pub(crate) until: usize,
    /// How well the sound fits, log, higher is better.
    pub(crate) acoustic: i64,
    /// What the search itself makes of it, log.
    pub(crate) score: i32,
}

/// The best path through one search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Path {
    /// Without fillers; `None` if the grammar was not got through.
    pub(crate) text: Option<String>,
    /// Sum of all scores on the path, log.
    pub(crate) score: i64,
    /// In order.
    pub(crate) segments: Vec<Segment>,
}

/// A key phrase in the sound that was decoded last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spotted {
    /// Frames of 10 ms from its beginning to its end.
    pub(crate) frames: usize,
    /// Frames decoded since its end.
    pub(crate) ago: usize,
    /// How far it beats bare phones, log; comparable among matches of one phrase only.
    pub(crate) score: i32,
}

/// A loaded acoustic model and dictionary.
#[derive(Debug)]
pub(crate) struct Decoder(NonNull<c_void>);

// SAFETY: the decoder belongs to this value alone, every method that changes it takes `&mut self`,
// and the library keeps nothing of it in the thread that made it. Its log, which it does keep by
// thread, is off.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Loads; `None` if the files are not what they should be.
    pub(crate) fn new(acoustic: &CStr, dictionary: &CStr) -> Option<Self> {
        Self::with(&[c"-hmm", acoustic, c"-dict", dictionary])
    }

    /// One that knows no word, for finding a key phrase in sound that goes on; every frame counts
    /// in time, also those in which nobody speaks.
    pub(crate) fn of_key_phrases(acoustic: &CStr, threshold: &CStr) -> Option<Self> {
        Self::with(&[c"-hmm", acoustic, c"-kws_threshold", threshold, c"-remove_silence", c"no"])
    }

    /// One for free speech, by a language model.
    pub(crate) fn of_free_speech(
        acoustic: &CStr,
        dictionary: &CStr,
        language: &CStr,
    ) -> Option<Self> {
        Self::with(&[c"-hmm", acoustic, c"-dict", dictionary, c"-lm", language])
    }

    /// One that knows no word, but which phones follow which: for hearing any word as phones. With
    /// the weight and the beams that its makers recommend for that: there are few phones, so more
    /// of them can be followed.
    pub(crate) fn of_phones(acoustic: &CStr, order: &CStr) -> Option<Self> {
        let wide = c"1e-20";
        Self::with(&[
            c"-hmm",
            acoustic,
            c"-allphone",
            order,
            c"-lw",
            c"2.0",
            c"-beam",
            wide,
            c"-pbeam",
            wide,
        ])
    }

    fn with(options: &[&CStr]) -> Option<Self> {
        let words = [c"ahoy-voice"].into_iter().chain(options.iter().copied());
        let mut argv: Vec<*mut c_char> = words.map(|word| word.as_ptr().cast_mut()).collect();
        let argc = i32::try_from(argv.len()).ok()?;
        // SAFETY: `argv` holds `argc` NUL-terminated strings that outlive the call, which copies
        // them and writes to none; the definitions are a static table of the library. Null as the
        // log file switches the library's log off. `config` is released here: ps_init keeps a
        // reference of its own.
        let decoder = unsafe {
            err_set_logfp(ptr::null_mut());
            let config = cmd_ln_parse_r(ptr::null_mut(), ps_args(), argc, argv.as_mut_ptr(), 1);
            if config.is_null() {
                return None;
            }
            let decoder = ps_init(config);
            cmd_ln_free_r(config);
            decoder
        };
        NonNull::new(decoder).map(Self)
    }

    /// The phones of a word; `None`: it is not in the dictionary.
    pub(crate) fn phones(&self, word: &CStr) -> Option<String> {
        // SAFETY: the decoder is live, the word is NUL-terminated, and the answer, if any, is a
        // NUL-terminated text in memory of ours to free, which is copied before.
        unsafe {
            let phones = ps_lookup_word(self.0.as_ptr(), word.as_ptr());
            if phones.is_null() {
                return None;
            }
            let copy = CStr::from_ptr(phones).to_string_lossy().into_owned();
            ckd_free(phones.cast());
            Some(copy)
        }
    }

    /// Adds a word; false if a phone is not in the model. Grammars see it when next set.
    pub(crate) fn add_word(&mut self, word: &CStr, phones: &CStr) -> bool {
        // SAFETY: the decoder is live; both strings are NUL-terminated and copied.
        unsafe { ps_add_word(self.0.as_ptr(), word.as_ptr(), phones.as_ptr(), 0) >= 0 }
    }

    /// Compiles a grammar under a name; false if it is not in the library's format or has a word
    /// that the dictionary lacks.
    pub(crate) fn set_grammar(&mut self, name: &CStr, network: &str) -> bool {
        let ps = self.0.as_ptr();
        let mode = c"r".as_ptr();
        // SAFETY: the stream reads the bytes of `network`, which outlive it, and writes none: it is
        // opened for reading. The decoder is live; its configuration and its table of logarithms
        // are its own, and live as long. The model is released here: ps_set_fsg keeps a reference of
        // its own.
        unsafe {
            let stream = fmemopen(network.as_ptr().cast_mut().cast(), network.len(), mode);
            if stream.is_null() {
                return false;
            }
            let weight = cmd_ln_float_r(ps_get_config(ps), c"-lw".as_ptr());
            let model = fsg_model_read(stream, ps_get_logmath(ps), weight as f32);
            fclose(stream);
            if model.is_null() {
                return false;
            }
            let set = ps_set_fsg(ps, name.as_ptr(), model);
            fsg_model_free(model);
            set == 0
        }
    }

    /// Looks for a phrase of known words under a name.
    pub(crate) fn set_key_phrase(&mut self, name: &CStr, phrase: &CStr) -> bool {
        // SAFETY: the decoder is live; both strings are NUL-terminated and copied.
        unsafe { ps_set_keyphrase(self.0.as_ptr(), name.as_ptr(), phrase.as_ptr()) == 0 }
    }

    /// The key phrase, if it was in the sound so far. Answers again until the next `start`.
    pub(crate) fn spotted(&mut self) -> Option<Spotted> {
        self.hypothesis().0?;
        let path = self.path();
        let last = path.segments.last()?;
        let ago = self.decoded().saturating_sub(last.until + 1);
        Some(Spotted { frames: last.frames, ago, score: last.score })
    }

    /// Begins an utterance with the grammar of this name.
    pub(crate) fn start(&mut self, name: &CStr) -> bool {
        let ps = self.0.as_ptr();
        // SAFETY: the decoder is live and the name NUL-terminated.
        unsafe {
            ps_set_search(ps, name.as_ptr()) == 0
                && ps_start_stream(ps) == 0
                && ps_start_utt(ps) == 0
        }
    }

    /// Decodes sound; `whole` if this is all there will be, which allows for normalising over it.
    pub(crate) fn process(&mut self, samples: &[i16], whole: bool) -> bool {
        // In pieces: with some seconds at once, that are not all, the library runs out of its ring
        // of features and crashes (seen with eight).
        let piece = if whole { samples.len() } else { PIECE };
        samples.chunks(piece.max(1)).all(|piece| {
            // SAFETY: the decoder is live and `piece` is valid for its length.
            unsafe {
                ps_process_raw(self.0.as_ptr(), piece.as_ptr(), piece.len(), 0, c_int::from(whole))
                    >= 0
            }
        })
    }

    /// Ends the utterance.
    pub(crate) fn end(&mut self) -> bool {
        // SAFETY: the decoder is live.
        unsafe { ps_end_utt(self.0.as_ptr()) >= 0 }
    }

    /// Frames decoded of this utterance.
    pub(crate) fn decoded(&self) -> usize {
        // SAFETY: the decoder is live.
        let decoded = unsafe { ps_get_n_frames(self.0.as_ptr()) };
        usize::try_from(decoded).unwrap_or(0)
    }

    /// The best text so far and its score.
    pub(crate) fn hypothesis(&mut self) -> (Option<String>, i64) {
        let mut score = 0;
        // SAFETY: the decoder is live; the text is the decoder's and copied at once.
        let text = unsafe {
            let text = ps_get_hyp(self.0.as_ptr(), &raw mut score);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        };
        (text, i64::from(score))
    }

    /// The best path of the utterance so far.
    pub(crate) fn path(&mut self) -> Path {
        let (text, score) = self.hypothesis();
        let mut segments = Vec::new();
        // SAFETY: the decoder is live. The iterator is freed by the library when it answers null,
        // which this loop runs to; each word belongs to the iterator and is copied at once.
        unsafe {
            let mut segment = ps_seg_iter(self.0.as_ptr());
            while !segment.is_null() {
                let (mut from, mut to) = (0, 0);
                ps_seg_frames(segment, &raw mut from, &raw mut to);
                let (mut acoustic, mut grammar, mut back) = (0, 0, 0);
                let score =
                    ps_seg_prob(segment, &raw mut acoustic, &raw mut grammar, &raw mut back);
                let word = ps_seg_word(segment);
                if !word.is_null() {
                    segments.push(Segment {
                        word: CStr::from_ptr(word).to_string_lossy().into_owned(),
                        frames: usize::try_from(to - from + 1).unwrap_or(0),
                        until: usize::try_from(to).unwrap_or(0),
                        acoustic: i64::from(acoustic),
                        score,
                    });
                }
                segment = ps_seg_next(segment);
            }
        }
        Path { text, score, segments }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the only reference, taken from ps_init, and not used again.
        unsafe { ps_free(self.0.as_ptr()) };
        // A dictionary is a hundred thousand small pieces, which the allocator would keep: 14 MB of
        // a process that may wait for months (measured).
        #[cfg(target_env = "gnu")]
        // SAFETY: gives pages back that nothing lives in; may be called at any time in any thread.
        unsafe {
            malloc_trim(0);
        }
    }
}
