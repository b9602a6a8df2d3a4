//! What is wrong with one field.

use std::fmt;

use crate::{Position, yaml::Span};

/// One field that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Keys from the file's root to the field: `resources.cpus`.
    pub path: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
    /// Where it stands, if it stands in the file.
    pub place: Option<Place>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum ProblemKind {
    /// No field of that name; perhaps this one was meant.
    Unknown(Option<String>),
    /// A field of SkyPilot that has a meaning, but not here; the text says so.
    Unsupported(String),
    /// Neither `run` nor `setup`.
    NothingToRun,
    /// `num_nodes` below 1.
    TooFewNodes(i128),
    /// Any other value that means nothing; the text says what to write instead.
    Invalid(String),
}

/// Where something stands in a file, with the text of the line.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Line and column.
    pub position: Position,
    /// The line's text, shortened if it is long.
    pub(crate) line: String,
    /// Columns of a terminal before what is marked.
    pub(crate) indent: usize,
    /// Columns of a terminal that are marked.
    pub(crate) width: usize,
}

impl Place {
    /// The line and a caret under what is meant, as two lines.
    pub fn excerpt(&self) -> String {
        let number = self.position.line.to_string();
        let (margin, caret) = (" ".repeat(number.len()), "^".repeat(self.width));
        format!(" {number} | {}\n {margin} | {}{caret}", self.line.trim_end(), " ".repeat(self.indent))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            ProblemKind::Unknown(Some(near)) => write!(out, "`{path}`: unknown field; did you mean `{near}`?"),
            ProblemKind::Unknown(None) => write!(out, "`{path}`: unknown field"),
            ProblemKind::NothingToRun => write!(out, "there is nothing to run: write `run: <command>`"),
            ProblemKind::TooFewNodes(found) => write!(out, "`{path}`: a task has 1 node or more, not {found}"),
            ProblemKind::Unsupported(message) | ProblemKind::Invalid(message) => write!(out, "`{path}`: {message}"),
        }
    }
}

/// Problems shown of one file. Whoever has more has another kind of file.
const MAX_PROBLEMS: usize = 100;

/// The problems of one file, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<(String, ProblemKind, Span)>,
}

impl Problems {
    pub(crate) fn add(&mut self, path: impl Into<String>, kind: ProblemKind, span: Span) {
        if self.found.len() < MAX_PROBLEMS {
            self.found.push((path.into(), kind, span));
        }
    }

    pub(crate) fn invalid(&mut self, path: impl Into<String>, message: impl Into<String>, span: Span) {
        self.add(path, ProblemKind::Invalid(message.into()), span);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn placed(self, source: crate::source::Source<'_>) -> Vec<Problem> {
        let place = |(path, kind, span)| Problem { path, kind, place: source.place(span) };
        self.found.into_iter().map(place).collect()
    }
}
