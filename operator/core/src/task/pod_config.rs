//! `spec.podConfig`: changes of the pod by its user, as JSON values, so that nothing is dropped that our types do not know.

mod merge;
mod policy;

#[cfg(test)]
mod tests;

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Map, Value};

pub use policy::FIELDS;

/// A mapping that was read and is allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodConfig(Map<String, Value>);

/// Why a pod cannot be changed so. The sentences go to the user as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPodConfig {
    /// No YAML, no JSON, or no mapping.
    #[error("spec.podConfig: {0}")]
    Unreadable(String),
    /// Something that no pod has at this place.
    #[error("spec.podConfig.{path}: {message}")]
    Unfit {
        /// Where.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// What the product decides itself.
    #[error("spec.podConfig.{path}: is decided by the task itself: {instead}")]
    Ours {
        /// Where.
        path: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// Power over the machine, the cluster or other users.
    #[error(
        "spec.podConfig.{path}: gives the pod power over {over}; the administrator can allow it with `--allow-pod-config {field}`"
    )]
    Forbidden {
        /// Where.
        path: String,
        /// Over what.
        over: &'static str,
        /// The word by which it is allowed.
        field: &'static str,
    },
}

impl PodConfig {
    /// Reads the text and checks it. `allowed` are the administrator's words out of [`FIELDS`].
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn read(text: &str, allowed: &[String]) -> Result<Self, InvalidPodConfig> {
        let unreadable = |message: String| InvalidPodConfig::Unreadable(message);
        let value: Value = serde_yaml::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let Value::Object(config) = value else {
            return Err(unreadable("must be a mapping with `spec` or `metadata`".to_owned()));
        };
        policy::check(&config, allowed)?;
        Ok(Self(config))
    }

    /// The Job with its pod changed, as it goes to the API server. What identifies the pod stays ours.
    pub fn change(&self, job: &Job) -> Value {
        let mut body = serde_json::to_value(job).unwrap_or_default();
        let ours = job.spec.as_ref().and_then(|spec| spec.template.metadata.clone()).unwrap_or_default();
        if let Some(template) = body.pointer_mut("/spec/template") {
            merge::into(template, &Value::Object(self.0.clone()));
            for (key, value) in ours.labels.into_iter().flatten() {
                template["metadata"]["labels"][key] = value.into();
            }
            for (key, value) in ours.annotations.into_iter().flatten() {
                template["metadata"]["annotations"][key] = value.into();
            }
        }
        body
    }
}
