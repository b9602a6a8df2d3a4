//! What became of a task.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TaskFailure, TaskPending};

/// What the operator has seen of a task. Nothing in here is required: the API server creates it with a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkyTaskStatus {
    /// Id of the task: 8 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Generation that this status speaks of; -1 until the operator has seen the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What the task is doing, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<TaskPhase>,
    /// Attempt that `nodes` speaks of, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When this attempt begins; in the future while the operator waits before it tries again. Absent for the first one,
    /// which begins with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_time: Option<Time>,
    /// Restarts after failures of the task's own, which maxRestarts bounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u32>,
    /// Restarts after disruptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disruptions: Option<u32>,
    /// Hash of what decides the run of this attempt, with the rules that made it before the colon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_hash: Option<String>,
    /// The runToken that this run is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_token: Option<String>,
    /// Why the attempt is being ended before its own end. Never taken back: what has been told to end ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<TaskEnding>,
    /// Attempts that were followed by another, the oldest first; the last ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub attempts: Vec<TaskAttempt>,
    /// The nodes, in rank order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub nodes: Vec<NodeStatus>,
    /// Nodes that ended with exit code 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded_nodes: Option<u32>,
    /// Nodes that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_nodes: Option<u32>,
    /// Nodes whose container runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_nodes: Option<u32>,
    /// Nodes whose container does not run yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_nodes: Option<u32>,
    /// When the first container of the first attempt started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the last node ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Time from startTime to completionTime in words, such as `7m30s`, once the task has come to its end. For columns,
    /// which cannot count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub duration: Option<String>,
    /// Kubernetes nodes that the nodes of this attempt run on: the first three, and how many more. For columns, which show
    /// one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub machines: Option<String>,
    /// Seconds for which the task was suspended after it had started. They do not count for activeDeadlineSeconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_seconds: Option<i64>,
    /// When Jobs, pods and logs were removed, ttlSecondsAfterFinished after the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleaned_up_time: Option<Time>,
    /// Exit code of the first node that failed; 0 when all succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The first failure, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<TaskFailure>,
    /// What the task waits for, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<TaskPending>,
    /// What was chosen of the resources asked for, where there was a choice or something to say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ChosenResources>,
    /// Where the ports of the task are reached: from outside first, if at all, then inside the cluster. Addresses outside
    /// go with the task's end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub endpoints: Vec<Endpoint>,
    /// Ready, Reconciling and Stalled (kstatus); Running, Complete, Failed, Suspended; and Finished, which is True for
    /// every end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub conditions: Vec<Condition>,
}

/// What was chosen of the resources that a task asks for, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChosenResources {
    /// Which of the alternatives, from 0, counting every accelerator of every alternative in the order in which they are
    /// written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternative: Option<u32>,
    /// What each node asks the cluster for, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub summary: Option<String>,
    /// Why this alternative.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// What was asked for and not had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub warnings: Vec<String>,
    /// Alternatives that were given up because no machine took them in their time, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tried: Vec<TriedResources>,
}

/// An alternative that was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedResources {
    /// Which, from 0, as in `resources.alternative`.
    #[serde(default)]
    pub alternative: u32,
    /// What each node asked the cluster for, in one line.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub summary: String,
    /// How often it was given up.
    #[serde(default)]
    pub times: u32,
    /// When it was given up last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// What it waited for then.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// Where ports of a task are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// `ClusterIP`, `LoadBalancer` or `Ingress`.
    #[serde(rename = "type", default)]
    #[schemars(length(max = 32))]
    pub kind: String,
    /// Host name or IP address; of an `Ingress` the URL. Empty while there is none.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub address: String,
    /// The ports of the task that are reached there, each a number or a range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub ports: Vec<String>,
    /// What the address waits for, while it cannot be used yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

impl SkyTaskStatus {
    /// Whether any Job of the attempt is recorded: it has begun.
    pub fn has_jobs(&self) -> bool {
        self.recorded_jobs().next().is_some()
    }

    /// Whether all Jobs of the attempt, of so many nodes, were created and recorded.
    pub fn has_all_jobs(&self, nodes: u32) -> bool {
        self.recorded_jobs().count() == nodes as usize
    }

    /// UIDs of the attempt's Jobs, as far as they are recorded, in rank order.
    pub fn recorded_jobs(&self) -> impl Iterator<Item = &String> {
        self.nodes.iter().filter_map(|node| node.job_uid.as_ref())
    }
}

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskPhase {
    /// No container runs yet.
    Pending,
    /// At least one container runs or has run, and none has failed.
    Running,
    /// Every node ended with exit code 0.
    Succeeded,
    /// A node failed.
    Failed,
    /// It was stopped before its end.
    Stopped,
    /// Nothing of it exists until it is resumed.
    Suspended,
}

/// Why an attempt is being ended before its own end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskEnding {
    /// Why, as one word.
    #[serde(default)]
    pub reason: String,
    /// Why, as a sentence.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub message: String,
}

/// An attempt that is over and was followed by another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskAttempt {
    /// Which, from 0.
    #[serde(default)]
    pub attempt: u32,
    /// When its first container started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Why it ended, as one word.
    #[serde(default)]
    pub reason: String,
    /// Why it ended, as a sentence.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub message: String,
    /// Exit code of the first node that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Kubernetes nodes that it ran on; the first ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub machines: Vec<String>,
}

/// One node of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Rank, from 0.
    pub index: u32,
    /// Name of the node's Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// UID of the node's Job.
    #[serde(rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// Name of the node's pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Kubernetes node that the pod was bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Commit that was checked out as the work directory, where that is a git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub commit: Option<String>,
    /// What the node is doing.
    #[serde(default)]
    pub phase: NodePhase,
    /// Exit code of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why the node waits or failed, as one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the node waits or failed, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// The peer because of which this node was ended; absent if the node ended by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<PeerEnd>,
    /// When the container started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the container ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// The peer that brought a node down, as the node's own agent knew it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerEnd {
    /// Rank of the peer.
    #[serde(default)]
    pub node: u32,
    /// What had become of it: SetupFailed, RunFailed or NodeLost.
    #[serde(default)]
    pub reason: String,
    /// Exit code of the peer's script, if that is what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// What a node is doing. The last two are final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum NodePhase {
    /// The container does not run yet.
    #[default]
    Pending,
    /// The container runs.
    Running,
    /// The container ended with exit code 0 and was not disrupted.
    Succeeded,
    /// The container ended otherwise, or cannot be.
    Failed,
}

impl NodePhase {
    /// Whether the node has come to its end.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}
