//! A task as the API shows it: what its status says, in the words of the wire.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};

use super::wire_time;
use crate::{
    condition::Reason,
    task::{Endpoint, NodePhase, NodeStatus, SkyTask, SkyTaskStatus, TaskPhase},
};

/// `status` of a task in the API (specification, "Status Values").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// No container runs yet.
    Pending,
    /// At least one node is active.
    Running,
    /// A node failed.
    Failed,
    /// All nodes succeeded.
    Completed,
}

impl From<Option<TaskPhase>> for TaskState {
    fn from(phase: Option<TaskPhase>) -> Self {
        match phase {
            None | Some(TaskPhase::Pending | TaskPhase::Suspended) => Self::Pending,
            Some(TaskPhase::Running) => Self::Running,
            Some(TaskPhase::Succeeded) => Self::Completed,
            Some(TaskPhase::Failed | TaskPhase::Stopped) => Self::Failed,
        }
    }
}

/// A task as the API shows it (specification, `TaskStatus`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskView {
    /// Id, 8 hex digits.
    pub task_id: String,
    /// Name as the user wrote it.
    pub name: String,
    /// What the task is doing.
    pub status: TaskState,
    /// Creation time.
    pub created_at: String,
    /// Time of the last change that is known.
    pub updated_at: String,
    /// Label form of the user.
    pub username: String,
    /// Details.
    pub metadata: TaskMetadata,
}

/// Details of a task. The first eight keys are the specification's; more may follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskMetadata {
    /// Job of the first node.
    pub job_name: String,
    /// Namespace of the Jobs.
    pub namespace: String,
    /// Number of nodes.
    pub num_nodes: u32,
    /// Jobs in rank order.
    pub node_jobs: Vec<String>,
    /// Nodes that ended with exit code 0.
    pub succeeded_nodes: u32,
    /// Nodes that failed.
    pub failed_nodes: u32,
    /// Nodes whose container runs.
    pub running_nodes: u32,
    /// Nodes whose container does not run yet.
    pub pending_nodes: u32,
    /// Exit code of the first node that failed, 0 when all succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why the task waits or failed, as one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the task waits or failed, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Container image asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Time from the first start to the end, as in `7m30s`, once the task has come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// The last lines of the log of the node that failed, if `run` failed and the task has no secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// Where the ports are reached, once the task has been started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// The nodes, in rank order, once there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeView>,
}

/// One node of a task as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    /// Rank, from 0.
    pub index: u32,
    /// What the node is doing, in the words of the task's `status`.
    pub status: TaskState,
    /// Kubernetes node that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Exit code of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why the node waits or failed, as one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the node waits or failed, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl From<&NodeStatus> for NodeView {
    fn from(node: &NodeStatus) -> Self {
        let status = match node.phase {
            NodePhase::Pending => TaskState::Pending,
            NodePhase::Running => TaskState::Running,
            NodePhase::Succeeded => TaskState::Completed,
            NodePhase::Failed => TaskState::Failed,
        };
        Self {
            index: node.index,
            status,
            machine: node.machine.clone(),
            exit_code: node.exit_code,
            reason: node.reason.clone(),
            message: node.message.clone(),
        }
    }
}

/// The operator looks at a new task within a moment, of which nobody need be told.
const UNTOLD: SignedDuration = SignedDuration::from_secs(3);

impl TaskView {
    /// The task as it is `now`.
    pub fn of(task: &SkyTask, now: Timestamp) -> Self {
        let mut status = task.status.clone().unwrap_or_default();
        let created = task.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        if now.duration_since(created) < UNTOLD {
            status.pending = status.pending.filter(|pending| pending.reason != Reason::Unobserved.as_str());
        }
        Self {
            task_id: task.task_id().to_string(),
            name: task.task_name(),
            status: status.phase.into(),
            created_at: wire_time(created),
            updated_at: wire_time(last_change(&status).map_or(created, |changed| changed.max(created))),
            username: task.user().map_or_else(|_| task.spec.user.clone(), |user| user.label_value()),
            metadata: metadata(task, &status),
        }
    }
}

fn metadata(task: &SkyTask, status: &SkyTaskStatus) -> TaskMetadata {
    let attempt = status.attempt.unwrap_or(0);
    let names = task.names();
    let why = status.failure.as_ref().map(|failure| (&failure.reason, &failure.message));
    let why = why.or_else(|| status.ending.as_ref().map(|ending| (&ending.reason, &ending.message)));
    let why = why.or_else(|| status.pending.as_ref().map(|pending| (&pending.reason, &pending.message)));
    TaskMetadata {
        job_name: names.job(0, attempt),
        namespace: task.namespace().unwrap_or_default(),
        num_nodes: task.nodes(),
        node_jobs: names.jobs(attempt),
        succeeded_nodes: status.succeeded_nodes.unwrap_or(0),
        failed_nodes: status.failed_nodes.unwrap_or(0),
        running_nodes: status.running_nodes.unwrap_or(0),
        pending_nodes: status.pending_nodes.unwrap_or(task.nodes()),
        exit_code: status.exit_code,
        reason: why.map(|(reason, _)| reason.clone()),
        message: why.map(|(_, message)| message.clone()),
        image: task.spec.resources.image_id.clone(),
        duration: status.duration.clone(),
        last_lines: status.failure.as_ref().map(|failure| failure.last_lines.clone()).unwrap_or_default(),
        endpoints: status.endpoints.clone(),
        nodes: status.nodes.iter().map(NodeView::from).collect(),
    }
}

/// The latest time that the status speaks of.
fn last_change(status: &SkyTaskStatus) -> Option<Timestamp> {
    let nodes = status.nodes.iter().flat_map(|node| [&node.started_at, &node.finished_at]).flatten();
    let conditions = status.conditions.iter().map(|condition| &condition.last_transition_time);
    nodes.chain(conditions).chain(&status.completion_time).map(|Time(time)| *time).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> SkyTask {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "skytask.dev/v1alpha1", "kind": "SkyTask",
            "metadata": {"name": "task-000000ab-000000ab", "namespace": "default"},
            "spec": {"taskId": "000000ab", "name": "task-000000ab", "user": "a@b", "run": "true"},
        }))
        .unwrap()
    }

    #[test]
    fn a_task_that_nobody_has_looked_at() {
        let view = TaskView::of(&task(), Timestamp::UNIX_EPOCH);
        assert_eq!((view.username.as_str(), view.status), ("a-b", TaskState::Pending));
        assert_eq!(view.metadata.job_name, "task-000000ab-000000ab");
        assert_eq!(view.metadata.pending_nodes, 1);
    }

    #[test]
    fn who_waits_for_an_operator_is_told_so_after_a_moment() {
        let mut task = task();
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
        task.metadata.creation_timestamp = Some(Time(at(0)));
        for (reason, second, told) in [("Unobserved", 2, false), ("Unobserved", 3, true), ("Unschedulable", 0, true)] {
            task.status = serde_json::from_value(serde_json::json!({"pending": {"reason": reason}})).unwrap();
            let view = TaskView::of(&task, at(second));
            assert_eq!(view.metadata.reason.is_some(), told, "{reason} at {second}");
        }
    }
}
