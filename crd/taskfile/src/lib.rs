//! SkyPilot's YAML files understood.
//!
//! Pure: text in, data out. [`understand`] reads a file as SkyPilot does (YAML 1.1, its whole schema, each field in
//! every form that the specification or SkyPilot gives a meaning) into a normal form, [`Pipeline`] of [`Task`]s.
//! [`parse`] goes on to the body of a request, and refuses what is understood but cannot be run. What is not known at
//! all is refused by name, with the nearest known field as a suggestion: a misspelt key that is silently ignored costs
//! its author a night of GPUs.

mod error;
mod fields;
mod normal;
mod overrides;
mod print;
mod problem;
mod read;
mod request;
mod source;
mod suggest;
mod task;
mod volume;
mod yaml;

pub use error::{Position, TaskFileError};
pub use overrides::Overrides;
pub use problem::{Place, Problem, ProblemKind};
pub use task::{
    Accelerator, Alternatives, Autostop, Execution, FileMount, Infra, JobRecovery, Pipeline, Pool, PortRange, Quantity,
    ReadinessProbe, Replicas, Resources, Service, Storage, StorageMode, Task, TerminationDelay, VolumeMount, WaitFor,
    Workdir,
};
pub use volume::{NewVolume, VolumeFile, VolumeKind, VolumeRefusal, is_volume, parse_new_volume, parse_volume};

use std::collections::BTreeMap;

use problem::Problems;
use sky_crd::api::TaskRequest;
use source::Source;
use yaml::Node;

/// Largest file that is read, in bytes: the API takes no larger body.
pub const MAX_BYTES: usize = 1 << 20;

/// A task file that can be submitted.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskFile {
    /// The body of `POST /tasks/submit`.
    pub request: TaskRequest,
    /// What the file asks for and will not get, though the task runs without it. One sentence each.
    pub warnings: Vec<String>,
}

/// A task file that is valid, whether or not it can be submitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// What it says.
    pub pipeline: Pipeline,
    /// What it says without effect. One sentence each.
    pub warnings: Vec<String>,
}

/// Values of secrets that are not in the file, by name.
pub type Secrets = BTreeMap<String, String>;

/// Reads a task file that is to be submitted. `source_name` stands for the file in messages.
///
/// # Errors
/// [`TaskFileError`]; everything that is wrong with the fields is in one error.
pub fn parse(text: &str, source_name: &str) -> Result<TaskFile, TaskFileError> {
    parse_with(text, source_name, Overrides::default())
}

/// As [`parse`], with overrides.
///
/// # Errors
/// [`TaskFileError`], as for a file that says what the overrides say.
pub fn parse_with(text: &str, source_name: &str, overrides: Overrides) -> Result<TaskFile, TaskFileError> {
    parse_with_secrets(text, source_name, overrides, &Secrets::new())
}

/// As [`parse_with`], with values of secrets.
///
/// # Errors
/// [`TaskFileError`], as for a file that says what the overrides and secrets say.
pub fn parse_with_secrets(
    text: &str,
    source_name: &str,
    overrides: Overrides,
    secrets: &Secrets,
) -> Result<TaskFile, TaskFileError> {
    let source = Source::new(source_name, text);
    let (documents, secrets, warnings) = overridden(documents(source)?, overrides, secrets);
    let (understood, problems) = read(&documents, warnings, &secrets, true);
    request::of(source, &documents, understood, problems)
}

/// The text of a file whose task runs this script and says nothing else.
pub fn of_command(script: &str) -> String {
    print::document(&serde_json::Map::from_iter([("run".to_owned(), script.into())]))
}

/// Reads a task file of any kind and says what it means. `source_name` stands for the file in messages.
///
/// # Errors
/// [`TaskFileError`] for what SkyPilot would refuse; everything that is wrong with the fields is in one error.
pub fn understand(
    text: &str,
    source_name: &str,
    overrides: Overrides,
    secrets: &Secrets,
) -> Result<Understood, TaskFileError> {
    let source = Source::new(source_name, text);
    let (documents, secrets, warnings) = overridden(documents(source)?, overrides, secrets);
    let (understood, problems) = read(&documents, warnings, &secrets, false);
    if problems.is_empty() { Ok(understood) } else { Err(TaskFileError::fields(source, problems)) }
}

fn overridden(mut documents: Vec<Node>, overrides: Overrides, secrets: &Secrets) -> (Vec<Node>, Secrets, Vec<String>) {
    let (mut secrets, mut warnings) = (secrets.clone(), Vec::new());
    overrides.apply(&mut documents, &mut secrets, &mut warnings);
    (documents, secrets, warnings)
}

/// The documents of a file, which are mappings; at least one.
fn documents(source: Source<'_>) -> Result<Vec<Node>, TaskFileError> {
    let file = || source.name.to_owned();
    if source.text().len() > MAX_BYTES {
        return Err(TaskFileError::TooLarge { file: file(), bytes: source.text().len() });
    }
    let documents = yaml::documents(source.text()).map_err(|broken| TaskFileError::broken(source, broken))?;
    if let Some(other) = documents.iter().find(|document| document.as_map().is_none()) {
        return Err(TaskFileError::NotAMapping { file: file(), found: other.kind() });
    }
    let kind = |document: &Node| document.get("apiVersion").and(document.get("kind")).map(Node::to_text);
    if let Some(kind) = documents.iter().find_map(kind) {
        return Err(TaskFileError::Resource { file: file(), kind: kind.chars().take(80).collect() });
    }
    if documents.iter().all(|document| document.as_map().is_some_and(<[_]>::is_empty)) {
        return Err(TaskFileError::Empty { file: file() });
    }
    Ok(documents)
}

/// What the documents say as far as it can be read, and what is wrong with the rest.
fn read(documents: &[Node], mut warnings: Vec<String>, secrets: &Secrets, to_run: bool) -> (Understood, Problems) {
    let mut problems = Problems::default();
    // Several documents are refused as such, whatever is in them.
    let context = read::documents::Context { secrets, to_run: to_run && documents.len() == 1 };
    let pipeline = read::documents::read(documents, &context, &mut problems, &mut warnings);
    (Understood { pipeline, warnings }, problems)
}
