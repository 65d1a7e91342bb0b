//! What was taken for what, as a picture.
//!
//! Owns: counting pairs, drawing them as SVG. Does not own: verdicts. Invariant: a row is what was
//! said, a column what was understood; a row of one command that is always right has one dark field.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use ahoy_core::voice::Kind;
use ahoy_trial::{Result, Trouble};

/// Pixels of a field.
const FIELD: usize = 16;
/// Pixels for the names.
const MARGIN: usize = 150;

/// Counts of pairs; nothing said or understood is `None`.
#[derive(Default)]
pub(super) struct Table(BTreeMap<(Option<Kind>, Option<Kind>), usize>);

fn name(kind: Option<Kind>, none: &'static str) -> &'static str {
    kind.map_or(none, Kind::as_str)
}

impl Table {
    pub(super) fn add(&mut self, said: Option<Kind>, understood: Option<Kind>) {
        *self.0.entry((said, understood)).or_default() += 1;
    }

    /// Writes the picture.
    pub(super) fn draw(&self, path: &Path) -> Result<()> {
        let svg = self.svg();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(Trouble::io("the picture's directory"))?;
        }
        fs::write(path, svg).map_err(Trouble::io(path.display().to_string()))
    }

    fn svg(&self) -> String {
        let mut kinds: Vec<Option<Kind>> = Kind::all().map(|(kind, _)| Some(kind)).collect();
        kinds.push(None);
        let side = MARGIN + kinds.len() * FIELD + 10;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for (row, said) in kinds.iter().enumerate() {
            let place = MARGIN + row * FIELD;
            let middle = place + FIELD - 4;
            // Writing to a String cannot fail.
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\n\
                 <text transform=\"translate({middle} {}) rotate(-90)\">{}</text>",
                MARGIN - 4,
                name(*said, "other speech"),
                MARGIN - 4,
                name(*said, "refused"),
            );
            let all: usize = kinds.iter().filter_map(|got| self.0.get(&(*said, *got))).sum();
            for (column, got) in kinds.iter().enumerate() {
                let count = self.0.get(&(*said, *got)).copied().unwrap_or(0);
                if count == 0 {
                    continue;
                }
                let share = count as f64 / all.max(1) as f64;
                let fill = if said == got { "#1a7f37" } else { "#c0392b" };
                let fill = if got.is_none() && said.is_some() { "#8a8a8a" } else { fill };
                let _ = writeln!(
                    svg,
                    "<rect x=\"{}\" y=\"{place}\" width=\"{FIELD}\" height=\"{FIELD}\" \
                     fill=\"{fill}\" fill-opacity=\"{:.2}\"><title>{} taken for {}: {count} of \
                     {all}</title></rect>",
                    MARGIN + column * FIELD,
                    share.max(0.08),
                    name(*said, "other speech"),
                    name(*got, "nothing"),
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}
