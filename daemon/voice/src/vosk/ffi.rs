//! libvosk, opened at run time.
//!
//! Owns: finding the library, and every unsafe call to it. Does not own: grammars or scores.
//! Invariant: a [`Model`] outlives its recognisers, and no pointer outlives the library, which is
//! never closed.
#![expect(unsafe_code, reason = "the C interface of libvosk")]

use std::{
    env,
    ffi::{CStr, CString, OsStr, OsString, c_char, c_float, c_int, c_void},
    path::PathBuf,
    ptr::NonNull,
    sync::Arc,
    sync::OnceLock,
};

type Pointer = *mut c_void;

/// The functions of the library that are used here.
#[derive(Debug)]
struct Functions {
    model_new: unsafe extern "C" fn(*const c_char) -> Pointer,
    model_free: unsafe extern "C" fn(Pointer),
    model_find_word: unsafe extern "C" fn(Pointer, *const c_char) -> c_int,
    recognizer_new: unsafe extern "C" fn(Pointer, c_float) -> Pointer,
    recognizer_new_grm: unsafe extern "C" fn(Pointer, c_float, *const c_char) -> Pointer,
    recognizer_free: unsafe extern "C" fn(Pointer),
    recognizer_set_words: unsafe extern "C" fn(Pointer, c_int),
    recognizer_accept_waveform_s: unsafe extern "C" fn(Pointer, *const i16, c_int) -> c_int,
    recognizer_result: unsafe extern "C" fn(Pointer) -> *const c_char,
    recognizer_partial_result: unsafe extern "C" fn(Pointer) -> *const c_char,
    recognizer_final_result: unsafe extern "C" fn(Pointer) -> *const c_char,
}

/// The loaded library. Once loaded it stays: C++ libraries do not survive being closed.
#[derive(Debug)]
pub(crate) struct Library {
    functions: Functions,
    _library: libloading::Library,
}

static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();

impl Library {
    /// The library, loaded on the first call.
    pub(crate) fn open() -> Result<&'static Self, String> {
        let loaded = LIBRARY.get_or_init(|| {
            let mut why = Vec::new();
            for place in places() {
                match Self::load(&place) {
                    Ok(library) => return Ok(library),
                    Err(error) => why.push(error.to_string()),
                }
            }
            Err(why.join("; "))
        });
        loaded.as_ref().map_err(Clone::clone)
    }

    fn load(place: &OsStr) -> Result<Self, libloading::Error> {
        // SAFETY: the initialisers of a library from a place that only the user or the system can
        // write to; each signature is that of vosk_api.h 0.3.45, and `symbol` copies function
        // pointers that stay valid because the library is kept beside them and never closed.
        unsafe {
            let library = libloading::Library::new(place)?;
            let set_log_level =
                *library.get::<unsafe extern "C" fn(c_int)>(c"vosk_set_log_level")?;
            set_log_level(-1);
            let functions = Functions {
                model_new: *library.get(c"vosk_model_new")?,
                model_free: *library.get(c"vosk_model_free")?,
                model_find_word: *library.get(c"vosk_model_find_word")?,
                recognizer_new: *library.get(c"vosk_recognizer_new")?,
                recognizer_new_grm: *library.get(c"vosk_recognizer_new_grm")?,
                recognizer_free: *library.get(c"vosk_recognizer_free")?,
                recognizer_set_words: *library.get(c"vosk_recognizer_set_words")?,
                recognizer_accept_waveform_s: *library.get(c"vosk_recognizer_accept_waveform_s")?,
                recognizer_result: *library.get(c"vosk_recognizer_result")?,
                recognizer_partial_result: *library.get(c"vosk_recognizer_partial_result")?,
                recognizer_final_result: *library.get(c"vosk_recognizer_final_result")?,
            };
            Ok(Self { functions, _library: library })
        }
    }
}

/// Where the library may be, in order.
pub(crate) fn places() -> Vec<OsString> {
    let mut places: Vec<OsString> = env::var_os("AHOY_LIBVOSK").into_iter().collect();
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    if let Some(data) = data.filter(|data| data.is_absolute()) {
        places.push(data.join("ahoy/lib/libvosk.so").into());
    }
    places.push("/usr/lib/ahoy/libvosk.so".into());
    places.push("libvosk.so".into());
    places
}

/// A loaded model.
#[derive(Debug)]
pub(crate) struct Model {
    library: &'static Library,
    pointer: NonNull<c_void>,
}

// SAFETY: the model is read only once it is loaded, and the library counts its users atomically
// (vosk_api.h: one model may serve recognisers in several threads).
unsafe impl Send for Model {}
// SAFETY: as above; `knows` only reads.
unsafe impl Sync for Model {}

impl Model {
    /// Loads; `None` if the files are not what they should be.
    pub(crate) fn new(library: &'static Library, dir: &CStr) -> Option<Arc<Self>> {
        // SAFETY: the path is NUL-terminated and copied; the library answers null on failure.
        let pointer = unsafe { (library.functions.model_new)(dir.as_ptr()) };
        NonNull::new(pointer).map(|pointer| Arc::new(Self { library, pointer }))
    }

    /// Whether the lexicon has a word.
    pub(crate) fn knows(&self, word: &CStr) -> bool {
        // SAFETY: the model is live and the word NUL-terminated.
        let id = unsafe {
            (self.library.functions.model_find_word)(self.pointer.as_ptr(), word.as_ptr())
        };
        id >= 0
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: recognisers keep their model alive, so none is left.
        unsafe { (self.library.functions.model_free)(self.pointer.as_ptr()) };
    }
}

/// A recogniser of one grammar.
#[derive(Debug)]
pub(crate) struct Decoder {
    model: Arc<Model>,
    pointer: NonNull<c_void>,
}

// SAFETY: the recogniser belongs to this value alone, every method that changes it takes `&mut self`,
// and the library keeps nothing of it in the thread that made it.
unsafe impl Send for Decoder {}

impl Decoder {
    /// One for a grammar: a JSON list of phrases.
    pub(crate) fn new(model: &Arc<Model>, rate: u32, grammar: &CString) -> Option<Self> {
        let functions = &model.library.functions;
        // SAFETY: the model is live, and the grammar NUL-terminated and copied.
        let pointer = unsafe {
            (functions.recognizer_new_grm)(
                model.pointer.as_ptr(),
                rate as c_float,
                grammar.as_ptr(),
            )
        };
        Self::with_words(model, pointer)
    }

    /// One for whatever the model knows.
    pub(crate) fn of_free_speech(model: &Arc<Model>, rate: u32) -> Option<Self> {
        let functions = &model.library.functions;
        // SAFETY: the model is live.
        let pointer =
            unsafe { (functions.recognizer_new)(model.pointer.as_ptr(), rate as c_float) };
        Self::with_words(model, pointer)
    }

    /// Takes a new recogniser of this model, and asks it to tell words.
    fn with_words(model: &Arc<Model>, pointer: Pointer) -> Option<Self> {
        let pointer = NonNull::new(pointer)?;
        // SAFETY: the recogniser is live and ours; its model is kept alive by `Self`.
        unsafe { (model.library.functions.recognizer_set_words)(pointer.as_ptr(), 1) };
        Some(Self { model: Arc::clone(model), pointer })
    }

    /// Takes in sound; true when the library found an end of speech of its own.
    pub(crate) fn accept(&mut self, samples: &[i16]) -> Option<bool> {
        let count = c_int::try_from(samples.len()).ok()?;
        // SAFETY: the recogniser is live and `samples` valid for `count`.
        let answer = unsafe {
            (self.model.library.functions.recognizer_accept_waveform_s)(
                self.pointer.as_ptr(),
                samples.as_ptr(),
                count,
            )
        };
        (answer >= 0).then_some(answer == 1)
    }

    /// JSON: what was said up to the library's own end of speech.
    pub(crate) fn result(&mut self) -> String {
        self.text(self.model.library.functions.recognizer_result)
    }

    /// JSON: what is understood so far.
    pub(crate) fn partial(&mut self) -> String {
        self.text(self.model.library.functions.recognizer_partial_result)
    }

    /// JSON: what was said up to now. The recogniser starts anew.
    pub(crate) fn last(&mut self) -> String {
        self.text(self.model.library.functions.recognizer_final_result)
    }

    fn text(&mut self, function: unsafe extern "C" fn(Pointer) -> *const c_char) -> String {
        // SAFETY: the recogniser is live; the text is its own until the next call and copied at
        // once.
        unsafe {
            let text = function(self.pointer.as_ptr());
            if text.is_null() {
                return String::new();
            }
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the only reference; its model is released after it.
        unsafe { (self.model.library.functions.recognizer_free)(self.pointer.as_ptr()) };
    }
}
