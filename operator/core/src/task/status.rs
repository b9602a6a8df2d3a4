//! The status of a task, from the states of its nodes.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sky_crd::{
    brief,
    condition::{self, Reason},
    task::{NodePhase, NodeStatus, SkyTaskStatus, TaskEnding, TaskFailure, TaskPending, TaskPhase},
};

use super::{
    ValidTask,
    conditions::{self, Situation},
    progress, signal, termination, waits,
};

/// How many nodes are in which phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pending: u32,
    pub(super) running: u32,
    pub(super) succeeded: u32,
    pub(super) failed: u32,
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// On its way, or at its own end: the nodes say which.
    Going,
    /// Stopped, and nothing of it runs any more.
    Stopped,
    /// Suspended, and nothing of it exists any more.
    Suspended,
}

/// What a status is made of.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// The nodes, in rank order.
    pub(super) nodes: Vec<NodeStatus>,
    /// What keeps the task from having all its Jobs.
    pub(super) waiting: Option<TaskPending>,
    /// Why the attempt is being ended, if it is.
    pub(super) ending: Option<TaskEnding>,
    /// Where the task is in its life.
    pub(super) stage: Stage,
}

impl Course {
    /// On its way by itself.
    pub(super) fn of_nodes(nodes: Vec<NodeStatus>) -> Self {
        Self { nodes, waiting: None, ending: None, stage: Stage::Going }
    }
}

/// The status that says this of a task whose status was `old`.
pub(super) fn status(task: &ValidTask, old: &SkyTaskStatus, course: Course, now: Timestamp) -> SkyTaskStatus {
    let Course { nodes, waiting, ending, stage } = course;
    let counts = count(&nodes);
    // While the nodes are being ended, how they end is no failure of theirs.
    let failure = if ending.is_none() { failure(old, &nodes) } else { old.failure.clone() };
    let over = is_over(counts, stage, ending.as_ref());
    let phase = phase(counts, stage, ending.as_ref(), failure.as_ref());
    let pending = (stage == Stage::Going && (phase == TaskPhase::Pending || counts.pending > 0))
        .then(|| waiting.or_else(|| first_waiting(&nodes)))
        .flatten()
        .or_else(|| progress::awaited(&nodes).filter(|_| phase == TaskPhase::Running))
        .map(|pending| since_when(pending, old.pending.as_ref(), now))
        .map(|pending| {
            let before = old.pending.as_ref().map(|pending| pending.nodes.as_slice()).unwrap_or_default();
            waits::by_node(pending, &nodes, before, now)
        });
    let exit_code = match phase {
        TaskPhase::Succeeded => Some(0),
        TaskPhase::Failed => failure.as_ref().and_then(|failure| failure.exit_code),
        TaskPhase::Pending | TaskPhase::Running | TaskPhase::Stopped | TaskPhase::Suspended => None,
    };
    let situation = Situation {
        counts,
        phase,
        over,
        failure: failure.as_ref(),
        pending: pending.as_ref(),
        ending: ending.as_ref(),
        asked: &task.spec.lifecycle,
    };
    let verdicts = conditions::verdicts(&situation);
    let end = || last_end(&nodes).filter(|_| stage == Stage::Going).unwrap_or(Time(now));
    let start_time = old.start_time.clone().or_else(|| first_start(&nodes));
    let completion_time = over.then(|| old.completion_time.clone().unwrap_or_else(end));
    SkyTaskStatus {
        task_id: Some(task.id.to_string()),
        observed_generation: Some(task.generation),
        phase: Some(phase),
        attempt: Some(old.attempt.unwrap_or(0)),
        succeeded_nodes: Some(counts.succeeded),
        failed_nodes: Some(counts.failed),
        running_nodes: Some(counts.running),
        pending_nodes: Some(counts.pending),
        duration: duration(start_time.as_ref(), completion_time.as_ref()),
        machines: brief::machines(nodes.iter().filter_map(|node| node.machine.as_deref())),
        start_time,
        completion_time,
        exit_code,
        failure,
        pending,
        ending,
        conditions: condition::conclude(&old.conditions, &verdicts, task.generation, now),
        nodes,
        ..old.clone()
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
    let verdicts = conditions::of_invalid(message);
    SkyTaskStatus {
        task_id: Some(id.to_owned()),
        observed_generation: Some(generation),
        phase: Some(TaskPhase::Failed),
        attempt: old.attempt.or(Some(0)),
        attempts: old.attempts.clone(),
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

/// Whether the task has come to its end. An attempt that is being ended is followed by something.
fn is_over(counts: Counts, stage: Stage, ending: Option<&TaskEnding>) -> bool {
    match stage {
        Stage::Going => counts.pending == 0 && counts.running == 0 && ending.is_none(),
        Stage::Stopped => true,
        Stage::Suspended => false,
    }
}

/// Failed at the first failure; running as soon as one container has started.
fn phase(counts: Counts, stage: Stage, ending: Option<&TaskEnding>, failure: Option<&TaskFailure>) -> TaskPhase {
    match (stage, ending, failure) {
        (Stage::Suspended, _, _) => TaskPhase::Suspended,
        (_, _, Some(_)) => TaskPhase::Failed,
        (Stage::Stopped, _, None) => TaskPhase::Stopped,
        (Stage::Going, None, None) if counts.pending == 0 && counts.running == 0 => TaskPhase::Succeeded,
        (Stage::Going, None, None) if counts.running + counts.succeeded > 0 => TaskPhase::Running,
        (Stage::Going, Some(_), None) if counts.running > 0 => TaskPhase::Running,
        (Stage::Going, _, None) => TaskPhase::Pending,
    }
}

/// The failure of the task: of the node that failed first by itself. Once recorded it stays. Until that node is seen to
/// have ended, it is what the peers say that it brought down.
pub(super) fn failure(recorded: &SkyTaskStatus, nodes: &[NodeStatus]) -> Option<TaskFailure> {
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
        signal: first.exit_code.and_then(signal::of_exit_code),
        reason: first.reason.clone().unwrap_or_default(),
        message: of_node(first),
        last_lines: Vec::new(),
    })
}

/// The node that the first ended node was ended because of.
fn told_failure(nodes: &[NodeStatus]) -> Option<TaskFailure> {
    let peer = earliest(nodes.iter().filter(|node| node.peer.is_some()))?.peer.clone()?;
    let seen = nodes.get(peer.node as usize).cloned().unwrap_or_default();
    let message = Some(termination::told(&peer, seen.machine.as_deref()));
    let node =
        NodeStatus { index: peer.node, reason: Some(peer.reason.clone()), exit_code: peer.exit_code, message, ..seen };
    Some(TaskFailure {
        node: Some(peer.node),
        exit_code: peer.exit_code,
        signal: peer.exit_code.and_then(signal::of_exit_code),
        reason: peer.reason,
        message: of_node(&node),
        pod: node.pod,
        machine: node.machine,
        last_lines: Vec::new(),
    })
}

/// The same reason keeps its time, whatever becomes of its words.
fn since_when(pending: TaskPending, before: Option<&TaskPending>, now: Timestamp) -> TaskPending {
    let same = before.filter(|before| before.reason == pending.reason);
    let since = pending.since.clone().or_else(|| same?.since.clone()).unwrap_or(Time(now));
    TaskPending { since: Some(since), ..pending }
}

fn earliest<'a>(nodes: impl Iterator<Item = &'a NodeStatus>) -> Option<&'a NodeStatus> {
    nodes.min_by_key(|node| (node.finished_at.as_ref().map(|time| time.0), node.index))
}

fn first_waiting(nodes: &[NodeStatus]) -> Option<TaskPending> {
    let node = nodes.iter().find(|node| node.phase == NodePhase::Pending && node.reason.is_some())?;
    Some(TaskPending { reason: node.reason.clone()?, message: of_node(node), ..TaskPending::default() })
}

/// The node's message, with its rank before and the next step to take behind.
fn of_node(node: &NodeStatus) -> String {
    let reason = node.reason.as_deref().and_then(Reason::from_text);
    let message = format!("node-{}: {}", node.index, node.message.as_deref().unwrap_or("failed"));
    reason.map_or(message.clone(), |reason| reason.advised(&message))
}

/// How long the task took, in words.
fn duration(start: Option<&Time>, end: Option<&Time>) -> Option<String> {
    Some(brief::duration(end?.0.duration_since(start?.0)))
}

/// When the first container started.
pub(super) fn first_start(nodes: &[NodeStatus]) -> Option<Time> {
    nodes.iter().filter_map(|node| node.started_at.clone()).min()
}

/// When the last container ended.
pub(super) fn last_end(nodes: &[NodeStatus]) -> Option<Time> {
    nodes.iter().filter_map(|node| node.finished_at.clone()).max()
}
