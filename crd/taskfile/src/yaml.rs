//! YAML 1.1 as PyYAML reads it: text in, a tree of typed values with their places out.
//!
//! The library below ([`libyaml_safer`]) gives events. What they mean (anchors, merge keys, types of plain scalars) is
//! decided here, because SkyPilot's files rely on YAML 1.1: `on` is true, `012` is ten, `12:30` is 750.

mod compose;
mod events;
mod merge;
mod node;
mod number;
mod python;
mod scalar;
mod time;

pub(crate) use compose::documents;
pub(crate) use node::{Node, Span, Value};

/// What is wrong with a file before any field is read.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) span: Option<Span>,
    pub(crate) message: String,
}

impl Broken {
    pub(crate) fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), message: message.into() }
    }
}

/// A float as Python shows it.
pub(crate) use python::float as float_text;

/// Whether plain text is text, and not a number or a word with a meaning.
pub(crate) fn is_text(text: &str) -> bool {
    matches!(scalar::resolve(text.to_owned(), None, true), Ok(Value::Text(_)))
}
