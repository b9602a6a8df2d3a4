//! What is wrong with one field.

use std::fmt;

use crate::{Position, overrides::option, yaml::Span};

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
        match &self.kind {
            // Speaks of two fields, neither of which is there.
            ProblemKind::NothingToRun => self.kind.fmt(out),
            kind => write!(out, "`{}`: {kind}", self.path),
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(Some(near)) => write!(out, "unknown field; did you mean `{near}`?"),
            Self::Unknown(None) => write!(out, "unknown field"),
            Self::NothingToRun => write!(out, "there is nothing to run: write `run: <command>`"),
            Self::TooFewNodes(found) => write!(out, "a task has 1 node or more, not {found}"),
            Self::Unsupported(message) | Self::Invalid(message) => write!(out, "{message}"),
        }
    }
}

impl Problem {
    /// Where the problem is, as a message begins: `file:3:5`, the command line's option, or the file alone.
    pub fn origin(&self, file: &str) -> String {
        match (&self.place, option(&self.path)) {
            (Some(place), _) => format!("{file}:{}", place.position),
            (None, Some(option)) => option.to_owned(),
            (None, None) => file.to_owned(),
        }
    }

    /// The line that it is about, and a caret under the text; empty where there is none, or where the line may hold the
    /// value of a secret.
    fn excerpt(&self) -> Option<String> {
        let is_secret = self.path.split('.').any(|key| key == "secrets");
        self.place.as_ref().filter(|_| !is_secret).map(Place::excerpt)
    }

    /// The message with its origin, above the line that it is about.
    pub(crate) fn explain(&self, file: &str) -> String {
        let from_option = self.place.is_none() && option(&self.path).is_some();
        // One option gives many variables: which of them, the path says.
        let is_one_of_many = self.path.starts_with("envs.") || self.path.starts_with("secrets.");
        let what = if from_option && !is_one_of_many { self.kind.to_string() } else { self.to_string() };
        let excerpt = self.excerpt().map(|lines| format!("\n{lines}")).unwrap_or_default();
        format!("{}: {what}{excerpt}", self.origin(file))
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

    /// Whether something is wrong with this field, with one in it, or with one that it is in.
    pub(crate) fn is_about(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.found.iter().any(|(found, ..)| within(found, path) || within(path, found))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn placed(self, source: crate::source::Source<'_>) -> Vec<Problem> {
        let place = |(path, kind, span)| Problem { path, kind, place: source.place(span) };
        let mut problems: Vec<Problem> = self.found.into_iter().map(place).collect();
        // As a reader goes through the file; then what is not in it.
        problems.sort_by_key(|problem| match &problem.place {
            Some(place) if problem.kind != ProblemKind::NothingToRun => (place.position.line, place.position.column),
            _ => (usize::MAX, 0),
        });
        problems
    }
}
