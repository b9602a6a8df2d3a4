//! SkyPilot's YAML files read into the wire types.
//!
//! Pure: text in, data out. [`parse`] accepts the specification's fields in every form that the specification or
//! SkyPilot gives a meaning, and turns them into the strings of the API. What it does not know it refuses by name, with
//! the nearest known field as a suggestion: a misspelt key that is silently ignored costs its author a night of GPUs.

mod error;
mod fields;
mod overrides;
mod problem;
mod read;
mod resources;
mod suggest;
mod yaml;

pub use error::{Position, TaskFileError};
pub use problem::{Problem, ProblemKind};

use std::collections::BTreeMap;

use sky_crd::api::TaskRequest;

/// Largest file that is read, in bytes: the API takes no larger body.
pub const MAX_BYTES: usize = 1 << 20;

/// A task file that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskFile {
    /// The body of `POST /tasks/submit`.
    pub request: TaskRequest,
}

/// What is said beside the file, and wins over it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Name of the task.
    pub name: Option<String>,
    /// Number of nodes.
    pub num_nodes: Option<u32>,
    /// Environment variables, added to those of the file. A variable that has no value in the file needs one here.
    pub envs: BTreeMap<String, String>,
}

/// Reads a task file. `source_name` stands for the file in messages.
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
    let document = overrides.apply(yaml::single_document(text, source_name)?);
    let request = read::task(&document).map_err(|problems| TaskFileError::fields(source_name, problems))?;
    Ok(TaskFile { request })
}
