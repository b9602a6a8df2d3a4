//! `$VAR` and `${VAR}` in places where SkyPilot fills them in: the work directory, files, volumes, services. Scripts are
//! left to the shell.

use std::collections::BTreeMap;

use crate::{
    problem::Problems,
    yaml::{Node, Value},
};

const FIELDS: [&str; 4] = ["workdir", "file_mounts", "volumes", "service"];

/// What filled-in values may add to a document: a long value that is named often would grow it beyond all bounds.
const MAX_ADDED: usize = 1 << 22;

/// Whether a document has any of the places.
pub(super) fn concerns(document: &Node) -> bool {
    FIELDS.iter().any(|name| document.get(name).is_some())
}

/// Fills in the variables. Unknown names stay as they are written.
pub(super) fn all(document: &mut Node, variables: &BTreeMap<String, String>, problems: &mut Problems) {
    if variables.is_empty() {
        return;
    }
    let mut filler = Filler { variables, left: MAX_ADDED };
    for name in FIELDS {
        if let Some(node) = document.get(name) {
            let (span, mut copy) = (node.span, node.clone());
            if filler.fill(&mut copy).is_none() {
                problems.invalid(name, "grows too large by its variables", span);
                return;
            }
            document.set(name, copy);
        }
    }
}

struct Filler<'a> {
    variables: &'a BTreeMap<String, String>,
    left: usize,
}

impl Filler<'_> {
    fn fill(&mut self, node: &mut Node) -> Option<()> {
        match &mut node.value {
            Value::Text(text) => *text = self.text(text)?,
            Value::List(items) => items.iter_mut().try_for_each(|item| self.fill(item))?,
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.fill(key)?;
                    self.fill(value)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn text(&mut self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let name_at = at + 1 + usize::from(rest[at + 1..].starts_with('{'));
            let name = leading_name(&rest[name_at..]);
            let end = name_at + name.len();
            let end = end + usize::from(rest[end..].starts_with('}'));
            if let Some(value) = self.variables.get(name) {
                self.left = self.left.checked_sub(value.len())?;
                out.push_str(value);
                rest = &rest[end..];
            } else {
                out.push('$');
                rest = &rest[at + 1..];
            }
        }
        out.push_str(rest);
        Some(out)
    }
}

/// Calls `see` with every text in a node, keys included.
pub(crate) fn each_text(node: &Node, see: &mut impl FnMut(&str)) {
    match &node.value {
        Value::Text(text) => see(text),
        Value::List(items) => items.iter().for_each(|item| each_text(item, see)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            each_text(key, see);
            each_text(value, see);
        }),
        _ => {}
    }
}

/// Names in a text that would be filled in if they were variables.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('$').map(move |(at, _)| {
        let rest = &text[at + 1..];
        leading_name(rest.strip_prefix('{').unwrap_or(rest))
    })
}

/// The name of a variable at the start of a text.
fn leading_name(text: &str) -> &str {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}
