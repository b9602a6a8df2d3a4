//! Parse, don't validate: a [`ValidTask`] can be planned without any failing step.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use sky_crd::{
    InvalidUser, TaskId, User,
    git::InvalidGit,
    label,
    name::TaskNames,
    quantity::{Amount, InvalidAmount},
    task::{ExposeType, InvalidMount, SkyTask, SkyTaskSpec, SkyTaskStatus, VolumeMount},
};

use super::{
    agent,
    checkout::Checkout,
    expose::{self, InvalidExpose},
    pod_config::{InvalidPodConfig, PodConfig},
    ports::{self, InvalidPorts},
    resources::{self, InvalidResources, Want},
    security::PodSecurity,
};
use crate::owner::Owner;

/// Longest ConfigMap, in bytes (Kubernetes' limit on the data of one).
const MAX_SCRIPTS: usize = 1_048_576;

/// What the administrator decides for all tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Image of tasks that name none.
    pub default_image: String,
    /// Image that brings the agent into the pods of tasks with several nodes: our own.
    pub agent_image: String,
    /// Image by which repositories are checked out: one with `git` and `sh`.
    pub git_image: String,
    /// How machines are chosen.
    pub placement: resources::Policy,
    /// Fields of a pod that users may change although they give it power: words out of [`super::pod_config::FIELDS`].
    pub pod_config: Vec<String>,
    /// What pods may do if their task says nothing else.
    pub pod_security: PodSecurity,
    /// How ports are reached from outside.
    pub expose: expose::Policy,
}

/// A task whose children the API server has no reason of form to refuse.
#[derive(Clone, Debug)]
pub struct ValidTask {
    /// The SkyTask as owner of its children.
    pub owner: Owner,
    /// Its generation.
    pub generation: i64,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its id.
    pub id: TaskId,
    /// Its name as the user wrote it.
    pub name: String,
    /// Names of its children.
    pub names: TaskNames,
    /// Whom it belongs to.
    pub user: User,
    /// Nodes of the attempt that the status speaks of; before there is one, those asked for.
    pub nodes: u32,
    /// What each node asks for: alternatives in order of preference, at least one.
    pub wants: Vec<Want>,
    /// Image of alternatives that name none.
    pub default_image: String,
    /// Image that the agent comes in.
    pub agent_image: String,
    /// Image that the repository is checked out by.
    pub git_image: String,
    /// How machines are chosen.
    pub placement: resources::Policy,
    /// Changes of the pod.
    pub pod_config: Option<PodConfig>,
    /// What the pod may do where those say nothing else.
    pub pod_security: PodSecurity,
    /// Ports that rank 0 serves, first and last of each range.
    pub ports: Vec<(u16, u16)>,
    /// How they are reached.
    pub exposed: ExposeType,
    /// What the administrator says about that.
    pub expose: expose::Policy,
    /// Directory in the container.
    pub workdir: Option<String>,
    /// Repository that is checked out instead.
    pub checkout: Option<Checkout>,
    /// Everything else, as the user wrote it.
    pub spec: SkyTaskSpec,
    /// The status that is recorded.
    pub status: SkyTaskStatus,
}

/// Why a task can never run. The sentences go to the user as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTask {
    /// The object never was in an API server.
    #[error("the object has no UID, name or namespace")]
    NotStored,
    /// `spec.user`.
    #[error("spec.user: {0}")]
    User(#[from] InvalidUser),
    /// `spec.resources`.
    #[error(transparent)]
    Resources(#[from] InvalidResources),
    /// `spec.resources.ports`.
    #[error(transparent)]
    Ports(#[from] InvalidPorts),
    /// `spec.expose`, and the ports that it is about.
    #[error(transparent)]
    Expose(#[from] InvalidExpose),
    /// `spec.podConfig`.
    #[error(transparent)]
    PodConfig(#[from] InvalidPodConfig),
    /// A name in `spec.envs` or `spec.secrets`.
    #[error("{0}: `{1}` cannot be the name of an environment variable: letters, digits and `_`, not a digit first")]
    EnvName(&'static str, String),
    /// A name that is the agent's.
    #[error("{0}: `{1}`: names that begin with SKY_AGENT belong to the product; choose another")]
    ReservedEnv(&'static str, String),
    /// A value that no process can be given.
    #[error("{0}: contains a NUL character, which no process can be given")]
    Nul(String),
    /// Setup and run together.
    #[error(
        "spec.setup and spec.run have {0} bytes together; a ConfigMap holds {MAX_SCRIPTS}: put files into a volume or the image"
    )]
    ScriptsTooLong(usize),
    /// A label that decides which children are whose.
    #[error("spec.labels: `{0}` is reserved for the product or a queueing system")]
    ReservedLabel(String),
    /// A label that Kubernetes refuses.
    #[error("spec.labels: `{0}`: `{1}` is no label value: up to 63 letters, digits, `-`, `_`, `.`")]
    LabelValue(String, String),
    /// A volume that no pod of the task could mount.
    #[error("spec.volumes: `{0}`: {1}")]
    Mount(String, InvalidMount),
    /// The size of a volume that is made for the task.
    #[error("spec.volumes: `{0}`: {1}")]
    VolumeSize(String, InvalidAmount),
    /// A mount path that Kubernetes refuses.
    #[error("spec.volumes: mountPath `{0}` must not contain `:`")]
    MountPath(String),
    /// `spec.workdir.git`.
    #[error("spec.workdir.git.{0}: {1}")]
    Git(&'static str, InvalidGit),
}

/// The task with every text that has a meaning turned into it.
///
/// # Errors
/// The first thing that makes the task impossible, with the field's name.
pub fn validate(task: &SkyTask, policy: &Policy) -> Result<ValidTask, InvalidTask> {
    let spec = &task.spec;
    check_scripts(spec)?;
    check_envs(spec)?;
    let wants = resources::wants(&spec.resources)?;
    std::iter::once(&spec.labels).chain(wants.iter().map(|want| &want.labels)).try_for_each(check_labels)?;
    let nodes = task.nodes();
    spec.volumes.iter().try_for_each(|mount| check_mount(mount, nodes))?;
    let pod_config = spec.pod_config.as_ref().map(|text| PodConfig::read(text, &policy.pod_config)).transpose()?;
    let ports = ports::ranges(&spec.resources.ports)?;
    let source = spec.workdir.as_ref().and_then(|workdir| workdir.git.as_ref());
    let checkout = source.map(Checkout::of).transpose().map_err(|(field, why)| InvalidTask::Git(field, why))?;
    Ok(ValidTask {
        owner: Owner::of(task).ok_or(InvalidTask::NotStored)?,
        generation: task.metadata.generation.unwrap_or(0),
        created: task.metadata.creation_timestamp.as_ref().map(|time| time.0),
        id: task.task_id(),
        name: task.task_name(),
        names: task.names(),
        user: task.user()?,
        nodes,
        wants,
        default_image: policy.default_image.clone(),
        agent_image: policy.agent_image.clone(),
        git_image: policy.git_image.clone(),
        placement: policy.placement.clone(),
        pod_config,
        pod_security: policy.pod_security,
        exposed: policy.expose.kind(task, &ports)?,
        expose: policy.expose.clone(),
        ports,
        workdir: spec.workdir.as_ref().and_then(|workdir| workdir.path.clone()),
        checkout,
        spec: spec.clone(),
        status: task.status.clone().unwrap_or_default(),
    })
}

fn check_scripts(spec: &SkyTaskSpec) -> Result<(), InvalidTask> {
    let scripts = [("spec.setup", &spec.setup), ("spec.run", &spec.run)];
    if let Some((field, _)) = scripts.iter().find(|(_, script)| script.as_ref().is_some_and(|text| text.contains('\0')))
    {
        return Err(InvalidTask::Nul((*field).to_owned()));
    }
    let bytes = scripts.iter().filter_map(|(_, script)| script.as_ref()).map(String::len).sum();
    if bytes > MAX_SCRIPTS { Err(InvalidTask::ScriptsTooLong(bytes)) } else { Ok(()) }
}

fn check_envs(spec: &SkyTaskSpec) -> Result<(), InvalidTask> {
    let secrets = spec.secrets.iter().map(|secret| ("spec.secrets", &secret.name));
    for (field, name) in spec.envs.keys().map(|name| ("spec.envs", name)).chain(secrets) {
        if !is_shell_name(name) {
            return Err(InvalidTask::EnvName(field, name.clone()));
        }
        // The entry script would take it for ours.
        if name.starts_with(agent::PREFIX) {
            return Err(InvalidTask::ReservedEnv(field, name.clone()));
        }
    }
    for (name, value) in &spec.envs {
        if value.contains('\0') {
            return Err(InvalidTask::Nul(format!("spec.envs.{name}")));
        }
    }
    Ok(())
}

/// Shell names only (SkyPilot's rule): anything else could not be read by a script anyhow.
fn is_shell_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_mount(mount: &VolumeMount, nodes: u32) -> Result<(), InvalidTask> {
    let path = || mount.mount_path.clone();
    if mount.mount_path.contains(':') {
        return Err(InvalidTask::MountPath(path()));
    }
    mount.check(nodes).map_err(|error| InvalidTask::Mount(path(), error))?;
    let Some(volume) = &mount.ephemeral else { return Ok(()) };
    check_labels(&volume.labels)?;
    Amount::size(&volume.size).map(drop).map_err(|error| InvalidTask::VolumeSize(path(), error))
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), InvalidTask> {
    for (key, value) in labels {
        if label::is_reserved(key) {
            return Err(InvalidTask::ReservedLabel(key.clone()));
        }
        if !value.is_empty() && label::sanitize_value(value).as_ref() != Some(value) {
            return Err(InvalidTask::LabelValue(key.clone(), value.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sky_crd::task::{Expose, GitSource, Workdir};

    use super::*;
    use crate::task::fixture;

    fn mounts(mut mount: Value) -> Vec<VolumeMount> {
        mount["mountPath"] = json!("/m");
        serde_json::from_value(json!([mount])).unwrap()
    }

    #[test]
    fn a_new_volume_of_one_machine_is_for_one_node() {
        for (mode, nodes, fits) in [("ReadWriteOnce", 1, true), ("ReadWriteOnce", 2, false), ("ReadWriteMany", 2, true)]
        {
            let mut task = fixture::task(nodes);
            task.spec.volumes = mounts(json!({"ephemeral": {"size": "1Gi", "accessModes": [mode]}}));
            assert_eq!(validate(&task, &fixture::policy()).is_ok(), fits, "{mode} {nodes}");
        }
    }

    #[test]
    fn a_plain_task_is_valid() {
        let valid = validate(&fixture::task(2), &fixture::policy()).unwrap();
        assert_eq!((valid.nodes, valid.wants.len(), valid.id.as_str()), (2, 1, "0123abcd"));
    }

    fn git(url: &str, reference: &str) -> Workdir {
        Workdir { path: None, git: Some(GitSource { url: url.into(), reference: Some(reference.into()) }) }
    }

    #[test]
    fn every_refusal_names_its_field() {
        type Change = fn(&mut SkyTaskSpec);
        let load_balancer: Change = |spec| {
            spec.resources.ports = vec![fixture::text("8080")];
            spec.expose = Some(Expose::of(ExposeType::LoadBalancer));
        };
        let table: [(Change, &str); 16] = [
            (|spec| spec.user = " ".into(), "spec.user"),
            (load_balancer, "spec.expose.type"),
            (|spec| spec.resources.cpus = Some(fixture::text("many")), "spec.resources.cpus"),
            (|spec| spec.resources.memory = Some(fixture::text("lots")), "spec.resources.memory"),
            (|spec| drop(spec.envs.insert("A-B".into(), "x".into())), "spec.envs"),
            (|spec| drop(spec.envs.insert("SKY_AGENT".into(), "x".into())), "spec.envs: `SKY_AGENT`"),
            (|spec| drop(spec.envs.insert("A".into(), "\0".into())), "spec.envs.A"),
            (|spec| spec.workdir = Some(git("https://ann:hunter2@host/a", "v1")), "spec.workdir.git.url"),
            (|spec| spec.workdir = Some(git("https://host/a", "-u")), "spec.workdir.git.ref"),
            (|spec| spec.run = Some("a\0".into()), "spec.run"),
            (|spec| spec.run = Some("é".repeat(524_289)), "spec.setup and spec.run"),
            (|spec| drop(spec.labels.insert("task-id".into(), "x".into())), "spec.labels"),
            (|spec| drop(spec.labels.insert("team".into(), "a b".into())), "spec.labels"),
            (|spec| spec.volumes = mounts(json!({"name": "v", "subPath": "a/.."})), "spec.volumes: `/m`"),
            (|spec| spec.volumes = mounts(json!({"name": "v", "subPath": "/a"})), "spec.volumes: `/m`"),
            (|spec| spec.volumes = mounts(json!({"ephemeral": {"size": "0"}})), "spec.volumes: `/m`"),
        ];
        for (change, field) in table {
            let mut task = fixture::task(1);
            change(&mut task.spec);
            let error = validate(&task, &fixture::policy()).unwrap_err().to_string();
            assert!(error.starts_with(field) && !error.contains("hunter2"), "{error}");
        }
    }
}
