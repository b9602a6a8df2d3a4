//! The tree that a document becomes.

use super::time::Time;

/// Where something stands in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Span {
    /// First byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
    /// Line, from 1; 0 for what is not from the file.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
}

/// One value of a document and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    /// Decimal digits of a number that no machine word holds: a key in hexadecimal, for example.
    BigInt(String),
    Float(f64),
    Text(String),
    Time(Time),
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<(Node, Node)>),
}

/// Places do not matter: two trees are equal when they mean the same.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// A node that is not from the file.
    pub(crate) fn new(value: Value) -> Self {
        Self { value, span: Span::default() }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::new(Value::Text(text.into()))
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a key that is text.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// As [`Node::get`], to be changed.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Value::Map(entries) = &mut self.value else { return None };
        entries.iter_mut().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// Takes a key away, if it is there.
    pub(crate) fn remove(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|(name, _)| name.as_text() != Some(key));
        }
    }

    /// Puts a value under a key, in place of the one that is there.
    pub(crate) fn set(&mut self, key: &str, value: Node) {
        let Value::Map(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|(name, _)| name.as_text() == Some(key)) {
            Some((_, place)) => *place = value,
            None => entries.push((Node::text(key), value)),
        }
    }

    /// The kind of value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::Time(_) => "a date",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Whether it is one value rather than several.
    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self.value, Value::List(_) | Value::Map(_))
    }
}
