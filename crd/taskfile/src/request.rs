//! From the normal form to the body of a request: what can be run, what is refused, what is left out with a warning.

use std::{collections::BTreeMap, mem};

use sky_crd::{
    TaskId, User,
    api::{InvalidField, REGISTRY_LOGIN, SecretValue, TaskRequest, WorkdirRequest},
    task::GitSource,
};

use crate::{
    Execution, FileMount, ProblemKind, Task, TaskFile, TaskFileError, Understood, VolumeMount, Workdir,
    problem::Problems, source::Source, yaml::Node,
};

mod config;
mod exposed;
mod resources;
mod warnings;

/// Whom a task belongs to if nothing is said.
const DEFAULT_USER: &str = "default";

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
    if refusals.problems.is_empty() {
        refusals.check(&mut request);
    }
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

    /// What the API would refuse is better refused here, where the line can be shown. Id and user do not matter.
    fn check(&mut self, request: &mut TaskRequest) {
        // These may be large and are never refused: not copied. Of the variables only a registry's mean something.
        let large = (request.setup.take(), request.run.take(), mem::take(&mut request.envs));
        let login = REGISTRY_LOGIN.iter().filter_map(|name| large.2.get_key_value(*name));
        request.envs = login.map(|(name, value)| (name.clone(), value.clone())).collect();
        let user = DEFAULT_USER.parse::<User>();
        let made = user.map(|user| request.clone().into_task(&TaskId::from_bits(0), &user, ""));
        (request.setup, request.run, request.envs) = large;
        if let Ok(Err(InvalidField { path, message })) = made {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            self.add(&keys, message);
        }
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
        volumes: volumes(task.volumes, refusals),
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

fn volumes(mounts: BTreeMap<String, VolumeMount>, refusals: &mut Refusals<'_>) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (path, mount) in mounts {
        let keys = ["volumes", path.as_str()];
        match mount {
            VolumeMount::Named { name, sub_path: None } => drop(names.insert(path, name)),
            VolumeMount::Named { .. } => refusals.add(&keys, "a part of a volume (`sub_path`) is not supported yet"),
            VolumeMount::Ephemeral { .. } => {
                refusals.add(
                    &keys,
                    "a volume that lives with the task is not supported yet: create one and write its name",
                );
            }
        }
    }
    names
}
