//! Everything that can go wrong: what is said, what helps, which exit code.

use std::{io, path::PathBuf};

use serde_json::Value;
use sky_crd::{InvalidUser, api::InvalidField};
use sky_taskfile::{ProblemKind, TaskFileError};

use crate::python;

/// An error of a command. Its text is what the Python original prints, word for word where the original knows it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The second line is the original's too: its handler of last resort prints the exit code as if it were a message.
    #[error("Error: Not logged in. Run 'k8s-cli auth login <username>' first\nError: 1")]
    NotLoggedIn,
    /// No home directory, hence no place for the user's name.
    #[error("Error: Failed to save user: no home directory")]
    NoHome,
    /// The user's name cannot be remembered.
    #[error("Error: Failed to save user: {0}")]
    SaveUser(String),
    /// Options that do not go together.
    #[error("Error: {0}")]
    Options(&'static str),
    /// No such task file.
    #[error("Error: Task file {} not found", .0.display())]
    NoTaskFile(PathBuf),
    /// A task file that cannot be read.
    #[error("Error: Task file {} cannot be read: {}", .0.display(), .1)]
    UnreadableTaskFile(PathBuf, io::Error),
    /// A task file that is no task.
    #[error("{}", task_file_words(.0))]
    TaskFile(TaskFileError),
    /// A field of the task file whose text means nothing to Kubernetes.
    #[error("Error: {0}")]
    Field(InvalidField),
    /// The user who is logged in is none.
    #[error("Error: {0}")]
    NoUser(InvalidUser),
    /// The question was not answered.
    #[error("Aborted.")]
    Aborted,
    /// No answer from the gateway.
    #[error("Error communicating with API server: {reason}")]
    Unreachable { url: String, reason: String },
    /// The gateway refuses.
    #[error("Error: {}", python::display(.detail))]
    Refused { status: u16, detail: Value },
    /// Something answers that is no gateway.
    #[error("Error: {url} does not answer as the gateway does: {reason}")]
    NotTheGateway { url: String, reason: String },
    /// The log broke off.
    #[error("Warning: Could not tail logs: {reason}")]
    LogBroke { task_id: String, reason: String },
    /// The time of `jobs wait` is over.
    #[error("Error: Task {task_id} is still {state}")]
    WaitedTooLong { task_id: String, state: &'static str },
    /// Standard output or the terminal fails.
    #[error("Error: cannot write: {0}")]
    Output(io::Error),
    /// Whoever read the output has gone: the end, but no error.
    #[error("")]
    ReaderGone,
}

impl Error {
    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Refused { status: 401 | 403, .. } => 4,
            _ => 1,
        }
    }

    /// True if the same request may succeed a moment later: the gateway is away, or busy.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { status: 429 | 500.., .. })
    }

    /// What helps, one sentence a line.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::TaskFile(error) => task_file_hints(error),
            Self::Unreachable { url, .. } | Self::NotTheGateway { url, .. } => vec![format!(
                "the gateway's address is {url}: is it right and running? Set it with --api-url or K8S_CLI_API_URL"
            )],
            Self::Refused { status: 401 | 403, .. } => {
                vec!["`k8s-cli auth whoami` shows the user, `k8s-cli auth login <username>` changes it".to_owned()]
            }
            Self::Refused { status: 404, .. } => {
                vec!["`k8s-cli jobs list` and `k8s-cli volumes list` show what is yours".to_owned()]
            }
            Self::Refused { detail: Value::Array(entries), .. } => entries.iter().filter_map(field_hint).collect(),
            Self::LogBroke { task_id, .. } => {
                vec![format!("the task may still run: `k8s-cli jobs logs {task_id}` follows it again")]
            }
            _ => Vec::new(),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Output(error) }
    }
}

/// `num_nodes: Input should be …` from an entry of FastAPI's list.
fn field_hint(entry: &Value) -> Option<String> {
    let place = entry.get("loc")?.as_array()?.iter().skip(1).map(python::display).collect::<Vec<_>>().join(".");
    let message = entry.get("msg")?.as_str()?;
    Some(if place.is_empty() { message.to_owned() } else { format!("{place}: {message}") })
}

/// What the original prints: its own words for a missing script, its parser's prefix, the API's words for a number of
/// nodes. All else it does not refuse, or only with a Python exception: there our words stand alone.
fn task_file_words(error: &TaskFileError) -> String {
    const NO_RUN: &str = "Error: 'run' field is required in task definition\nError: 1";
    let problems = match error {
        TaskFileError::Syntax { .. } => return format!("Error parsing YAML file: {error}"),
        TaskFileError::Empty { .. } | TaskFileError::NotAMapping { .. } => return NO_RUN.to_owned(),
        TaskFileError::Fields { problems, .. } => problems,
        _ => return format!("Error: {error}"),
    };
    match problems.iter().map(|problem| &problem.kind).collect::<Vec<_>>()[..] {
        [ProblemKind::NothingToRun] => NO_RUN.to_owned(),
        [ProblemKind::TooFewNodes(found)] => format!(
            "Error: [{{'type': 'greater_than_equal', 'loc': ['body', 'num_nodes'], \
             'msg': 'Input should be greater than or equal to 1', 'input': {found}, 'ctx': {{'ge': 1}}}}]"
        ),
        _ => error.to_string().lines().map(|line| format!("Error: {line}")).collect::<Vec<_>>().join("\n"),
    }
}

/// Our sentence, where the words above are the original's and say too little.
fn task_file_hints(error: &TaskFileError) -> Vec<String> {
    let told = task_file_words(error).contains(&error.to_string());
    let listed = matches!(error, TaskFileError::Fields { problems, .. } if problems.len() > 1);
    if told || listed { Vec::new() } else { error.to_string().lines().map(str::to_owned).collect() }
}
