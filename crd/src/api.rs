//! Wire types of the REST API (specification, "API"), and their translation to resources and back.
//!
//! Names are SkyPilot's snake_case here and Kubernetes' camelCase in the resources.

mod config;
mod mount;
mod recovery;
mod rerun;
mod resources;
mod secret;
mod task;
mod view;
mod volume;

pub use mount::{MountRequest, NewVolumeConfig, NewVolumeRequest, PartRequest};
pub use recovery::RecoveryRequest;
pub use rerun::RerunRequest;
pub use resources::ResourcesRequest;
pub use secret::{Confidential, REGISTRY_LOGIN, SecretValue};
pub use task::{TaskRequest, WorkdirRequest};
pub use view::{NodeView, TaskMetadata, TaskState, TaskView};
pub use volume::{VolumeMetadata, VolumeRequest, VolumeView};

use k8s_openapi::jiff::Timestamp;

/// A field of a request whose text means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", path.join("."))]
pub struct InvalidField {
    /// Keys from the body's root to the field, in the body's snake_case.
    pub path: Vec<String>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl InvalidField {
    pub(crate) fn new(path: &[&str], message: &dyn ToString) -> Self {
        Self { path: path.iter().map(ToString::to_string).collect(), message: message.to_string() }
    }
}

/// A time as the original writes it: `YYYY-MM-DDTHH:MM:SS.ffffff` in UTC, without a zone.
pub(crate) fn wire_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// The name on the wire of a resource's field: `numNodes` is `num_nodes`.
pub fn snake_case(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        out
    })
}
