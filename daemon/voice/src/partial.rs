//! What is understood so far, told now and then and only when it is new.
//!
//! Owns: how often it is looked at, and what was told last. Does not own: any recogniser. Invariant: no
//! text is told twice in a row.

/// It is worth a look this often, samples.
const EVERY: usize = 4_800;

/// Of one utterance.
#[derive(Default)]
pub(crate) struct Partial {
    since: usize,
    told: Option<String>,
}

impl Partial {
    /// So many samples more were heard; what is `understood` is asked for when it is time.
    pub(crate) fn hear(
        &mut self,
        samples: usize,
        understood: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        self.since += samples;
        if self.since < EVERY {
            return None;
        }
        self.since = 0;
        let text = understood();
        if text == self.told {
            return None;
        }
        self.told.clone_from(&text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_looked_at_now_and_then_and_told_when_it_is_new() {
        let mut partial = Partial::default();
        let call = || Some("call".to_owned());
        assert_eq!(partial.hear(EVERY - 1, || unreachable!("too early")), None);
        assert_eq!(partial.hear(1, call), call());
        assert_eq!(partial.hear(EVERY, call), None, "nothing new");
        assert_eq!(partial.hear(EVERY, || None), None);
    }
}
