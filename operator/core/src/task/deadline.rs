//! When a task has had its time.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use sky_crd::{
    condition::Reason,
    task::{NodePhase, SkyTaskStatus},
};

use super::ValidTask;

/// A deadline of the attempt that `status` speaks of: when it falls due, as what, and in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Timestamp,
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// The deadline that falls due first. A task that waits for its machines has no use of a Job's own deadline, which runs
/// from the Job's creation.
pub(super) fn next(task: &ValidTask, status: &SkyTaskStatus) -> Option<Deadline> {
    [active(task, status), start(task, status)].into_iter().flatten().min_by_key(|deadline| deadline.at)
}

fn active(task: &ValidTask, status: &SkyTaskStatus) -> Option<Deadline> {
    let limit = task.spec.lifecycle.active_deadline_seconds?;
    let paused = SignedDuration::from_secs(status.paused_seconds.unwrap_or(0));
    let at = status.start_time.as_ref()?.0 + seconds(limit) + paused;
    let reason = Reason::DeadlineExceeded;
    let message = format!("the task ran longer than {limit} s: {}", reason.next_step());
    Some(Deadline { at, reason, message })
}

fn start(task: &ValidTask, status: &SkyTaskStatus) -> Option<Deadline> {
    let limit = task.spec.lifecycle.start_deadline_seconds?;
    if status.nodes.iter().all(|node| node.phase != NodePhase::Pending) {
        return None;
    }
    let begin = status.attempt_time.as_ref().map(|time| time.0).or(task.created)?;
    let waited_for = status.pending.as_ref().map_or("it was still starting", |pending| &pending.message);
    let reason = Reason::StartDeadlineExceeded;
    let message = format!("not all nodes have started within {limit} s ({waited_for}): {}", reason.next_step());
    Some(Deadline { at: begin + seconds(limit), reason, message })
}

/// So many seconds.
pub(super) fn seconds(seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(seconds.into())
}
