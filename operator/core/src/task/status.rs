//! The status of a task, from the states of its nodes.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sky_crd::{
    condition::{self, ConditionType, Reason, Verdict},
    task::{NodePhase, NodeStatus, SkyTaskStatus, TaskFailure, TaskPending, TaskPhase},
};

use super::{ValidTask, termination};

/// How many nodes are in which phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    pending: u32,
    running: u32,
    succeeded: u32,
    failed: u32,
}

/// The status that says this of the nodes. `waiting` is what keeps the task from having all its Jobs.
pub(super) fn aggregate(
    task: &ValidTask,
    nodes: Vec<NodeStatus>,
    waiting: Option<TaskPending>,
    attempt: u32,
    now: Timestamp,
) -> SkyTaskStatus {
    let counts = count(&nodes);
    let ended = counts.pending == 0 && counts.running == 0;
    let failure = failure(&task.status, &nodes);
    let phase = phase(counts);
    let pending = (phase == TaskPhase::Pending || counts.pending > 0)
        .then(|| waiting.or_else(|| first_waiting(&nodes)))
        .flatten();
    let exit_code = match phase {
        TaskPhase::Succeeded => Some(0),
        TaskPhase::Failed => failure.as_ref().and_then(|failure| failure.exit_code),
        TaskPhase::Pending | TaskPhase::Running => None,
    };
    let verdicts = verdicts(task, counts, failure.as_ref(), pending.as_ref());
    SkyTaskStatus {
        task_id: Some(task.id.to_string()),
        observed_generation: Some(task.generation),
        phase: Some(phase),
        attempt: Some(attempt),
        succeeded_nodes: Some(counts.succeeded),
        failed_nodes: Some(counts.failed),
        running_nodes: Some(counts.running),
        pending_nodes: Some(counts.pending),
        start_time: nodes.iter().filter_map(|node| node.started_at.clone()).min(),
        completion_time: if ended { Some(last_end(&nodes).unwrap_or(Time(now))) } else { None },
        exit_code,
        failure,
        pending,
        conditions: condition::conclude(&task.status.conditions, &verdicts, task.generation, now),
        nodes,
    }
}

/// The status of a task that can never run.
pub(super) fn of_invalid(
    old: &SkyTaskStatus,
    id: &str,
    generation: i64,
    message: &str,
    now: Timestamp,
) -> SkyTaskStatus {
    use ConditionType as C;
    let verdict = |kind, holds| Verdict { kind, holds, reason: Reason::InvalidSpec, message: message.to_owned() };
    let all = [
        (C::Ready, false),
        (C::Reconciling, false),
        (C::Stalled, true),
        (C::Running, false),
        (C::Complete, false),
        (C::Failed, true),
        (C::Finished, true),
    ];
    let verdicts = all.map(|(kind, holds)| verdict(kind, holds));
    SkyTaskStatus {
        task_id: Some(id.to_owned()),
        observed_generation: Some(generation),
        phase: Some(TaskPhase::Failed),
        attempt: Some(0),
        completion_time: old.completion_time.clone().or(Some(Time(now))),
        failure: Some(TaskFailure {
            reason: Reason::InvalidSpec.as_str().to_owned(),
            message: message.to_owned(),
            ..TaskFailure::default()
        }),
        conditions: condition::conclude(&old.conditions, &verdicts, generation, now),
        ..SkyTaskStatus::default()
    }
}

fn count(nodes: &[NodeStatus]) -> Counts {
    nodes.iter().fold(Counts::default(), |mut counts, node| {
        match node.phase {
            NodePhase::Pending => counts.pending += 1,
            NodePhase::Running => counts.running += 1,
            NodePhase::Succeeded => counts.succeeded += 1,
            NodePhase::Failed => counts.failed += 1,
        }
        counts
    })
}

/// Failed at the first failure; running as soon as one container has started.
fn phase(counts: Counts) -> TaskPhase {
    match counts {
        Counts { failed: 1.., .. } => TaskPhase::Failed,
        Counts { pending: 0, running: 0, .. } => TaskPhase::Succeeded,
        Counts { running: 0, succeeded: 0, .. } => TaskPhase::Pending,
        _ => TaskPhase::Running,
    }
}

/// The failure of the task: of the node that failed first by itself. Once recorded it stays. Until that node is seen to
/// have ended, it is what the peers say that it brought down.
fn failure(recorded: &SkyTaskStatus, nodes: &[NodeStatus]) -> Option<TaskFailure> {
    let was_seen = |failure: &&TaskFailure| {
        let node = failure.node.and_then(|index| recorded.nodes.get(index as usize));
        node.is_none_or(failed_by_itself)
    };
    let recorded = recorded.failure.as_ref();
    let certain = recorded.filter(was_seen).cloned().or_else(|| first_failure(nodes));
    certain.or_else(|| recorded.cloned()).or_else(|| told_failure(nodes))
}

fn failed_by_itself(node: &NodeStatus) -> bool {
    node.phase == NodePhase::Failed && node.peer.is_none()
}

/// The node that failed first by itself; the lowest rank of those that failed in the same second.
fn first_failure(nodes: &[NodeStatus]) -> Option<TaskFailure> {
    let first = earliest(nodes.iter().filter(|node| failed_by_itself(node)))?;
    Some(TaskFailure {
        node: Some(first.index),
        pod: first.pod.clone(),
        machine: first.machine.clone(),
        exit_code: first.exit_code,
        reason: first.reason.clone().unwrap_or_default(),
        message: of_node(first),
    })
}

/// The node that the first ended node was ended because of.
fn told_failure(nodes: &[NodeStatus]) -> Option<TaskFailure> {
    let peer = earliest(nodes.iter().filter(|node| node.peer.is_some()))?.peer.clone()?;
    let message = Some(termination::told(&peer));
    let seen = nodes.get(peer.node as usize).cloned().unwrap_or_default();
    let node =
        NodeStatus { index: peer.node, reason: Some(peer.reason.clone()), exit_code: peer.exit_code, message, ..seen };
    Some(TaskFailure {
        node: Some(peer.node),
        exit_code: peer.exit_code,
        reason: peer.reason,
        message: of_node(&node),
        pod: node.pod,
        machine: node.machine,
    })
}

fn earliest<'a>(nodes: impl Iterator<Item = &'a NodeStatus>) -> Option<&'a NodeStatus> {
    nodes.min_by_key(|node| (node.finished_at.as_ref().map(|time| time.0), node.index))
}

fn first_waiting(nodes: &[NodeStatus]) -> Option<TaskPending> {
    let node = nodes.iter().find(|node| node.phase == NodePhase::Pending && node.reason.is_some())?;
    Some(TaskPending { reason: node.reason.clone()?, message: of_node(node) })
}

/// The node's message, with its rank before and the next step to take behind.
fn of_node(node: &NodeStatus) -> String {
    let reason = node.reason.as_deref().and_then(Reason::from_text);
    let message = format!("node-{}: {}", node.index, node.message.as_deref().unwrap_or("failed"));
    match reason.map(Reason::next_step) {
        Some(step) if !step.is_empty() => format!("{}: {step}", message.trim_end_matches(['.', ' '])),
        _ => message,
    }
}

fn last_end(nodes: &[NodeStatus]) -> Option<Time> {
    nodes.iter().filter_map(|node| node.finished_at.clone()).max()
}

/// All conditions, always: a condition that is missing cannot be waited for.
fn verdicts(
    task: &ValidTask,
    counts: Counts,
    failure: Option<&TaskFailure>,
    pending: Option<&TaskPending>,
) -> Vec<Verdict> {
    use ConditionType as C;
    let ended = counts.pending == 0 && counts.running == 0;
    let succeeded = ended && failure.is_none();
    let (reason, message) = explain(task, counts, failure, pending);
    // Waiting for an image or a machine may end by itself; what the API server refuses does not.
    let refused = pending.is_some_and(|pending| {
        [Reason::Refused, Reason::NameConflict, Reason::VolumeForbidden]
            .iter()
            .any(|reason| reason.as_str() == pending.reason)
    });
    let all = [
        (C::Ready, succeeded),
        (C::Reconciling, !ended),
        (C::Stalled, (ended && !succeeded) || refused),
        (C::Running, counts.running > 0),
        (C::Complete, succeeded),
        (C::Failed, failure.is_some()),
        (C::Finished, ended),
    ];
    all.map(|(kind, holds)| Verdict { kind, holds, reason, message: message.clone() }).to_vec()
}

fn explain(
    task: &ValidTask,
    counts: Counts,
    failure: Option<&TaskFailure>,
    pending: Option<&TaskPending>,
) -> (Reason, String) {
    if let Some(failure) = failure {
        return (Reason::from_text(&failure.reason).unwrap_or(Reason::RunFailed), failure.message.clone());
    }
    if counts.succeeded == task.nodes {
        return (Reason::Succeeded, format!("{} of {} nodes succeeded", counts.succeeded, task.nodes));
    }
    if let Some(pending) = pending {
        return (Reason::from_text(&pending.reason).unwrap_or(Reason::Starting), pending.message.clone());
    }
    if counts.running + counts.succeeded > 0 {
        let message = format!("{} running, {} succeeded, {} pending", counts.running, counts.succeeded, counts.pending);
        return (Reason::Running, message);
    }
    (Reason::Starting, format!("{} of {} nodes are starting", counts.pending, task.nodes))
}
