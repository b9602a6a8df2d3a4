//! What one node of a task is doing, from its Job, its pod and what was recorded before.

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobCondition},
        core::v1::{ContainerStateTerminated, Pod},
    },
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::Timestamp,
};
use kube::ResourceExt as _;
use sky_crd::{
    condition::Reason,
    task::{NodePhase, NodeStatus, PeerEnd},
};

use super::{
    ValidTask, Warning, checkout,
    pod::CONTAINER,
    termination::{self, Ending},
    waiting,
};
use crate::owner::controller_uid;

/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 1024;

/// Everything that is known of one node.
pub(super) struct NodeEvidence<'a> {
    /// The task.
    pub(super) task: &'a ValidTask,
    /// Rank.
    pub(super) index: u32,
    /// Name that its Job has.
    pub(super) job_name: String,
    /// What the status records of it, for this attempt.
    pub(super) recorded: Option<&'a NodeStatus>,
    /// Its Job, controlled by the task.
    pub(super) job: Option<&'a Job>,
    /// All pods of the task.
    pub(super) pods: &'a [Pod],
    /// All warnings about the task's Jobs and pods.
    pub(super) warnings: &'a [Warning],
    /// Why no machine that exists could hold the node, if that is so.
    pub(super) never: Option<&'a str>,
}

/// The node's status. What is final stays as recorded: no older cache can take it back.
pub(super) fn node_status(evidence: &NodeEvidence<'_>, now: Timestamp) -> NodeStatus {
    if let Some(done) = evidence.recorded.filter(|node| node.phase.is_final()) {
        return done.clone();
    }
    let recorded_uid = evidence.recorded.and_then(|node| node.job_uid.as_deref());
    let job = evidence.job.filter(|job| recorded_uid.is_none_or(|uid| job.uid().as_deref() == Some(uid)));
    match (job, recorded_uid) {
        (Some(job), _) => of_job(evidence, job),
        (None, Some(_)) => deleted(evidence, now),
        (None, None) => NodeStatus { index: evidence.index, ..NodeStatus::default() },
    }
}

/// A Job that was recorded is gone: the node has failed, it is never run again in this attempt.
fn deleted(evidence: &NodeEvidence<'_>, now: Timestamp) -> NodeStatus {
    NodeStatus {
        phase: NodePhase::Failed,
        reason: Some(Reason::JobDeleted.as_str().to_owned()),
        message: Some(format!("the Job {} was deleted", evidence.job_name)),
        finished_at: Some(Time(now)),
        ..evidence.recorded.cloned().unwrap_or_default()
    }
}

fn of_job(evidence: &NodeEvidence<'_>, job: &Job) -> NodeStatus {
    let base =
        NodeStatus { index: evidence.index, job: Some(job.name_any()), job_uid: job.uid(), ..NodeStatus::default() };
    let pod = newest_pod(job, evidence.pods);
    let from_pod = match pod {
        Some(pod) => Some(of_pod(&base, pod, evidence)),
        None => waiting::without_pod(&evidence.job_name, evidence.warnings).map(|why| why.of(base.clone())),
    };
    match (from_pod, finished_condition(job)) {
        (Some(node), _) if node.phase.is_final() => node,
        (node, Some(condition)) => of_finished_job(node.unwrap_or(base), condition),
        (node, None) => forward(evidence.recorded, node.unwrap_or(base)),
    }
}

/// A node that ran does not wait again: its pod is never replaced, and what seems so is an older cache or a pod that has
/// just gone, of which the Job speaks in a moment.
fn forward(recorded: Option<&NodeStatus>, node: NodeStatus) -> NodeStatus {
    match recorded {
        Some(ran) if ran.phase > node.phase => ran.clone(),
        _ => node,
    }
}

fn newest_pod<'a>(job: &Job, pods: &'a [Pod]) -> Option<&'a Pod> {
    let uid = job.uid()?;
    let of_job = pods.iter().filter(|pod| controller_uid(&pod.metadata) == Some(&uid));
    of_job.max_by_key(|pod| (pod.creation_timestamp().map(|time| time.0), pod.name_any()))
}

/// The condition by which the Job says that it has come to its end.
pub(super) fn finished_condition(job: &Job) -> Option<&JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    conditions
        .iter()
        .find(|condition| condition.status == "True" && matches!(condition.type_.as_str(), "Complete" | "Failed"))
}

/// The Job has come to its end, and no pod says how: the Job's condition does.
fn of_finished_job(node: NodeStatus, condition: &JobCondition) -> NodeStatus {
    let finished_at = condition.last_transition_time.clone();
    if condition.type_ == "Complete" {
        return NodeStatus {
            phase: NodePhase::Succeeded,
            exit_code: Some(0),
            finished_at,
            reason: None,
            message: None,
            ..node
        };
    }
    let message = condition.message.clone().unwrap_or_default();
    if let Some(node) = checkout::failed_by_job(&node, &message, finished_at.clone()) {
        return node;
    }
    let exit_code = message.split_once("exit code ").and_then(|(_, rest)| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    let reason = if exit_code.is_some() { Reason::RunFailed } else { Reason::Disrupted };
    NodeStatus {
        phase: NodePhase::Failed,
        exit_code,
        reason: Some(reason.as_str().to_owned()),
        message: Some(shorten(&message)),
        finished_at,
        ..node
    }
}

fn of_pod(base: &NodeStatus, pod: &Pod, evidence: &NodeEvidence<'_>) -> NodeStatus {
    let status = pod.status.clone().unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    let state =
        containers.iter().find(|container| container.name == CONTAINER).and_then(|container| container.state.clone());
    let state = state.unwrap_or_default();
    let node = NodeStatus {
        pod: Some(pod.name_any()),
        machine: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        commit: checkout::commit(pod),
        ..base.clone()
    };
    if let Some(node) = checkout::failed(evidence.task, &node, pod).filter(|_| disruption(pod).is_none()) {
        return node;
    }
    if let Some(end) = &state.terminated {
        return of_end(node, pod, end);
    }
    if status.phase.as_deref() == Some("Failed") {
        return of_failed_pod(node, pod);
    }
    if let Some(running) = state.running {
        return NodeStatus { phase: NodePhase::Running, started_at: running.started_at, ..node };
    }
    // A pod on its way has nothing to tell: recording it would only cost a write.
    waiting::with_pod(pod, evidence.warnings, evidence.never).map_or_else(|| base.clone(), |why| why.of(node))
}

/// The container has ended. Exit code 0 alone is no success: a pod that is being removed may have been told to stop.
fn of_end(node: NodeStatus, pod: &Pod, end: &ContainerStateTerminated) -> NodeStatus {
    let node = NodeStatus {
        exit_code: Some(end.exit_code),
        started_at: end.started_at.clone(),
        finished_at: end.finished_at.clone(),
        ..node
    };
    let disruption = disruption(pod);
    if end.exit_code == 0 && disruption.is_none() {
        let going = pod.metadata.deletion_timestamp.is_some();
        let phase = if going { NodePhase::Running } else { NodePhase::Succeeded };
        // A pod that somebody deleted: whether it succeeded is the Job's to say, and it says so in a moment.
        return if going {
            NodeStatus { phase, exit_code: None, finished_at: None, ..node }
        } else {
            NodeStatus { phase, ..node }
        };
    }
    let (reason, message, peer) = match disruption {
        Some(message) => (Reason::Disrupted, message, None),
        None => why_ended(end),
    };
    NodeStatus {
        phase: NodePhase::Failed,
        reason: Some(reason.as_str().to_owned()),
        message: Some(shorten(&message)),
        peer,
        ..node
    }
}

fn why_ended(end: &ContainerStateTerminated) -> (Reason, String, Option<PeerEnd>) {
    let said = end.message.clone().unwrap_or_default();
    let code = end.exit_code;
    let ending = Ending::read(&said, code);
    if let Some(Ending::ByPeer(peer)) = ending {
        return (peer.reason(), peer.message(), Some(peer.recorded()));
    }
    let (reason, message) = match end.reason.as_deref() {
        _ if ending == Some(Ending::OutOfMemory) => out_of_memory(code),
        Some("OOMKilled") => out_of_memory(code),
        _ if ending == Some(Ending::AgentLost) => (Reason::AgentLost, termination::AGENT_LOST.to_owned()),
        Some("StartError" | "ContainerCannotRun") if said.contains("\"sh\"") => {
            (Reason::NoShell, "the image has no shell, and setup and run need one".to_owned())
        }
        Some("StartError" | "ContainerCannotRun") => (Reason::StartFailed, said),
        _ if is_foreign(&said) => (Reason::StartFailed, FOREIGN.to_owned()),
        _ if ending == Some(Ending::SetupFailed) => (Reason::SetupFailed, termination::setup_failed(code)),
        _ => (Reason::RunFailed, termination::run_failed(code)),
    };
    (reason, message, None)
}

/// What is said of an image whose programs this machine cannot run.
const FOREIGN: &str = "the image is made for another processor than the machine's (exec format error): take one for its \
                       architecture, or machines for the image with `spec.nodeSelector` (kubernetes.io/arch)";

/// Whether the runtime could not start the first program, of which it speaks in the container's log. A script that starts a
/// foreign program gets other words from its shell.
fn is_foreign(said: &str) -> bool {
    let said = said.trim();
    said.starts_with("exec ") && said.ends_with(": exec format error") && !said.contains('\n')
}

/// By the word of the runtime or of the container itself: the runtime's may come too late.
fn out_of_memory(code: i32) -> (Reason, String) {
    let message =
        format!("the container used more memory than it may (exit code {code}): ask for more with resources.memory");
    (Reason::OutOfMemory, message)
}

/// The pod failed without its container: evicted, or lost with its machine.
fn of_failed_pod(node: NodeStatus, pod: &Pod) -> NodeStatus {
    let status = pod.status.clone().unwrap_or_default();
    let said = [status.reason, status.message].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let message = disruption(pod).unwrap_or(if said.is_empty() { "the pod failed".to_owned() } else { said });
    let ready_until =
        status.conditions.iter().flatten().filter_map(|condition| condition.last_transition_time.clone()).max();
    NodeStatus {
        phase: NodePhase::Failed,
        reason: Some(Reason::Disrupted.as_str().to_owned()),
        message: Some(shorten(&message)),
        finished_at: ready_until,
        ..node
    }
}

/// What the pod was disrupted by, if it was: preemption, eviction, taint, garbage collection.
fn disruption(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let target =
        conditions.iter().find(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True")?;
    let said = [target.reason.clone(), target.message.clone()].into_iter().flatten().collect::<Vec<_>>();
    Some(if said.is_empty() { "the pod was disrupted".to_owned() } else { said.join(": ") })
}

/// At most [`MAX_MESSAGE`] characters of a message.
pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_MESSAGE {
        return text.to_owned();
    }
    // The end of a message says more than its beginning: last log lines, innermost cause.
    let start = text.char_indices().rev().nth(MAX_MESSAGE - 1).map_or(0, |(at, _)| at);
    format!("…{}", &text[start..])
}
