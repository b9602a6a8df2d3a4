//! Names for what is different in every run: captured ids, times, addresses, directories.

use std::collections::BTreeMap;

/// What a scenario knows by name.
pub(super) struct Masks {
    /// `${T}` → the id.
    names: BTreeMap<String, String>,
    /// What is between a recorded user and the one who does it here.
    suffix: String,
}

impl Masks {
    /// With the address of the gateway. A scenario has users of its own: those of others may have the same names.
    pub(super) fn new(base: &str, number: usize) -> Self {
        Self { names: BTreeMap::from([("${BASE}".to_owned(), base.to_owned())]), suffix: format!(".rec{number}x") }
    }

    /// The user here for a recorded one.
    pub(super) fn user(&self, recorded: &str) -> String {
        format!("{recorded}{}", self.suffix)
    }

    /// Names a value: a captured id or a directory.
    pub(super) fn name(&mut self, name: String, value: &str) {
        self.names.insert(name, value.to_owned());
    }

    /// Fills in what a step of the recording only names.
    pub(super) fn fill(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Our answer in the words of the recording.
    pub(super) fn mask(&self, text: &str) -> String {
        let mut names: Vec<_> = self.names.iter().collect();
        // A directory may be inside another one.
        names.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        names.iter().fold(text.replace(&self.suffix, ""), |text, (name, value)| text.replace(value.as_str(), name))
    }
}

/// Whether a text is what a recorded one says, where `<id>` is any id and `<time>` any time.
pub(super) fn fits(recorded: &str, text: &str) -> bool {
    let first = ["<id>", "<time>"].into_iter().filter_map(|mask| Some((recorded.find(mask)?, mask))).min();
    let Some((at, mask)) = first else {
        return recorded == text;
    };
    let Some(text) = text.strip_prefix(&recorded[..at]) else {
        return false;
    };
    let recorded = &recorded[at + mask.len()..];
    // Tables have times without microseconds.
    let shapes: &[&str] = if mask == "<id>" { &["xxxxxxxx"] } else { &[TIME, &TIME[..19]] };
    shapes.iter().any(|shape| {
        text.get(..shape.len()).is_some_and(|part| has_shape(part, shape)) && fits(recorded, &text[shape.len()..])
    })
}

/// The shape of times in answers: UTC, microseconds, no zone.
const TIME: &str = "dddd-dd-ddTdd:dd:dd.dddddd";

/// Whether a text is a whole time with microseconds.
pub(super) fn is_time(text: &str) -> bool {
    has_shape(text, TIME)
}

/// `d` is a digit, `x` a hexadecimal one.
fn has_shape(text: &str, shape: &str) -> bool {
    let same = |(text, shape): (char, char)| match shape {
        'd' => text.is_ascii_digit(),
        'x' => text.is_ascii_digit() || ('a'..='f').contains(&text),
        _ => text == shape,
    };
    text.chars().count() == shape.len() && text.chars().zip(shape.chars()).all(same)
}

#[test]
fn masks_fit_what_they_stand_for() {
    assert!(fits("Task <id> at <time>.", "Task 0123abcd at 2026-01-02T03:04:05."));
    assert!(fits("<time>", "2026-01-02T03:04:05.000006") && is_time("2026-01-02T03:04:05.000006"));
    assert!(!is_time("2026-01-02T03:04:05Z") && !fits("<id>", "0123ABCD") && !fits("a <id>", "a 0123abcde"));
}
