//! Mappings: keys are unique, and `<<` brings in what other mappings hold.

use std::{borrow::Cow, collections::HashMap};

use super::{Broken, Node, Value};

/// The entries of a mapping as it is written, with what its merge keys bring in.
pub(crate) fn mapping(entries: Vec<(Node, Node)>) -> Result<Vec<(Node, Node)>, Broken> {
    if !has_merge(&entries)? {
        return Ok(entries);
    }
    let (mut merged, mut own) = (Vec::new(), Vec::with_capacity(entries.len()));
    for (key, value) in entries {
        if is_merge(&key) {
            collect(value, &mut merged);
        } else {
            own.push((key, value));
        }
    }
    merged.append(&mut own);
    Ok(laid_over(merged))
}

/// Whether one of the keys merges. Refuses keys that are no keys, and those that are there twice.
fn has_merge(entries: &[(Node, Node)]) -> Result<bool, Broken> {
    let mut lines: HashMap<Identity<'_>, usize> = HashMap::with_capacity(entries.len());
    let mut found = false;
    for (key, value) in entries {
        if !key.is_scalar() {
            return Err(Broken::at(key.span, format!("a key must be a single value, not {}", key.kind())));
        }
        let merges = is_merge(key);
        let identity = if merges { Identity::Merge } else { key.identity() };
        if let Some(first) = lines.insert(identity, key.span.line) {
            let (name, line) = (key.to_text(), key.span.line);
            let message = format!("the key `{name:.80}` is there twice: in line {first} and in line {line}");
            return Err(Broken::at(key.span, message));
        }
        if merges {
            check_merged(value)?;
            found = true;
        }
    }
    Ok(found)
}

/// The later value of a key wins, in the place of the first: the order that Python's mappings have.
fn laid_over(entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let mut known = HashMap::new();
    let mut place = |key| {
        let next = known.len();
        *known.entry(key).or_insert(next)
    };
    let places: Vec<usize> = entries.iter().map(|(key, _)| place(key.identity())).collect();
    let mut all: Vec<(Node, Node)> = Vec::new();
    for (place, (key, value)) in places.into_iter().zip(entries) {
        match all.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => all.push((key, value)),
        }
    }
    all
}

/// Only the plain `<<` merges; in quotes it is text.
fn is_merge(key: &Node) -> bool {
    key.as_text() == Some("<<") && key.span.end.saturating_sub(key.span.start) == 2
}

/// A merge key takes a mapping or a list of them.
fn check_merged(value: &Node) -> Result<(), Broken> {
    let other = match &value.value {
        Value::Map(_) => None,
        Value::List(items) => items.iter().rev().find(|item| item.as_map().is_none()),
        _ => Some(value),
    };
    let refuse = |node: &Node| Broken::at(node.span, format!("`<<` takes a mapping, not {}", node.kind()));
    other.map_or(Ok(()), |node| Err(refuse(node)))
}

/// Entries that a merge key (`<<: *base`, `<<: [*a, *b]`) adds. Of several mappings the earlier one wins, so it comes
/// last.
fn collect(value: Node, into: &mut Vec<(Node, Node)>) {
    match value.value {
        Value::Map(entries) => into.extend(entries),
        Value::List(items) => items.into_iter().rev().for_each(|item| collect(item, into)),
        _ => {}
    }
}

/// What makes a key the same as another: equal for keys that are equal in Python, where `1`, `1.0` and `true` are one
/// key. Borrowed, since a file may have tens of thousands of keys.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    /// `<<`, which is no text.
    Merge,
    Text(&'a str),
    Whole(i128),
    /// Any other value, as Python shows it.
    Other(Cow<'a, str>),
}

impl Node {
    fn identity(&self) -> Identity<'_> {
        match &self.value {
            Value::Text(text) => Identity::Text(text),
            Value::Bool(value) => Identity::Whole(i128::from(*value)),
            Value::Int(value) => Identity::Whole(*value),
            #[allow(clippy::cast_possible_truncation, reason = "a whole number far from the bounds of an integer")]
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => Identity::Whole(*value as i128),
            Value::BigInt(digits) => Identity::Other(Cow::Borrowed(digits)),
            _ => Identity::Other(Cow::Owned(self.to_text())),
        }
    }
}
