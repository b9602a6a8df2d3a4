//! The one place that touches the YAML library: text in, a tree of plain values out.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::{MAX_BYTES, Position, TaskFileError};

/// What a document may grow to by its aliases, in nodes plus bytes of text. An honest file costs less than twice its
/// size; a file of a few lines whose aliases repeat each other can cost more than all memory.
const BUDGET: usize = 4 * MAX_BYTES;

/// Brackets that may be open at once. The library's time grows with the square of this, and no task comes near it.
const MAX_OPEN_BRACKETS: usize = 1000;

/// One value of a document. Keys of mappings are text, whatever they look like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The kind of value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// A scalar as Python's `str()` shows it: what SkyPilot hands to the task.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(if *value { "True" } else { "False" }.to_owned()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(float_text(*value)),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Python's `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let magnitude = value.abs();
    if value.is_infinite() || magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(negative) => format!("{digits}e-{negative:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// The file's only document, which is a mapping.
pub(crate) fn single_document(text: &str, file: &str) -> Result<Node, TaskFileError> {
    let name = || file.to_owned();
    if text.len() > MAX_BYTES {
        return Err(TaskFileError::TooLarge { file: name(), bytes: text.len() });
    }
    if open_brackets(text) > MAX_OPEN_BRACKETS {
        let message = "brackets are nested too deeply".to_owned();
        return Err(TaskFileError::Syntax { file: name(), position: None, message });
    }
    let spent = Cell::new(0);
    let documents = serde_yaml::Deserializer::from_str(text)
        .map(|document| Read { spent: &spent }.deserialize(document))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| syntax(file, &error))?;
    let mut documents: Vec<Node> = documents.into_iter().filter(|document| *document != Node::Null).collect();
    match (documents.len(), documents.pop()) {
        (1, Some(document @ Node::Map(_))) => Ok(document),
        (1, Some(other)) => Err(TaskFileError::NotAMapping { file: name(), found: other.kind() }),
        (0, _) => Err(TaskFileError::Empty { file: name() }),
        (count, _) => Err(TaskFileError::SeveralDocuments { file: name(), count }),
    }
}

/// How many brackets are open at most, wherever they stand: a rough count is enough for so generous a limit.
fn open_brackets(text: &str) -> usize {
    let step = |(open, most): (usize, usize), byte| match byte {
        b'[' | b'{' => (open + 1, most.max(open + 1)),
        b']' | b'}' => (open.saturating_sub(1), most),
        _ => (open, most),
    };
    text.bytes().fold((0, 0), step).1
}

fn syntax(file: &str, error: &serde_yaml::Error) -> TaskFileError {
    let position = error.location().map(|place| Position { line: place.line(), column: place.column() });
    let message = error.to_string();
    // The library ends its messages with the place, which our prefix says already.
    let place = position.map(|place| format!(" at line {} column {}", place.line, place.column));
    let message = place.and_then(|place| message.strip_suffix(&place).map(str::to_owned)).unwrap_or(message);
    TaskFileError::Syntax { file: file.to_owned(), position, message }
}

/// Reads one value, counting what it costs.
#[derive(Clone, Copy)]
struct Read<'a> {
    spent: &'a Cell<usize>,
}

impl Read<'_> {
    fn pay<E: de::Error>(self, cost: usize) -> Result<(), E> {
        self.spent.set(self.spent.get().saturating_add(cost));
        if self.spent.get() > BUDGET { Err(E::custom("the aliases of this file make it too large")) } else { Ok(()) }
    }

    fn scalar<E: de::Error>(self, node: Node) -> Result<Node, E> {
        self.pay(1)?;
        Ok(node)
    }
}

impl<'de> DeserializeSeed<'de> for Read<'_> {
    type Value = Node;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read<'_> {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a plain value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        self.scalar(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        self.scalar(Node::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        self.scalar(Node::Int(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        self.scalar(Node::Int(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Node, E> {
        self.scalar(Node::Int(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        self.scalar(Node::Float(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        self.pay(text.len())?;
        self.scalar(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        self.pay(1)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        self.pay(1)?;
        let mut map: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key_seed(self)? {
            let key = match key {
                Node::Null => "null".to_owned(),
                key => key.scalar_text().ok_or_else(|| de::Error::custom("a key must be text"))?,
            };
            let value = entries.next_value_seed(self)?;
            if key == "<<" {
                merged.extend(mergeable(value).map_err(de::Error::custom)?);
            } else if seen.insert(key.clone()) {
                map.push((key, value));
            } else {
                return Err(de::Error::custom(format_args!("the key `{key}` is there twice")));
            }
        }
        map.extend(merged.into_iter().filter(|(key, _)| seen.insert(key.clone())));
        Ok(Node::Map(map))
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, _: A) -> Result<Node, A::Error> {
        Err(de::Error::custom("tags (`!name`) have no meaning in a task file"))
    }
}

/// Entries that a merge key (`<<: *base`, `<<: [*a, *b]`) adds; the earlier one wins.
fn mergeable(value: Node) -> Result<Vec<(String, Node)>, &'static str> {
    match value {
        Node::Map(entries) => Ok(entries),
        Node::List(items) => Ok(items.into_iter().map(mergeable).collect::<Result<Vec<_>, _>>()?.concat()),
        _ => Err("`<<` takes a mapping"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_shows_them() {
        for (value, text) in [
            (1.5, "1.5"),
            (3.0, "3.0"),
            (1e16, "1e+16"),
            (1.5e-7, "1.5e-07"),
            (123_456_789_012.0, "123456789012.0"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }

    #[test]
    fn merge_keys_do_not_overwrite() {
        let document = single_document("base: &b {a: 1, b: 2}\nnew: {<<: *b, a: 3}\n", "f").unwrap();
        let Node::Map(entries) = document else { panic!() };
        assert_eq!(entries[1].1, Node::Map(vec![("a".into(), Node::Int(3)), ("b".into(), Node::Int(2))]));
    }

    #[test]
    fn bombs_are_refused_in_no_time() {
        let lol = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        let level = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "));
        let laughs = (1..12).map(level).fold(lol, |file, line| file + &line);
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 10_000].join(", "));
        let deep = "[".repeat(MAX_BYTES);
        let flow = format!("a: {}", "{a: ".repeat(100_000));
        for bomb in [laughs, long, deep, flow, "- ".repeat(MAX_BYTES / 2), "a: *unknown".to_owned()] {
            let started = std::time::Instant::now();
            assert!(matches!(single_document(&bomb, "f"), Err(TaskFileError::Syntax { .. })), "{bomb:.40}");
            assert!(started.elapsed().as_secs() < 10, "{bomb:.40} took {:?}", started.elapsed());
        }
    }

    #[test]
    fn what_is_no_task() {
        for (text, message) in [
            ("", "f: the file is empty: write at least `run: <command>`"),
            ("# only a comment\n---\n", "f: the file is empty: write at least `run: <command>`"),
            ("- a\n", "f: the file holds a list, but a task is a mapping of fields, such as `run: <command>`"),
            ("hello", "f: the file holds text, but a task is a mapping of fields, such as `run: <command>`"),
            (
                "a: 1\n---\nb: 2\n",
                "f: the file holds 2 documents (a pipeline), which is not supported: one file, one task",
            ),
            ("a: 1\na: 2\n", "f:1:1: the key `a` is there twice"),
            ("a: !x 1\n", "f:1:4: a: tags (`!name`) have no meaning in a task file"),
        ] {
            assert_eq!(single_document(text, "f").unwrap_err().to_string(), message);
        }
    }
}
