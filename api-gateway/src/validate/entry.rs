//! Entries of FastAPI's 422 answers.

use serde::Serialize;

use super::json::Json;

/// One thing that is wrong with a request, as pydantic words it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Kind of the error, a word for programs.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where: `body`, `query`, `header` or `path`, then keys and indexes.
    pub loc: Vec<Loc>,
    /// What is wrong, a sentence for people.
    pub msg: String,
    /// What was found there.
    pub input: Json,
    /// Values that the message speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Json>,
}

/// One step of a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Loc {
    /// A key.
    Key(String),
    /// A place in a list, or the position of a syntax error.
    Index(usize),
}

impl From<&str> for Loc {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// All values, or every error.
///
/// # Errors
/// The entries of all that failed.
pub fn all<T>(results: impl Iterator<Item = Result<T, Vec<Entry>>>) -> Result<Vec<T>, Vec<Entry>> {
    let (mut values, mut entries) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(errors) => entries.extend(errors),
        }
    }
    if entries.is_empty() { Ok(values) } else { Err(entries) }
}

impl Entry {
    /// An entry without values.
    pub fn new(kind: &'static str, loc: Vec<Loc>, msg: impl Into<String>, input: Json) -> Self {
        Self { kind, loc, msg: msg.into(), input, ctx: None }
    }

    /// Something required is not there; `input` is what it was looked for in.
    pub fn missing(loc: Vec<Loc>, input: Json) -> Self {
        Self::new("missing", loc, "Field required", input)
    }

    /// A rule of ours that pydantic has no word for, in the form of its validators' errors.
    pub fn value_error(loc: Vec<Loc>, message: &str, input: Json) -> Self {
        let ctx = Json::Object(vec![("error".to_owned(), Json::Object(Vec::new()))]);
        Self { ctx: Some(ctx), ..Self::new("value_error", loc, format!("Value error, {message}"), input) }
    }

    /// A bound that a number breaks.
    pub fn bound(kind: &'static str, loc: Vec<Loc>, text: &str, key: &str, bound: i64, input: Json) -> Self {
        let ctx = Json::Object(vec![(key.to_owned(), Json::Int(bound.to_string()))]);
        Self { ctx: Some(ctx), ..Self::new(kind, loc, format!("Input should be {text} {bound}"), input) }
    }

    /// A body that is no JSON.
    pub fn json_invalid(position: usize, message: &str) -> Self {
        let ctx = Json::Object(vec![("error".to_owned(), Json::Text(message.to_owned()))]);
        let loc = vec!["body".into(), Loc::Index(position)];
        Self { ctx: Some(ctx), ..Self::new("json_invalid", loc, "JSON decode error", Json::Object(Vec::new())) }
    }
}
