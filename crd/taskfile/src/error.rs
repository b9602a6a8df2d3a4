//! Why a task file is refused.

use std::fmt;

use crate::{MAX_BYTES, Problem};

/// A place in a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.line, self.column)
    }
}

/// A task file that cannot become a task. Messages begin with the name of the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TaskFileError {
    /// More than [`MAX_BYTES`] bytes.
    #[error("{file}: the file has {bytes} bytes; a task file has at most {MAX_BYTES}")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: usize,
    },
    /// No YAML, or YAML that repeats a key, nests too deeply or grows too large by its aliases.
    #[error("{file}{}: {message}", place(*.position))]
    Syntax {
        /// The file.
        file: String,
        /// Where, as far as it is known.
        position: Option<Position>,
        /// What is wrong.
        message: String,
    },
    /// Nothing in it but blanks and comments.
    #[error("{file}: the file is empty: write at least `run: <command>`")]
    Empty {
        /// The file.
        file: String,
    },
    /// A list or a single value.
    #[error("{file}: the file holds {found}, but a task is a mapping of fields, such as `run: <command>`")]
    NotAMapping {
        /// The file.
        file: String,
        /// What it holds instead.
        found: &'static str,
    },
    /// Several documents, which SkyPilot runs as a pipeline.
    #[error("{file}: the file holds {count} documents (a pipeline), which is not supported: one file, one task")]
    SeveralDocuments {
        /// The file.
        file: String,
        /// How many.
        count: usize,
    },
    /// Fields that are unknown, missing or of the wrong form: all of them, in the order of the schema.
    #[error("{}", lines(.file, .problems))]
    Fields {
        /// The file.
        file: String,
        /// At least one.
        problems: Vec<Problem>,
    },
}

impl TaskFileError {
    pub(crate) fn fields(file: &str, problems: Vec<Problem>) -> Self {
        Self::Fields { file: file.to_owned(), problems }
    }
}

fn place(position: Option<Position>) -> String {
    position.map(|position| format!(":{position}")).unwrap_or_default()
}

fn lines(file: &str, problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{file}: {problem}")).collect::<Vec<_>>().join("\n")
}
