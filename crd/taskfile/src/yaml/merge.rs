//! Mappings: keys are unique, and `<<` brings in what other mappings hold.

use std::collections::{HashMap, hash_map::Entry};

use super::{Broken, Node, Span, Value};

/// The entries of a mapping from its keys and values in turn.
pub(crate) fn mapping(items: Vec<Node>) -> Result<Vec<(Node, Node)>, Broken> {
    let mut seen: HashMap<String, Span> = HashMap::with_capacity(items.len() / 2);
    let mut own = Vec::with_capacity(items.len() / 2);
    let mut merged = Vec::new();
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        if !key.is_scalar() {
            return Err(Broken::at(key.span, format!("a key must be a single value, not {}", key.kind())));
        }
        let brings_in = is_merge(&key);
        let identity = if brings_in { "<<".to_owned() } else { key.identity() };
        if let Some(first) = seen.insert(identity, key.span) {
            let (name, line) = (key.to_text(), key.span.line);
            let message = format!("the key `{name:.80}` is there twice: in line {} and in line {line}", first.line);
            return Err(Broken::at(key.span, message));
        }
        if brings_in {
            collect(value, &mut merged)?;
        } else {
            own.push((key, value));
        }
    }
    if merged.is_empty() { Ok(own) } else { Ok(laid_over(merged.into_iter().chain(own))) }
}

/// The later value of a key wins, in the place of the first: the order that Python's mappings have.
fn laid_over(entries: impl Iterator<Item = (Node, Node)>) -> Vec<(Node, Node)> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<(Node, Node)> = Vec::new();
    for (key, value) in entries {
        match places.entry(key.identity()) {
            Entry::Occupied(place) => all[*place.get()].1 = value,
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push((key, value));
            }
        }
    }
    all
}

/// Only the plain `<<` merges; in quotes it is text.
fn is_merge(key: &Node) -> bool {
    key.as_text() == Some("<<") && key.span.end.saturating_sub(key.span.start) == 2
}

/// Entries that a merge key (`<<: *base`, `<<: [*a, *b]`) adds. Of several mappings the earlier one wins, so it comes
/// last.
fn collect(value: Node, into: &mut Vec<(Node, Node)>) -> Result<(), Broken> {
    let refuse = |node: &Node| Broken::at(node.span, format!("`<<` takes a mapping, not {}", node.kind()));
    match value.value {
        Value::Map(entries) => into.extend(entries),
        Value::List(items) => {
            for item in items.into_iter().rev() {
                match item.value {
                    Value::Map(entries) => into.extend(entries),
                    _ => return Err(refuse(&item)),
                }
            }
        }
        _ => return Err(refuse(&value)),
    }
    Ok(())
}

impl Node {
    /// Equal for keys that are equal in Python, where `1`, `1.0` and `true` are one key.
    fn identity(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("t{text}"),
            Value::Bool(value) => format!("n{}", i32::from(*value)),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("n{value:.0}"),
            _ => format!("n{}", self.to_text()),
        }
    }
}
