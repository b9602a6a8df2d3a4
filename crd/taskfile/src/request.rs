//! From the normal form to the body of a request: what can be run, what is refused, what is left out with a warning.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sky_crd::{
    api::{MountRequest, NewVolumeConfig, NewVolumeRequest, PartRequest, SecretValue, TaskRequest, WorkdirRequest},
    task::GitSource,
};

use crate::{
    Execution, FileMount, ProblemKind, Task, TaskFile, TaskFileError, Understood, VolumeMount, Workdir,
    problem::Problems, source::Source, yaml::Node,
};

mod bounds;
mod config;
mod exposed;
mod resources;
mod warnings;

/// The body of a request. What cannot be run is told together with the problems found so far.
pub(crate) fn of(
    source: Source<'_>,
    documents: &[Node],
    Understood { pipeline, mut warnings }: Understood,
    problems: Problems,
) -> Result<TaskFile, TaskFileError> {
    let count = documents.len();
    let kind = match pipeline.execution {
        Execution::Serial => "a pipeline",
        Execution::Parallel { .. } => "a job group",
    };
    let (Some(task), 1, Execution::Serial) = (pipeline.tasks.into_iter().next(), count, pipeline.execution) else {
        return Err(if problems.is_empty() {
            TaskFileError::SeveralDocuments { file: source.name.to_owned(), count, kind }
        } else {
            TaskFileError::fields(source, problems)
        });
    };
    let mut refusals = Refusals { document: &documents[0], problems };
    warnings.extend(warnings::of(&task));
    let mut request = request(task, &mut refusals, &mut warnings);
    refusals.check(&mut request);
    if refusals.problems.is_empty() {
        Ok(TaskFile { request, warnings })
    } else {
        Err(TaskFileError::fields(source, refusals.problems))
    }
}

/// What is understood and cannot be run.
struct Refusals<'a> {
    document: &'a Node,
    problems: Problems,
}

impl Refusals<'_> {
    fn gives(&self, name: &str) -> bool {
        self.document.get(name).is_some_and(|node| !node.is_null())
    }

    /// Refuses the field at the end of the keys, as far as they lead.
    fn add(&mut self, keys: &[&str], message: impl Into<String>) {
        let mut node = self.document;
        for key in keys {
            node = node.get(key).unwrap_or(node);
        }
        self.problems.add(keys.join("."), ProblemKind::Unsupported(message.into()), node.span);
    }
}

fn request(task: Task, refusals: &mut Refusals<'_>, warnings: &mut Vec<String>) -> TaskRequest {
    refuse_whole_fields(&task, refusals);
    let resources = resources::request(&task.resources, refusals, warnings);
    let config = config::request(&task.config);
    exposed::refuse(&task.secrets, refusals);
    let secrets = secrets(task.secrets, refusals);
    // A secret wins, and a pod has a variable once.
    let mut envs = task.envs;
    for name in secrets.keys() {
        envs.remove(name);
    }
    TaskRequest {
        name: task.name,
        num_nodes: refusals.gives("num_nodes").then_some(task.num_nodes),
        workdir: match task.workdir {
            Some(Workdir::Path(path)) => Some(WorkdirRequest::Path(path)),
            Some(Workdir::Git { url, reference }) => Some(WorkdirRequest::Git(GitSource { url, reference })),
            None => None,
        },
        resources,
        envs,
        secrets,
        file_mounts: file_mounts(task.file_mounts, refusals),
        volumes: volumes(task.volumes, warnings),
        setup: task.setup,
        run: task.run,
        config,
    }
}

fn refuse_whole_fields(task: &Task, refusals: &mut Refusals<'_>) {
    if task.service.is_some() {
        refusals.add(&["service"], "serving is not supported: a task runs to its end");
    }
    if task.pool.is_some() {
        refusals.add(&["pool"], "pools of workers are not supported: every task has nodes of its own");
    }
    if !task.managed_secrets.is_empty() {
        refusals.add(
            &["managed_secrets"],
            "secrets as files are not supported: mount one with `config.kubernetes.pod_config`",
        );
    }
}

/// The values of secrets. What has none must be given one: nothing here looks for a secret of that name.
fn secrets(secrets: BTreeMap<String, Option<String>>, refusals: &mut Refusals<'_>) -> BTreeMap<String, SecretValue> {
    let field = if refusals.gives("secrets") { "secrets" } else { "managed_secrets" };
    let mut values = BTreeMap::new();
    for (name, value) in secrets {
        match value {
            Some(value) => drop(values.insert(name, SecretValue::from(value))),
            None => refusals.add(
                &[field, &name],
                format!(
                    "has no value: give it with `--secret {name:.80}`, which takes it from the environment, or with \
                     `--secret-file`"
                ),
            ),
        }
    }
    values
}

fn file_mounts(mounts: BTreeMap<String, FileMount>, refusals: &mut Refusals<'_>) -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    for (path, mount) in mounts {
        match mount {
            FileMount::Source(source) => drop(sources.insert(path, source)),
            FileMount::Storage(_) => {
                refusals.add(&["file_mounts", &path], "the long form of a bucket (a mapping) is not supported yet");
            }
        }
    }
    sources
}

fn volumes(mounts: BTreeMap<String, VolumeMount>, warnings: &mut Vec<String>) -> BTreeMap<String, MountRequest> {
    let mut request = |path: &str, mount| match mount {
        VolumeMount::Named { name, sub_path: None } => MountRequest::Name(name),
        VolumeMount::Named { name, sub_path } => MountRequest::Part(PartRequest { name, sub_path }),
        VolumeMount::Ephemeral { size, kind, labels, config } => {
            let text = |name: &str| config.get(name).and_then(Json::as_str).map(str::to_owned);
            let used =
                NewVolumeConfig { access_mode: text("access_mode"), storage_class_name: text("storage_class_name") };
            let is_used = |name: &str| matches!(name, "access_mode" | "storage_class_name");
            let ignored = config.keys().filter(|name| !is_used(name)).take(20);
            warnings.extend(ignored.map(|name| format!("`volumes.{path:.80}.config.{name:.80}` is ignored")));
            let config = Some(used).filter(|config| *config != NewVolumeConfig::default());
            MountRequest::New(NewVolumeRequest { size, kind, labels, config })
        }
    };
    mounts.into_iter().map(|(path, mount)| (path.clone(), request(&path, mount))).collect()
}
