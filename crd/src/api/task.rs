//! Tasks on the wire.

use std::collections::BTreeMap;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::{ResourceExt as _, core::ObjectMeta};
use serde::{Deserialize, Serialize};

use super::{Confidential, InvalidField, RecoveryRequest, ResourcesRequest, SecretValue, config, volume, wire_time};
use crate::{
    TaskId, User,
    condition::Reason,
    label, name,
    task::{
        FileMount, Lifecycle, NodePhase, NodeStatus, SkyTask, SkyTaskSpec, SkyTaskStatus, TaskPhase, VolumeMount,
        Workdir, spec,
    },
};

/// Body of `POST /tasks/submit`: the specification's task definition in its normal form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Name; default `task-{id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of nodes, 1 or more; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_nodes: Option<u32>,
    /// Directory in the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// What every node needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesRequest>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub envs: BTreeMap<String, String>,
    /// Secrets: environment variables, whose values are kept apart from the task. They win over `envs`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretValue>,
    /// Path in the container to source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub file_mounts: BTreeMap<String, String>,
    /// Path in the container to name of a volume.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, String>,
    /// Script that prepares a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup: Option<String>,
    /// Script that does the work; required unless there is a setup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// SkyPilot's configuration for this task. `kubernetes.pod_config`, `kubernetes.ports` and
    /// `kubernetes.provision_timeout` have a meaning, all else is ignored.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub config: serde_json::Map<String, serde_json::Value>,
}

impl TaskRequest {
    /// Takes out what may not be in the task itself.
    ///
    /// # Errors
    /// [`InvalidField`] when the credentials of a registry are incomplete.
    pub fn take_confidential(&mut self) -> Result<Confidential, InvalidField> {
        Confidential::new(std::mem::take(&mut self.secrets), &mut self.envs)
    }

    /// The resource that this request asks for, for `user`, with a fresh `id`, in `namespace`.
    ///
    /// # Errors
    /// [`InvalidField`] for the first field whose text means nothing to Kubernetes.
    pub fn into_task(mut self, id: &TaskId, user: &User, namespace: &str) -> Result<SkyTask, InvalidField> {
        let confidential = self.take_confidential()?;
        let name = check_name(self.name.filter(|name| !name.is_empty()).unwrap_or_else(|| default_name(id)))?;
        let resources = self.resources.unwrap_or_default();
        let recovery = resources.job_recovery.as_ref().map(RecoveryRequest::to_lifecycle).transpose()?;
        let mut spec = SkyTaskSpec {
            task_id: Some(id.to_string()),
            name: Some(name.clone()),
            user: user.to_string(),
            num_nodes: self.num_nodes.unwrap_or(1),
            workdir: self.workdir.filter(|path| !path.is_empty()).map(|path| Workdir { path: Some(path), git: None }),
            resources: resources.to_resources()?,
            envs: self.envs,
            secrets: Vec::new(),
            env_from: Vec::new(),
            file_mounts: file_mounts(self.file_mounts),
            volumes: volume_mounts(self.volumes)?,
            setup: self.setup.filter(|script| !script.is_empty()),
            run: self.run,
            service_account_name: None,
            image_pull_secrets: Vec::new(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            priority_class_name: resources.priority_class,
            runtime_class_name: None,
            grace_period_seconds: spec::default_grace(),
            start_timeout_seconds: spec::default_start(),
            labels: resources.labels,
            priority: resources.priority,
            expose: config::expose(&self.config)?,
            pod_config: config::pod_config(&self.config)?,
            lifecycle: Lifecycle {
                placement_timeout_seconds: config::placement_timeout(&self.config)?,
                ..recovery.unwrap_or_default()
            },
        };
        confidential.refer(&name::object_name(&name, id), &mut spec);
        Ok(SkyTask { metadata: metadata_of(id, &name, user, namespace), spec, status: None })
    }
}

/// The metadata of a task that comes through the API.
pub(super) fn metadata_of(id: &TaskId, name: &str, user: &User, namespace: &str) -> ObjectMeta {
    let mut labels = label::task_labels(id, name, user);
    labels.insert(label::MANAGED_BY.to_owned(), label::MANAGED_BY_CLI.to_owned());
    ObjectMeta {
        name: Some(name::object_name(name, id)),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// The name of a task that nobody named.
pub(super) fn default_name(id: &TaskId) -> String {
    format!("task-{id}")
}

/// Names that the API takes: an object's label and annotation keep them whole.
pub(super) fn check_name(name: String) -> Result<String, InvalidField> {
    if name.len() > 253 { Err(InvalidField::new(&["name"], &"a name has at most 253 bytes")) } else { Ok(name) }
}

fn file_mounts(mounts: BTreeMap<String, String>) -> Vec<FileMount> {
    mounts.into_iter().map(|(path, source)| FileMount { path, source, mode: None }).collect()
}

fn volume_mounts(mounts: BTreeMap<String, String>) -> Result<Vec<VolumeMount>, InvalidField> {
    let check = |(mount_path, name): (String, String)| {
        let at = |message: &str| InvalidField::new(&["volumes", &mount_path], &message);
        if !mount_path.starts_with(['/', '~']) {
            return Err(at("the mount path must be absolute: it starts with `/`"));
        }
        if mount_path.contains(':') {
            return Err(at("the mount path must not contain `:`"));
        }
        // No volume and no claim can have another name: the task would wait for ever.
        if name.is_empty() || !name.chars().all(volume::fits_name) {
            return Err(at("a volume's name has only letters, digits, `-`, `_` or `.`"));
        }
        Ok(VolumeMount { mount_path, name, sub_path: None })
    };
    mounts.into_iter().map(check).collect()
}

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
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

    use super::*;

    fn request(body: serde_json::Value) -> TaskRequest {
        serde_json::from_value(body).unwrap()
    }

    fn task(body: serde_json::Value) -> Result<SkyTask, InvalidField> {
        request(body).into_task(&TaskId::from_bits(0xab), &"a@b".parse().unwrap(), "default")
    }

    #[test]
    fn a_minimal_request() {
        let task = task(serde_json::json!({"run": "true"})).unwrap();
        assert_eq!(task.name_any(), "task-000000ab-000000ab");
        assert_eq!((task.spec.user.as_str(), task.spec.num_nodes), ("a@b", 1));
        let view = TaskView::of(&task, Timestamp::UNIX_EPOCH);
        assert_eq!((view.username.as_str(), view.status), ("a-b", TaskState::Pending));
        assert_eq!(view.metadata.job_name, "task-000000ab-000000ab");
        assert_eq!(view.metadata.pending_nodes, 1);
    }

    #[test]
    fn who_waits_for_an_operator_is_told_so_after_a_moment() {
        let mut task = task(serde_json::json!({"run": "true"})).unwrap();
        let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
        task.metadata.creation_timestamp = Some(Time(at(0)));
        for (reason, second, told) in [("Unobserved", 2, false), ("Unobserved", 3, true), ("Unschedulable", 0, true)] {
            task.status = serde_json::from_value(serde_json::json!({"pending": {"reason": reason}})).unwrap();
            let view = TaskView::of(&task, at(second));
            assert_eq!(view.metadata.reason.is_some(), told, "{reason} at {second}");
        }
    }

    #[test]
    fn a_full_request_keeps_everything() {
        let task = task(serde_json::json!({
            "name": "t", "num_nodes": 2, "workdir": "/w", "envs": {"A": "$x"}, "volumes": {"/d": "v"},
            "file_mounts": {"/f": "s3://b"}, "setup": "s", "run": "r",
            "resources": {"cpus": "4", "memory": "32", "accelerators": "V100:2", "image_id": "docker:img", "ports": [80]},
        }))
        .unwrap();
        let resources = &task.spec.resources;
        assert_eq!(resources.memory, Some(IntOrString::String("32G".to_owned())));
        assert_eq!(resources.accelerators[0].to_string(), "V100:2");
        assert_eq!(resources.image_id.as_deref(), Some("img"));
        assert_eq!(task.spec.volumes[0].name, "v");
        assert_eq!(task.names().jobs(0), ["t-000000ab-node-0", "t-000000ab-node-1"]);
    }

    #[test]
    fn what_happens_when_it_fails_or_waits() {
        let lifecycle = |body| serde_json::to_value(task(body).unwrap().spec.lifecycle).unwrap();
        let told = serde_json::json!({
            "run": "r", "resources": {"job_recovery": {"max_restarts_on_errors": 2, "recover_on_exit_codes": [33]}},
            "config": {"kubernetes": {"provision_timeout": 60}},
        });
        let expected = serde_json::json!({
            "maxRestarts": 2, "maxDisruptionRestarts": 900, "recoverOnExitCodes": [33], "placementTimeoutSeconds": 60,
        });
        assert_eq!(lifecycle(told), expected);
        assert_eq!(lifecycle(serde_json::json!({"run": "r"})), serde_json::json!({}), "it runs once");
    }

    #[test]
    fn secrets_go_into_secrets_that_are_the_tasks() {
        let body = serde_json::json!({
            "name": "t", "run": "r", "resources": {"image_id": "team/image:1"},
            "envs": {"A": "x", "TOKEN": "in-envs", "SKYPILOT_DOCKER_USERNAME": "ann", "SKYPILOT_DOCKER_PASSWORD": "hunter2",
                     "SKYPILOT_DOCKER_SERVER": "registry.test"},
            "secrets": {"TOKEN": "hunter3"},
        });
        let mut task = task(body.clone()).unwrap();
        let written = serde_json::to_string(&task).unwrap();
        assert!(!written.contains("hunter") && !written.contains("in-envs"), "{written}");
        assert_eq!(task.spec.resources.image_id.as_deref(), Some("registry.test/team/image:1"));
        let names: Vec<_> = task.spec.secrets.iter().map(|secret| secret.name.as_str()).collect();
        assert_eq!(names, ["SKYPILOT_DOCKER_PASSWORD", "TOKEN"]);
        task.metadata.uid = Some("uid".to_owned());
        let secrets = request(body).take_confidential().unwrap().secrets(&task);
        let described: Vec<_> =
            secrets.iter().map(|secret| (secret.name_any(), secret.type_.as_deref().unwrap_or_default())).collect();
        let expected = [
            ("t-000000ab-secrets".to_owned(), "Opaque"),
            ("t-000000ab-registry".to_owned(), "kubernetes.io/dockerconfigjson"),
        ];
        assert_eq!(described, expected);
        let data = secrets[1].string_data.as_ref().unwrap();
        let config = r#"{"auths":{"registry.test":{"username":"ann","password":"hunter2"}}}"#;
        assert_eq!(data[".dockerconfigjson"], config);
        assert!(secrets.iter().all(|secret| secret.metadata.owner_references.as_ref().unwrap()[0].uid == "uid"));
    }

    #[test]
    fn refusals_name_the_field() {
        for (body, field) in [
            (serde_json::json!({"run": "x", "resources": {"cpus": "many"}}), "resources.cpus"),
            (serde_json::json!({"run": "x", "resources": {"memory": "lots"}}), "resources.memory"),
            (serde_json::json!({"run": "x", "resources": {"accelerators": "a b:c"}}), "resources.accelerators"),
            (serde_json::json!({"run": "x", "volumes": {"data": "v"}}), "volumes.data"),
            (serde_json::json!({"run": "x", "volumes": {"/data": "Bad Name"}}), "volumes./data"),
            (serde_json::json!({"run": "x", "volumes": {"/data": ""}}), "volumes./data"),
        ] {
            assert_eq!(task(body).unwrap_err().path.join("."), field);
        }
    }
}
