//! A task that is submitted, on the wire.

use std::collections::BTreeMap;

use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{Confidential, InvalidField, MountRequest, RecoveryRequest, ResourcesRequest, SecretValue, config, mount};
use crate::{
    TaskId, User, git, label, name,
    task::{FileMount, GitSource, Lifecycle, SkyTask, SkyTaskSpec, Workdir, spec},
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
    /// Where scripts start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<WorkdirRequest>,
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
    /// Path in the container to volume.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, MountRequest>,
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
        let recovery = resources.recovery()?.map(RecoveryRequest::to_lifecycle).transpose()?;
        let mut spec = SkyTaskSpec {
            task_id: Some(id.to_string()),
            name: Some(name.clone()),
            user: user.to_string(),
            num_nodes: self.num_nodes.unwrap_or(1),
            workdir: self.workdir.map(WorkdirRequest::into_workdir).transpose()?.flatten(),
            resources: resources.to_resources()?,
            envs: self.envs,
            secrets: Vec::new(),
            env_from: Vec::new(),
            file_mounts: file_mounts(self.file_mounts),
            volumes: mount::volume_mounts(self.volumes, self.num_nodes.unwrap_or(1))?,
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

/// `workdir` of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WorkdirRequest {
    /// A directory in the container; the image's own if it is empty.
    Path(String),
    /// A git repository to check out: `{url, ref}`.
    Git(GitSource),
}

impl WorkdirRequest {
    fn into_workdir(self) -> Result<Option<Workdir>, InvalidField> {
        match self {
            Self::Path(path) if path.is_empty() => Ok(None),
            Self::Path(path) => Ok(Some(Workdir { path: Some(path), git: None })),
            Self::Git(GitSource { url, reference }) => {
                let reference = reference.filter(|reference| !reference.is_empty());
                git::address(&url).map_err(|error| InvalidField::new(&["workdir", "url"], &error))?;
                let checked = reference.as_deref().map(git::check_revision).transpose();
                checked.map_err(|error| InvalidField::new(&["workdir", "ref"], &error))?;
                Ok(Some(Workdir { path: None, git: Some(GitSource { url, reference }) }))
            }
        }
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

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    use kube::ResourceExt as _;

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
        assert_eq!(task.spec.volumes[0].name.as_deref(), Some("v"));
        assert_eq!(task.names().jobs(0), ["t-000000ab-node-0", "t-000000ab-node-1"]);
    }

    #[test]
    fn a_work_directory_is_a_path_or_a_repository() {
        for (given, kept) in [
            (serde_json::json!("/w"), serde_json::json!({"path": "/w"})),
            (serde_json::json!(""), serde_json::json!(null)),
            (serde_json::json!({"url": "git@host:a/b"}), serde_json::json!({"git": {"url": "git@host:a/b"}})),
            (
                serde_json::json!({"url": "https://host/a", "ref": "v1"}),
                serde_json::json!({"git": {"url": "https://host/a", "ref": "v1"}}),
            ),
            (
                serde_json::json!({"url": "https://host/a", "ref": ""}),
                serde_json::json!({"git": {"url": "https://host/a"}}),
            ),
        ] {
            let task = task(serde_json::json!({"run": "r", "workdir": given})).unwrap();
            assert_eq!(serde_json::json!(task.spec.workdir), kept, "{given}");
        }
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
            (serde_json::json!({"run": "x", "workdir": {"url": "https://ann:hunter2@host/repo"}}), "workdir.url"),
            (serde_json::json!({"run": "x", "workdir": {"url": "https://host/repo", "ref": "-u"}}), "workdir.ref"),
            (serde_json::json!({"run": "x", "volumes": {"/data": "Bad Name"}}), "volumes./data"),
            (serde_json::json!({"run": "x", "volumes": {"/data": ""}}), "volumes./data"),
        ] {
            assert_eq!(task(body).unwrap_err().path.join("."), field);
        }
    }
}
