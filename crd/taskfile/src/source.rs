//! The file as a reader of messages sees it: its name, and the line that a message is about.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::{Place, Position, yaml::Span};

/// Characters of a line that are shown, on each side of what is marked.
const MARGIN: usize = 60;

/// A file's name and text.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text: text.strip_prefix('\u{feff}').unwrap_or(text) }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The place of a span; none for what is not from the file.
    pub(crate) fn place(&self, span: Span) -> Option<Place> {
        if span.line == 0 {
            return None;
        }
        let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let start = floor(self.text, span.start);
        let end = floor(self.text, span.end).max(start);
        let before = self.text[..start].rsplit(is_break).next().unwrap_or_default();
        let behind = self.text[start..].split(is_break).next().unwrap_or_default();
        let marked = &behind[..behind.len().min(end - start)];
        let cut = before.chars().count().saturating_sub(MARGIN);
        let shown_before = shown(before.chars().skip(cut));
        let line = shown_before.clone() + &shown(behind.chars().take(marked.chars().count().min(MARGIN) + MARGIN));
        let marked = shown(marked.trim_end().chars().take(MARGIN));
        Some(Place {
            position: Position { line: span.line, column: span.column },
            indent: shown_before.width(),
            width: marked.width().max(1),
            line,
        })
    }
}

/// What would move the cursor or take no place becomes a blank.
fn shown(text: impl Iterator<Item = char>) -> String {
    text.map(|c| if c.width().is_none_or(|width| width == 0) { ' ' } else { c }).collect()
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
