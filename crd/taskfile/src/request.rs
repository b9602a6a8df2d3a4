//! From the normal form to the body of a request: what can be run, what is refused, what is left out with a warning.

use std::collections::BTreeMap;

use sky_crd::{
    TaskId, User,
    accelerator::Accelerator as WireAccelerator,
    api::{InvalidField, ResourcesRequest, TaskRequest},
};

use crate::{
    Accelerator, Alternatives, Execution, FileMount, ProblemKind, Quantity, Resources, Task, TaskFile, TaskFileError,
    Understood, VolumeMount, Workdir, problem::Problems, read::virtual_machine, source::Source, yaml::Node,
};

mod warnings;

/// Whom a task belongs to if nothing is said.
const DEFAULT_USER: &str = "default";

/// Most ports of a task: more is a mistake in one end of a range.
const MAX_PORTS: usize = 1000;

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
    let request = request(task, &mut refusals, &mut warnings);
    if refusals.problems.is_empty() {
        refusals.check(&request);
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
    fn check(&mut self, request: &TaskRequest) {
        let user = DEFAULT_USER.parse::<User>();
        let made = user.map(|user| request.clone().into_task(&TaskId::from_bits(0), &user, ""));
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
    let resources = resources(&task.resources, refusals, warnings);
    TaskRequest {
        name: task.name,
        num_nodes: refusals.gives("num_nodes").then_some(task.num_nodes),
        workdir: match task.workdir {
            Some(Workdir::Path(path)) => Some(path),
            Some(Workdir::Git { .. }) => {
                refusals.add(&["workdir"], "a git repository is not fetched yet: clone it in `setup`");
                None
            }
            None => None,
        },
        resources,
        envs: task.envs,
        file_mounts: file_mounts(task.file_mounts, refusals),
        volumes: volumes(task.volumes, refusals),
        setup: task.setup,
        run: task.run,
    }
}

fn refuse_whole_fields(task: &Task, refusals: &mut Refusals<'_>) {
    if task.service.is_some() {
        refusals.add(&["service"], "serving is not supported: a task runs to its end");
    }
    if task.pool.is_some() {
        refusals.add(&["pool"], "pools of workers are not supported: every task has nodes of its own");
    }
    if !task.secrets.is_empty() {
        let field = if refusals.gives("secrets") { "secrets" } else { "managed_secrets" };
        refusals.add(&[field], "secrets are not supported yet: without them the task would run and fail");
    }
    if !task.managed_secrets.is_empty() {
        refusals.add(&["managed_secrets"], "secrets are not supported yet: without them the task would run and fail");
    }
    if task.config.get("kubernetes").and_then(|part| part.get("pod_config")).is_some_and(|pod| !pod.is_null()) {
        let old = refusals.document.get("config").is_none();
        let root: &[&str] = if old { &["experimental", "config_overrides"] } else { &["config"] };
        let keys: Vec<&str> = root.iter().copied().chain(["kubernetes", "pod_config"]).collect();
        refusals.add(&keys, "changes of the pod are not supported yet");
    }
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

/// The alternatives in one request. They are offered to the cluster as far as they differ in their accelerators; of
/// other differences only the first counts.
fn resources(
    alternatives: &Alternatives,
    refusals: &mut Refusals<'_>,
    warnings: &mut Vec<String>,
) -> Option<ResourcesRequest> {
    if !refusals.gives("resources") {
        return None;
    }
    let fitting: Vec<&Resources> = alternatives.all().iter().filter(|one| one.infra.may_be_kubernetes()).collect();
    let Some(first) = fitting.first() else {
        let field = if refusals.document.get("resources").is_some_and(|node| node.get("cloud").is_some()) {
            "cloud"
        } else {
            "infra"
        };
        refusals.add(&["resources", field], "other clouds are not supported: leave it out, or write `kubernetes`");
        return None;
    };
    let plain = |one: &Resources| Resources { accelerators: None, ..one.clone() };
    let base = plain(first);
    let same: Vec<&&Resources> = fitting.iter().filter(|one| plain(one) == base).collect();
    if same.len() < fitting.len() {
        warnings.push(
            "`resources`: of alternatives that differ in more than accelerators, only the first is tried".to_owned(),
        );
    }
    let of_machine = first.instance_type.as_deref().and_then(virtual_machine);
    let mut accelerators: Vec<&Accelerator> = same.iter().filter_map(|one| one.accelerators.as_ref()).collect();
    let number = |value| Quantity::Number { value, at_least: false };
    let (mut cpus, mut memory) = (first.cpus.clone(), first.memory.clone());
    if let Some((cores, gigabytes, accelerator)) = &of_machine {
        cpus = cpus.or(Some(number(*cores)));
        memory = memory.or(Some(number(*gigabytes)));
        if accelerators.is_empty() {
            accelerators.extend(accelerator);
        }
    }
    let accelerators: Vec<String> = accelerators.into_iter().filter_map(|one| accelerator(one, refusals)).collect();
    Some(ResourcesRequest {
        cpus: cpus.as_ref().map(amount),
        memory: memory.as_ref().map(amount),
        accelerators: Some(accelerators.join(",")).filter(|text| !text.is_empty()),
        instance_type: first.instance_type.clone().filter(|_| of_machine.is_none()),
        use_spot: first.use_spot,
        disk_size: first.disk_size,
        ports: ports(first, refusals),
        image_id: image(first, refusals, warnings),
    })
}

/// Digits without an exponent, which would be a unit to Kubernetes.
fn amount(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Number { value, at_least } => format!("{value}{}", if *at_least { "+" } else { "" }),
        Quantity::Kubernetes(text) => text.clone(),
    }
}

/// A fraction of a GPU is a whole one, as in SkyPilot.
fn accelerator(one: &Accelerator, refusals: &mut Refusals<'_>) -> Option<String> {
    if one.is_by_memory() {
        refusals.add(
            &["resources", "accelerators"],
            "GPUs by their memory are not supported yet: write a model, such as `H100:8`",
        );
        return None;
    }
    let text = match (&one.name, one.count.ceil()) {
        (Some(name), 1.0) => name.clone(),
        (Some(name), count) => format!("{name}:{count}"),
        (None, count) => count.to_string(),
    };
    match text.parse::<WireAccelerator>() {
        Ok(_) => Some(text),
        Err(error) => {
            refusals.add(&["resources", "accelerators"], error.to_string());
            None
        }
    }
}

fn ports(resources: &Resources, refusals: &mut Refusals<'_>) -> Vec<i64> {
    let all = resources.ports.iter().flat_map(|range| range.first..=range.last).map(i64::from);
    let ports: Vec<i64> = all.take(MAX_PORTS + 1).collect();
    if ports.len() > MAX_PORTS {
        refusals.add(&["resources", "ports"], format!("are more than {MAX_PORTS}"));
    }
    ports
}

/// The image for every region, or the one that is called `docker`. Images of machines have no meaning here.
fn image(resources: &Resources, refusals: &mut Refusals<'_>, warnings: &mut Vec<String>) -> Option<String> {
    let images = &resources.image_id;
    let image = images.get("").or_else(|| images.get("docker")).or_else(|| images.get("kubernetes"));
    match image {
        Some(image)
            if image.starts_with("skypilot:") || image.starts_with("ami-") || image.starts_with("projects/") =>
        {
            warnings
                .push(format!("`resources.image_id`: `{image}` is an image of a machine; the default image is used"));
            None
        }
        Some(image) => Some(image.clone()),
        None if images.is_empty() => None,
        None => {
            let message = "images of machines by region have no meaning here: write a container image";
            refusals.add(&["resources", "image_id"], message);
            None
        }
    }
}
