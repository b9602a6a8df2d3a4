//! What a node is at that takes its time and is no trouble: its image or its repository is on the way, or its setup runs.
//! Told after a while, so that a task that gets on costs no write for it.

use std::collections::HashMap;

use k8s_openapi::{
    api::core::v1::{ContainerStatus, Pod},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;
use sky_crd::{
    condition::Reason,
    task::{NodePhase, NodeStatus, TaskPending},
};

use super::{ObservedTask, ValidTask, Warning, agent, checkout, pod::CONTAINER, waiting};
use crate::owner::controller_uid;

/// After this time it is worth a word.
pub(super) const UNTOLD: SignedDuration = SignedDuration::from_secs(10);
/// How many nodes are named; of the others their number.
const NAMED: usize = 3;

/// The nodes, with what those are at that have nothing else to tell; and how long until another has.
pub(super) fn settle(
    task: &ValidTask,
    nodes: Vec<NodeStatus>,
    observed: &ObservedTask,
    now: Timestamp,
) -> (Vec<NodeStatus>, Option<SignedDuration>) {
    let pods: HashMap<&str, &Pod> =
        observed.pods.iter().filter_map(|pod| Some((controller_uid(&pod.metadata)?, pod))).collect();
    let mut next: Option<SignedDuration> = None;
    let settled = nodes.into_iter().map(|node| {
        let pod = node.job_uid.as_deref().and_then(|uid| pods.get(uid));
        let Some(step) = pod.and_then(|pod| step(task, observed, &node, pod)) else { return node };
        let wait = (step.since + UNTOLD).duration_since(now);
        if wait.is_positive() {
            next = Some(next.map_or(wait, |next| next.min(wait)));
            return node;
        }
        step.of(node)
    });
    let settled = settled.collect();
    (settled, next)
}

/// What a node is at, and since when.
struct Step {
    reason: Reason,
    message: String,
    since: Timestamp,
}

impl Step {
    fn of(self, node: NodeStatus) -> NodeStatus {
        NodeStatus { reason: Some(self.reason.as_str().to_owned()), message: Some(self.message), ..node }
    }
}

fn step(task: &ValidTask, observed: &ObservedTask, node: &NodeStatus, pod: &Pod) -> Option<Step> {
    match node.phase {
        NodePhase::Pending if node.reason.is_none() => {
            pulling(pod, &observed.warnings).or_else(|| checking_out(task, pod))
        }
        NodePhase::Running if agent::shows_setup(task) => in_setup(node, pod),
        _ => None,
    }
}

/// The kubelet says so in a passing Event only, and reports the pod when the pull has ended, well or not.
fn pulling(pod: &Pod, warnings: &[Warning]) -> Option<Step> {
    let pull = waiting::newest(warnings, &pod.name_any(), &["Pulling"])?;
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let is_awaited = |container: &ContainerStatus| {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        // A container waits as `PodInitializing` for those before it, and for its own image when they have ended.
        let is_made = |reason| matches!(reason, "ContainerCreating" | "PodInitializing");
        waiting.and_then(|waiting| waiting.reason.as_deref()).is_some_and(is_made)
    };
    let mut awaited = containers.filter(|container| is_awaited(container));
    let container = awaited.find(|container| pull.message.contains(&format!("\"{}\"", container.image)))?;
    let machine = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("its machine");
    let message = format!("{machine} is pulling the image {}", container.image);
    Some(Step { reason: Reason::ImagePulling, message, since: pull.at })
}

fn checking_out(task: &ValidTask, pod: &Pod) -> Option<Step> {
    let (since, message) = checkout::going_on(task, pod)?;
    Some(Step { reason: Reason::CheckingOut, message, since })
}

/// The container is not ready, by its kubelet's word: see [`agent::readiness_probe`].
fn in_setup(node: &NodeStatus, pod: &Pod) -> Option<Step> {
    let since = node.started_at.as_ref()?.0;
    let message = "setup still running".to_owned();
    (!is_ready(pod)?).then_some(Step { reason: Reason::SettingUp, message, since })
}

/// What the kubelet has last said of the task's container; the condition of the pod is also the control plane's.
pub(super) fn is_ready(pod: &Pod) -> Option<bool> {
    let containers = pod.status.as_ref()?.container_statuses.as_deref()?;
    containers.iter().find(|container| container.name == CONTAINER).map(|container| container.ready)
}

/// Whose setup the others wait for.
pub(super) fn awaited(nodes: &[NodeStatus]) -> Option<TaskPending> {
    let reason = Reason::SettingUp.as_str();
    let slow: Vec<_> = nodes
        .iter()
        .filter(|node| node.phase == NodePhase::Running && node.reason.as_deref() == Some(reason))
        .collect();
    let since = slow.iter().filter_map(|node| node.started_at.as_ref()).min().map(|Time(since)| Time(*since));
    let names: Vec<_> = slow.iter().take(NAMED).map(|node| format!("node-{}", node.index)).collect();
    let more = match slow.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("{}{more}: {}", names.join(", "), slow.first()?.message.as_deref()?);
    Some(TaskPending { reason: reason.to_owned(), message, since, ..TaskPending::default() })
}

/// Whether all that has changed is how far setups have come.
pub(super) fn is_all_news(old: &[NodeStatus], new: &[NodeStatus]) -> bool {
    let bare = |node: &NodeStatus| {
        let told = node.reason.as_deref() == Some(Reason::SettingUp.as_str());
        if told { NodeStatus { reason: None, message: None, ..node.clone() } } else { node.clone() }
    };
    old != new && old.len() == new.len() && old.iter().zip(new).all(|(old, new)| bare(old) == bare(new))
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
