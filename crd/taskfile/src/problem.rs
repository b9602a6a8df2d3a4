//! What is wrong with one field.

use std::fmt;

/// One field that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Keys from the file's root to the field: `resources.cpus`.
    pub path: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum ProblemKind {
    /// No field of that name; perhaps this one was meant.
    Unknown(Option<String>),
    /// A field of SkyPilot that has no effect here yet.
    Unsupported,
    /// Neither `run` nor `setup`.
    NothingToRun,
    /// `num_nodes` below 1.
    TooFewNodes(i128),
    /// Any other value that means nothing; the text says what to write instead.
    Invalid(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            ProblemKind::Unknown(Some(near)) => write!(out, "`{path}`: unknown field; did you mean `{near}`?"),
            ProblemKind::Unknown(None) => write!(out, "`{path}`: unknown field"),
            ProblemKind::Unsupported => write!(out, "`{path}`: this SkyPilot field is not supported"),
            ProblemKind::NothingToRun => write!(out, "there is nothing to run: write `run: <command>`"),
            ProblemKind::TooFewNodes(found) => write!(out, "`{path}`: a task has 1 node or more, not {found}"),
            ProblemKind::Invalid(message) => write!(out, "`{path}`: {message}"),
        }
    }
}
