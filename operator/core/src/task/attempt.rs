//! From one attempt to the next, or to the end, once nothing of the attempt runs any more.

use std::collections::BTreeSet;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use sky_crd::{
    condition::{ConditionType, Reason},
    task::{NodePhase, NodeStatus, SkyTaskStatus, TaskAttempt, TaskEnding, TaskPending},
};

use super::{
    ValidTask, alternative, ending, own, rerun, restart,
    status::{Course, Stage, failure, first_start, last_end, status},
    stragglers,
};

/// Attempts, and machines of each, that are remembered.
const REMEMBERED: usize = 10;

/// The status once an attempt that was to be ended has ended. Whoever succeeded first is not robbed of it.
pub(super) fn over(task: &ValidTask, nodes: Vec<NodeStatus>, decided: &TaskEnding, now: Timestamp) -> SkyTaskStatus {
    let reruns = ending::reason(decided) == Reason::Rerun;
    if !reruns && nodes.iter().all(|node| node.phase == NodePhase::Succeeded) {
        return status(task, &task.status, Course::of_nodes(nodes), now);
    }
    match ending::reason(decided) {
        Reason::Suspended => {
            let base = closed(task, &nodes, decided, now);
            let ending = Some(decided.clone());
            status(task, &base, Course { nodes: Vec::new(), waiting: None, ending, stage: Stage::Suspended }, now)
        }
        Reason::Rerun => {
            let base = closed(task, &nodes, decided, now);
            begin_anew(task, &SkyTaskStatus { attempt_time: Some(Time(now)), ..base }, now)
        }
        Reason::NotPlaced => {
            let given_up = alternative::given_up(&task.status, decided, now);
            let base = closed(task, &nodes, decided, now);
            begin(task, SkyTaskStatus { resources: Some(given_up), ..base }, now)
        }
        Reason::Restarting => {
            let mut base = closed(task, &nodes, decided, now);
            let begin = now + restart::wait(&base.attempts);
            base.attempt_time = Some(Time(begin));
            begin_anew(task, &base, now)
        }
        _ => stopped(task, nodes, decided, now),
    }
}

/// The status of a task that is stopped and of which nothing runs any more.
pub(super) fn stopped(task: &ValidTask, nodes: Vec<NodeStatus>, decided: &TaskEnding, now: Timestamp) -> SkyTaskStatus {
    let nodes = nodes.into_iter().map(|node| ended(node, decided)).collect();
    let course = Course { nodes, waiting: None, ending: Some(decided.clone()), stage: Stage::Stopped };
    status(task, &task.status, course, now)
}

/// The status of a suspended task that is to run again, from now on.
pub(super) fn resumed(task: &ValidTask, now: Timestamp) -> SkyTaskStatus {
    let mut base = SkyTaskStatus { attempt_time: Some(Time(now)), ..task.status.clone() };
    let suspended = base.conditions.iter().find(|condition| condition.type_ == ConditionType::Suspended.as_str());
    if let (Some(since), true) = (suspended, base.start_time.is_some()) {
        let seconds = now.duration_since(since.last_transition_time.0).as_secs();
        base.paused_seconds = Some(base.paused_seconds.unwrap_or(0) + seconds.max(0));
    }
    begin_anew(task, &base, now)
}

/// The status of a finished task that runs again.
pub(super) fn again(task: &ValidTask, now: Timestamp) -> SkyTaskStatus {
    let finished = ConditionType::Finished.as_str();
    let end = task.status.conditions.iter().find(|condition| condition.type_ == finished);
    let decided = end.map(|end| TaskEnding { reason: end.reason.clone(), message: end.message.clone() });
    let mut base = closed(task, &task.status.nodes, &decided.unwrap_or_default(), now);
    if let (Some(last), Some(code)) = (base.attempts.last_mut(), task.status.exit_code) {
        last.exit_code = Some(code);
    }
    base.attempt_time = Some(Time(now));
    (base.completion_time, base.cleaned_up_time) = (None, None);
    begin_anew(task, &base, now)
}

/// The status of a task that suspension has left as it is.
pub(super) fn suspended(task: &ValidTask, now: Timestamp) -> SkyTaskStatus {
    let ending = task.status.ending.clone();
    status(task, &task.status, Course { nodes: Vec::new(), waiting: None, ending, stage: Stage::Suspended }, now)
}

/// What the task waits for while its next attempt has not begun.
pub(super) fn not_begun(status: &SkyTaskStatus, now: Timestamp) -> Option<TaskPending> {
    let begin = status.attempt_time.as_ref().filter(|begin| begin.0 > now)?;
    let last = status.attempts.last().map_or("", |attempt| attempt.message.as_str());
    let message = format!("{last}; attempt {} begins at {}", own::attempt(status) + 1, begin.0.strftime("%H:%M:%SZ"));
    Some(TaskPending { reason: Reason::Restarting.as_str().to_owned(), message, ..TaskPending::default() })
}

/// The node as it counts when it ends because the attempt is being ended.
pub(super) fn ended(node: NodeStatus, decided: &TaskEnding) -> NodeStatus {
    if node.phase == NodePhase::Succeeded || (node.phase == NodePhase::Failed && node.reason.is_some()) {
        return node;
    }
    let node = NodeStatus { phase: NodePhase::Failed, reason: Some(decided.reason.clone()), message: None, ..node };
    if ending::reason(decided) == Reason::PeerFailed { stragglers::ended(node, &decided.message) } else { node }
}

/// The status in which the next attempt is the current one, if this one has had a Job at all: names of Jobs are never
/// used twice.
fn closed(task: &ValidTask, nodes: &[NodeStatus], decided: &TaskEnding, now: Timestamp) -> SkyTaskStatus {
    let mut base = task.status.clone();
    if nodes.iter().any(|node| node.job_uid.is_some()) {
        base.attempts.push(record(own::attempt(&base), nodes, decided, now));
        let forgotten = base.attempts.len().saturating_sub(REMEMBERED);
        base.attempts.drain(..forgotten);
        base.attempt = Some(own::attempt(&base) + 1);
    }
    base
}

/// The status in which the next attempt chooses its resources as if there had been none before.
fn begin_anew(task: &ValidTask, base: &SkyTaskStatus, now: Timestamp) -> SkyTaskStatus {
    begin(task, SkyTaskStatus { resources: None, ..base.clone() }, now)
}

fn begin(task: &ValidTask, base: SkyTaskStatus, now: Timestamp) -> SkyTaskStatus {
    let nodes = (0..task.spec.num_nodes).map(|index| NodeStatus { index, ..NodeStatus::default() }).collect();
    let mut base = rerun::of_now(task, SkyTaskStatus { failure: None, ..base });
    if rerun::is_new_run(task) {
        (base.restarts, base.disruptions, base.start_time, base.paused_seconds) = (None, None, None, None);
    }
    let waiting = not_begun(&base, now);
    status(task, &base, Course { waiting, ..Course::of_nodes(nodes) }, now)
}

fn record(attempt: u32, nodes: &[NodeStatus], decided: &TaskEnding, now: Timestamp) -> TaskAttempt {
    let by_itself = |node: &&NodeStatus| node.reason.as_ref() != Some(&decided.reason);
    let by_itself: Vec<_> = nodes.iter().filter(by_itself).cloned().collect();
    let failure =
        failure(&SkyTaskStatus::default(), &by_itself).filter(|_| ending::reason(decided) == Reason::Restarting);
    let machines: BTreeSet<_> = nodes.iter().filter_map(|node| node.machine.clone()).collect();
    TaskAttempt {
        attempt,
        start_time: first_start(nodes),
        end_time: Some(last_end(nodes).unwrap_or(Time(now))),
        reason: failure.as_ref().map_or_else(|| decided.reason.clone(), |failure| failure.reason.clone()),
        message: failure.as_ref().map_or_else(|| decided.message.clone(), |failure| failure.message.clone()),
        exit_code: failure.and_then(|failure| failure.exit_code),
        machines: machines.into_iter().take(REMEMBERED).collect(),
    }
}
