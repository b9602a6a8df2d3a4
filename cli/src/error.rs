//! Everything that can go wrong: what is said, what helps, which exit code.

use std::{
    io,
    path::{Path, PathBuf},
};

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
    /// A task file that is no task, or none that can be run.
    #[error("{}", task_file_words(.0))]
    TaskFile(TaskFileError),
    /// A volume file that is no volume, or none that can be made.
    #[error("")]
    VolumeFile(TaskFileError),
    /// A volume that is there, and is not as a file says.
    #[error("Error: Volume {name} exists and {difference}: `volumes apply` changes no volume")]
    VolumeDiffers { name: String, id: String, difference: String },
    /// A secret that should come from the environment.
    #[error("Error: --secret: `{0}` has no value here: set it in this environment, or write `{0}=VALUE`")]
    NoSuchVariable(String),
    /// A file of variables or secrets that cannot be read.
    #[error("Error: {}: {reason}", .path.display())]
    VariableFile { path: PathBuf, reason: String },
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
            Self::NoTaskFile(path) if !is_yaml(path) => {
                vec![format!("to run a command, write `k8s-cli jobs submit -- {}`", path.display())]
            }
            Self::VolumeDiffers { id, .. } => {
                vec![format!("write another name, or delete the volume and its data: `k8s-cli volumes delete {id}`")]
            }
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

impl Error {
    /// What is wrong with a file: where, and the lines themselves. For standard error.
    pub(crate) fn explanation(&self) -> Option<String> {
        match self {
            // The words say the rest.
            Self::TaskFile(TaskFileError::Syntax { place, .. }) => place.as_ref().map(|place| place.excerpt()),
            Self::TaskFile(error) | Self::VolumeFile(error) => Some(error.explain()),
            _ => None,
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
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
/// nodes. All else it does not refuse, or only with a Python exception: then the explanation stands alone.
fn task_file_words(error: &TaskFileError) -> String {
    const NO_RUN: &str = "Error: 'run' field is required in task definition\nError: 1";
    let problems = match error {
        TaskFileError::Syntax { .. } => return format!("Error parsing YAML file: {error}"),
        TaskFileError::Empty { .. } | TaskFileError::NotAMapping { .. } => return NO_RUN.to_owned(),
        TaskFileError::Fields { problems, .. } => problems,
        _ => return String::new(),
    };
    match problems.iter().map(|problem| &problem.kind).collect::<Vec<_>>()[..] {
        [ProblemKind::NothingToRun] => NO_RUN.to_owned(),
        [ProblemKind::TooFewNodes(found)] => format!(
            "Error: [{{'type': 'greater_than_equal', 'loc': ['body', 'num_nodes'], \
             'msg': 'Input should be greater than or equal to 1', 'input': {found}, 'ctx': {{'ge': 1}}}}]"
        ),
        _ => String::new(),
    }
}
