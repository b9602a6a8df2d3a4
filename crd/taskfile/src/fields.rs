//! Reading the fields of one mapping: each at most once, the rest unknown.

use std::collections::{BTreeMap, HashMap};

use crate::{
    ProblemKind,
    problem::Problems,
    suggest,
    yaml::{Node, Span, Value},
};

/// What reading one value gives; the text of an error becomes a problem of its field.
pub(crate) type Read<T> = Result<T, String>;

/// The fields of one mapping and the problems found so far.
pub(crate) struct Fields<'a, 'p> {
    prefix: String,
    entries: HashMap<&'a str, (Span, &'a Node)>,
    span: Span,
    pub(crate) problems: &'p mut Problems,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The fields of a mapping. `path` is that of the mapping, empty for the root. Null means that a field is absent.
    /// A node that is no mapping is a problem and has no fields.
    pub(crate) fn new(path: &str, node: &'a Node, known: &[&'static str], problems: &'p mut Problems) -> Self {
        Self::with_nulls(path, node, known, problems, |_| true)
    }

    /// As [`Fields::new`] for what SkyPilot leaves to its schema alone, which takes no null: there a field without a
    /// value is a problem.
    pub(crate) fn strict(path: &str, node: &'a Node, known: &[&'static str], problems: &'p mut Problems) -> Self {
        Self::with_nulls(path, node, known, problems, |_| false)
    }

    /// As [`Fields::new`], where only some fields may be null.
    pub(crate) fn with_nulls(
        path: &str,
        node: &'a Node,
        known: &[&'static str],
        problems: &'p mut Problems,
        may_be_null: fn(&str) -> bool,
    ) -> Self {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
        let mut entries = HashMap::new();
        match &node.value {
            Value::Map(all) => {
                for (key, value) in all {
                    match key.as_text().filter(|name| known.contains(name)) {
                        Some(name) if value.is_null() => {
                            entries.remove(name);
                            if !may_be_null(name) {
                                problems.invalid(
                                    format!("{prefix}{name}"),
                                    "has no value: write one, or leave the field out",
                                    key.span,
                                );
                            }
                        }
                        Some(name) => drop(entries.insert(name, (key.span, value))),
                        None => unknown(&prefix, key, known, problems),
                    }
                }
            }
            _ => problems.invalid(path, format!("must be a mapping, not {}", node.kind()), node.span),
        }
        Self { prefix, entries, span: node.span, problems }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.get(name).map(|(_, node)| *node)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Takes note of a problem with the field `name`.
    pub(crate) fn refuse(&mut self, name: &str, kind: ProblemKind) {
        let span =
            self.entries.get(name).map_or(self.span, |(key, node)| if node.is_scalar() { node.span } else { *key });
        self.problems.add(format!("{}{name}", self.prefix), kind, span);
    }

    pub(crate) fn invalid(&mut self, name: &str, message: impl Into<String>) {
        self.refuse(name, ProblemKind::Invalid(message.into()));
    }

    /// The field's value read by `read`, whose error becomes a problem.
    pub(crate) fn read<T>(&mut self, name: &str, read: impl FnOnce(&'a Node) -> Read<T>) -> Option<T> {
        match read(self.get(name)?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.invalid(name, message);
                None
            }
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, text)
    }

    /// What is nested, read with its path and the same list of problems.
    pub(crate) fn nested<T>(&mut self, name: &str, read: impl FnOnce(&str, &'a Node, &mut Problems) -> T) -> Option<T> {
        let node = self.get(name)?;
        Some(read(&self.path(name), node, self.problems))
    }

    /// A mapping of names to what `read` makes of the values.
    pub(crate) fn map<T>(&mut self, name: &str, read: impl Fn(&'a Node) -> Read<T>) -> BTreeMap<String, T> {
        let mut map = BTreeMap::new();
        self.each(name, |path, key, node, problems| match read(node) {
            Ok(value) => drop(map.insert(key, value)),
            Err(message) => problems.invalid(path, message, node.span),
        });
        map
    }

    /// Calls `take` with the path, key and value of every entry of a mapping.
    pub(crate) fn each(&mut self, name: &str, mut take: impl FnMut(&Path<'_>, String, &'a Node, &mut Problems)) {
        let Some(node) = self.get(name) else { return };
        match node.as_map() {
            Some(entries) => {
                for (key, value) in entries {
                    take(&Path { prefix: &self.prefix, name, key }, key.to_text(), value, self.problems);
                }
            }
            None => self.invalid(name, format!("must be a mapping, not {}", node.kind())),
        }
    }
}

/// The path of one entry of a mapping. Made into text only for those that have a problem: a mapping may have tens of
/// thousands of entries.
pub(crate) struct Path<'a> {
    prefix: &'a str,
    name: &'a str,
    key: &'a Node,
}

impl From<&Path<'_>> for String {
    fn from(Path { prefix, name, key }: &Path<'_>) -> Self {
        format!("{prefix}{name}.{}", key.to_text())
    }
}

fn unknown(prefix: &str, key: &Node, known: &[&'static str], problems: &mut Problems) {
    if problems.is_full() {
        return;
    }
    let name = key.to_text();
    // Names with a leading underscore are for machines.
    let public = known.iter().copied().filter(|known| !known.starts_with('_'));
    let near = suggest::meant(&name, public).map(str::to_owned);
    problems.add(format!("{prefix}{name:.80}"), ProblemKind::Unknown(near), key.span);
}

/// Text and nothing else: a number there is more often a mistake than a name.
pub(crate) fn text(node: &Node) -> Read<String> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        Value::List(_) | Value::Map(_) | Value::Null => Err(format!("must be text, not {}", node.kind())),
        _ => Err(format!("must be text, not {}: write it in quotes, \"{:.40}\"", node.kind(), node.to_text())),
    }
}

pub(crate) fn boolean(node: &Node) -> Read<bool> {
    match node.value {
        Value::Bool(value) => Ok(value),
        _ => Err(format!("must be true or false, not {}", node.kind())),
    }
}

/// A whole number within bounds; `2.0` counts as one, as it does in JSON schema.
pub(crate) fn whole(node: &Node, least: i64, most: i64) -> Read<i64> {
    let bounds = || match (least, most) {
        (0, i64::MAX) => "0 or more".to_owned(),
        (1, i64::MAX) => "1 or more".to_owned(),
        _ => format!("from {least} to {most}"),
    };
    let value = match node.value {
        Value::Int(value) => value,
        #[allow(clippy::cast_possible_truncation, reason = "far from the bounds of an integer")]
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => value as i128,
        Value::Float(_) => return Err(format!("must be a whole number, not {}", node.to_text())),
        _ => return Err(format!("must be a whole number, not {}", node.kind())),
    };
    let fits = i64::try_from(value).ok().filter(|value| (least..=most).contains(value));
    fits.ok_or_else(|| format!("must be {}, not {value}", bounds()))
}

/// A finite number.
pub(crate) fn number(node: &Node) -> Read<f64> {
    match node.value {
        #[allow(clippy::cast_precision_loss, reason = "nobody counts on the 54th bit of a price or a delay")]
        Value::Int(value) => Ok(value as f64),
        Value::Float(value) if value.is_finite() => Ok(value),
        Value::Float(_) => Err(format!("must be a number that can be counted, not {}", node.to_text())),
        _ => Err(format!("must be a number, not {}", node.kind())),
    }
}

/// One word of a list, in any case; in the list's spelling.
pub(crate) fn word(node: &Node, words: &[&'static str]) -> Read<&'static str> {
    let given = text(node)?;
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(&given));
    found.copied().ok_or_else(|| format!("`{given:.40}` is none of {}", words.join(", ")))
}

/// Every item of a list.
pub(crate) fn list<'a, T>(node: &'a Node, read: impl Fn(&'a Node) -> Read<T>) -> Read<Vec<T>> {
    match &node.value {
        Value::List(items) => items.iter().map(read).collect(),
        _ => Err(format!("must be a list, not {}", node.kind())),
    }
}
