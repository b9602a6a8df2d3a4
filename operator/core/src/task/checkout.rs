//! The repository of a task's work directory: how it gets into the pod, and what the pod tells of it.
//!
//! An init container with git in it (`--git-image`) checks it out into a volume of the pod; the entry script links to it as
//! `~/sky_workdir`, where SkyPilot has it. Not by a client of our own in our image: what users expect of an address, a
//! certificate, a proxy and a protocol is what git does, and a second implementation would triple what there is to compile.

use k8s_openapi::api::core::v1::{
    Container, ContainerStateTerminated, EmptyDirVolumeSource, EnvVar, Pod, ResourceRequirements, Volume, VolumeMount,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sky_crd::{
    condition::Reason,
    git::{self, InvalidGit},
    task::{GitSource, NodePhase, NodeStatus},
};

use super::{ValidTask, environment, git::GitFailure, literal::literal, security, shell};

/// Name of the init container and of the volume.
pub(super) const CONTAINER: &str = "sky-workdir";
const MOUNT: &str = "/sky/workdir";
/// Below the mount, whose owner is always root: git wants a directory of its user's own. Its name is that of the link.
const DIRECTORY: &str = "/sky/workdir/sky_workdir";
const SCRIPT: &str = include_str!("checkout.sh");
/// Variables of the task that mean something to git. All others may be meant for the task's own image only.
const VARIABLES: [&str; 10] = [
    "GIT_TOKEN",
    "GIT_SSL_NO_VERIFY",
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Address that is fetched.
    pub url: String,
    /// Branch, tag or commit; without it the default branch.
    pub reference: Option<String>,
}

impl Checkout {
    /// Reads it.
    ///
    /// # Errors
    /// The field and what is wrong with it.
    pub(super) fn of(source: &GitSource) -> Result<Self, (&'static str, InvalidGit)> {
        let reference = source.reference.clone();
        let url = git::address(&source.url).map_err(|error| ("url", error))?;
        reference.as_deref().map(git::check_revision).transpose().map_err(|error| ("ref", error))?;
        Ok(Self { url, reference })
    }

    /// As it is called in messages.
    fn shown(&self) -> String {
        let reference = self.reference.as_ref().map(|reference| format!(" at {reference}"));
        format!("{}{}", self.url, reference.unwrap_or_default())
    }
}

/// Where the entry script finds the repository.
pub(super) fn directory(task: &ValidTask) -> Option<&'static str> {
    task.checkout.as_ref().map(|_| DIRECTORY)
}

/// The container that checks it out, as whoever the pod runs as. It may use as much as the task itself: the pod then asks
/// for no more than without it.
pub(super) fn init_container(task: &ValidTask, resources: ResourceRequirements) -> Option<Container> {
    let checkout = task.checkout.as_ref()?;
    let reference = checkout.reference.as_deref().unwrap_or_default();
    let script = shell::without_comments(SCRIPT);
    let args = ["-c", &script, CONTAINER, &checkout.url, reference, DIRECTORY];
    Some(Container {
        name: CONTAINER.to_owned(),
        image: Some(task.git_image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec!["sh".to_owned()]),
        args: Some(args.map(literal).to_vec()),
        env: Some(variables(task)).filter(|variables| !variables.is_empty()),
        resources: Some(resources),
        volume_mounts: Some(vec![mount()]),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        security_context: Some(security::of_helper()),
        ..Container::default()
    })
}

fn variables(task: &ValidTask) -> Vec<EnvVar> {
    let known = |variable: &EnvVar| VARIABLES.contains(&variable.name.as_str());
    environment::of_user(task).into_values().filter(known).collect()
}

/// Where it is checked out.
pub(super) fn volume(task: &ValidTask) -> Option<Volume> {
    let source = EmptyDirVolumeSource::default();
    directory(task).map(|_| Volume { name: CONTAINER.to_owned(), empty_dir: Some(source), ..Volume::default() })
}

/// Where both containers see it.
pub(super) fn volume_mount(task: &ValidTask) -> Option<VolumeMount> {
    directory(task).map(|_| mount())
}

fn mount() -> VolumeMount {
    VolumeMount { name: CONTAINER.to_owned(), mount_path: MOUNT.to_owned(), ..VolumeMount::default() }
}

/// The commit that was checked out, by the container's own word.
pub(super) fn commit(pod: &Pod) -> Option<String> {
    let end = end(pod).filter(|end| end.exit_code == 0)?;
    let commit = end.message.as_deref()?.trim();
    let is_hash = (40..=64).contains(&commit.len()) && commit.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash.then(|| commit.to_owned())
}

/// The node whose checkout has failed: neither setup nor run has started.
pub(super) fn failed(task: &ValidTask, node: &NodeStatus, pod: &Pod) -> Option<NodeStatus> {
    let checkout = task.checkout.as_ref()?;
    let end = end(pod).filter(|end| end.exit_code != 0)?;
    let (reason, message) = why(checkout, &task.git_image, end);
    Some(of(node.clone(), reason, message, end.finished_at.clone()))
}

fn why(checkout: &Checkout, image: &str, end: &ContainerStateTerminated) -> (Reason, String) {
    if end.reason.as_deref() == Some("OOMKilled") {
        let message = format!(
            "the checkout of {} used more memory than it may: ask for more with resources.memory",
            checkout.shown()
        );
        return (Reason::OutOfMemory, message);
    }
    let said = end.message.as_deref().unwrap_or_default();
    (Reason::CheckoutFailed, GitFailure::read(said, checkout).of(checkout, image))
}

/// The same from the words of a Job whose pod is gone (`Container sky-workdir for pod a/b failed with exit code 1 …`).
pub(super) fn failed_by_job(node: &NodeStatus, said: &str, at: Option<Time>) -> Option<NodeStatus> {
    let message = "the checkout of the repository failed, and the pod that said why is gone".to_owned();
    said.contains(&format!("Container {CONTAINER} ")).then(|| of(node.clone(), Reason::CheckoutFailed, message, at))
}

fn of(node: NodeStatus, reason: Reason, message: String, finished_at: Option<Time>) -> NodeStatus {
    NodeStatus {
        phase: NodePhase::Failed,
        reason: Some(reason.as_str().to_owned()),
        message: Some(message),
        finished_at,
        ..node
    }
}

/// Since when it is being checked out, and what is said of that.
pub(super) fn going_on(task: &ValidTask, pod: &Pod) -> Option<(Timestamp, String)> {
    let checkout = task.checkout.as_ref()?;
    let running = state(pod)?.running.as_ref()?;
    Some((running.started_at.as_ref()?.0, format!("checking out {}", checkout.shown())))
}

fn end(pod: &Pod) -> Option<&ContainerStateTerminated> {
    state(pod)?.terminated.as_ref()
}

fn state(pod: &Pod) -> Option<&k8s_openapi::api::core::v1::ContainerState> {
    let containers = pod.status.as_ref()?.init_container_statuses.as_deref()?;
    containers.iter().find(|container| container.name == CONTAINER)?.state.as_ref()
}

#[cfg(test)]
#[path = "checkout_tests.rs"]
mod tests;
