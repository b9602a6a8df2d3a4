//! Why a task failed, or waits.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first failure of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskFailure {
    /// Rank of the node that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Its pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The Kubernetes node that it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Signal that ended it, such as 9, if its exit code says so (128 and the signal).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why, as one word.
    #[serde(default)]
    pub reason: String,
    /// Why, as a sentence.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub message: String,
    /// The last lines of the node's log, if run failed; at most ten, what does not show is escaped. A task with secrets
    /// has none: only its containers know what must not be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub last_lines: Vec<String>,
}

/// What a task waits for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskPending {
    /// Why, as one word.
    #[serde(default)]
    pub reason: String,
    /// Why, as a sentence.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub message: String,
    /// Since when it waits for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Of a task of several nodes: which of them wait for what, those of one reason together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub nodes: Vec<PendingNodes>,
}

/// Nodes that wait for the same reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingNodes {
    /// Their ranks, such as `0-2,5`; cut with `…` where there are too many to list.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub nodes: String,
    /// How many they are.
    #[serde(default)]
    pub count: u32,
    /// Why they wait, as one word.
    #[serde(default)]
    pub reason: String,
    /// Why the first of them waits, as a sentence.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub message: String,
    /// Since when one of them waits for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}
