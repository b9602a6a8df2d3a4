//! Why a task file is refused.

use std::fmt;

use crate::{MAX_BYTES, Place, Problem, problem::Problems, source::Source, yaml::Broken};

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

/// A task file that cannot become a task. Messages begin with the name of the file; [`TaskFileError::explain`] also
/// shows the lines that they are about.
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
    #[error("{file}{}: {message}", suffix(.position.as_ref()))]
    Syntax {
        /// The file.
        file: String,
        /// Where, as far as it is known.
        position: Option<Position>,
        /// What is wrong.
        message: String,
        /// The line.
        place: Option<Box<Place>>,
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
    /// A resource, as Kubernetes' own tools take it.
    #[error("{file}: the file holds a resource of Kubernetes ({kind}): create it with `kubectl apply -f {file}`")]
    Resource {
        /// The file.
        file: String,
        /// Its kind.
        kind: String,
    },
    /// Several documents, which SkyPilot runs as a pipeline or a job group: understood, but not run.
    #[error("{file}: the file holds {count} documents ({kind}), which is not supported: one file, one task")]
    SeveralDocuments {
        /// The file.
        file: String,
        /// How many.
        count: usize,
        /// What they are together.
        kind: &'static str,
    },
    /// Fields that are unknown, missing or of the wrong form: all of them, in the order of the file.
    #[error("{}", lines(.file, .problems))]
    Fields {
        /// The file.
        file: String,
        /// At least one.
        problems: Vec<Problem>,
    },
}

impl TaskFileError {
    pub(crate) fn fields(source: Source<'_>, problems: Problems) -> Self {
        Self::Fields { file: source.name.to_owned(), problems: problems.placed(source) }
    }

    pub(crate) fn broken(source: Source<'_>, broken: Broken) -> Self {
        let place = broken.span.and_then(|span| source.place(span));
        let position = place.as_ref().map(|place| place.position);
        Self::Syntax { file: source.name.to_owned(), position, message: broken.message, place: place.map(Box::new) }
    }

    /// The messages with file, line and column, each above the line that it is about and a caret.
    pub fn explain(&self) -> String {
        match self {
            Self::Syntax { place: Some(place), .. } => format!("{self}\n{}", place.excerpt()),
            Self::Fields { file, problems } => {
                problems.iter().map(|problem| problem.explain(file)).collect::<Vec<_>>().join("\n")
            }
            _ => self.to_string(),
        }
    }
}

fn suffix(position: Option<&Position>) -> String {
    position.map(|position| format!(":{position}")).unwrap_or_default()
}

fn lines(file: &str, problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{file}: {problem}")).collect::<Vec<_>>().join("\n")
}
