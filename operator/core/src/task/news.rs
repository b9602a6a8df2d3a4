//! What of a new status cannot wait, and what of it users are told.

use k8s_openapi::jiff::SignedDuration;
use sky_crd::{
    condition::Reason,
    task::{NodePhase, NodeStatus, SkyTaskStatus, TaskPending, TaskPhase},
};

use super::{is_finished, is_suspended, progress};
use crate::{
    plan::Note,
    settle::{LEISURE, SETTLE},
};

/// How long a new status may wait for more to tell.
pub(super) fn patience(old: &SkyTaskStatus, new: &SkyTaskStatus, nodes: u32) -> SignedDuration {
    if is_urgent(old, new, nodes) {
        return SignedDuration::ZERO;
    }
    if progress::is_all_news(&old.nodes, &new.nodes) { LEISURE } else { SETTLE }
}

/// First sight, a failure, the end, a decision, a new reason to wait, and a step that all nodes have taken.
fn is_urgent(old: &SkyTaskStatus, new: &SkyTaskStatus, nodes: u32) -> bool {
    let first_sight = old.observed_generation != new.observed_generation;
    let created = new.has_all_jobs(nodes) && !old.has_all_jobs(nodes);
    let failed = old.failure.is_none() && new.failure.is_some();
    let refused = old.pending.is_none() && new.pending.is_some() && !new.has_all_jobs(nodes);
    let decided = old.ending != new.ending || old.attempt != new.attempt || is_suspended(old) != is_suspended(new);
    let together = |phase: NodePhase| move |node: &NodeStatus| node.phase == phase;
    let all_run =
        new.nodes.iter().all(together(NodePhase::Running)) && !old.nodes.iter().all(together(NodePhase::Running));
    first_sight || created || failed || refused || decided || all_run || is_finished(new)
}

/// Waits that end by themselves.
fn is_no_trouble(reason: Reason) -> bool {
    matches!(reason, Reason::Restarting | Reason::ImagePulling | Reason::SettingUp)
}

/// Whether the sentence that goes with a reason names a cause in words of ours. Those of the scheduler or of an admission
/// change as often as they are asked.
fn names_a_cause(reason: Reason) -> bool {
    matches!(reason, Reason::ImagePull | Reason::SecretNotFound | Reason::ConfigMapNotFound | Reason::VolumeNotFound)
}

/// A sentence without the node of which it speaks: now one, now another is the first that waits.
fn cause(message: &str) -> &str {
    message.strip_prefix("node-").and_then(|rest| rest.split_once(": ")).map_or(message, |(_, cause)| cause)
}

/// Whether the task waits for something that users have not been told.
fn is_new(before: &TaskPending, pending: &TaskPending, reason: Reason) -> bool {
    before.reason != pending.reason || names_a_cause(reason) && cause(&before.message) != cause(&pending.message)
}

/// What users are told: a new reason to wait for somebody, a decision, a failure, the end.
pub(super) fn notes(old: &SkyTaskStatus, new: &SkyTaskStatus) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(pending) = &new.pending
        && let Some(reason) = Reason::from_text(&pending.reason).filter(|reason| !is_no_trouble(*reason))
        && old.pending.as_ref().is_none_or(|before| is_new(before, pending, reason))
    {
        notes.push(Note { warning: true, reason, message: pending.message.clone() });
    }
    if let Some(ending) = &new.ending
        && old.ending.as_ref() != Some(ending)
    {
        let reason = super::ending::reason(ending);
        let warning = [Reason::Restarting, Reason::NotPlaced].contains(&reason);
        notes.push(Note { warning, reason, message: ending.message.clone() });
    }
    if let (None, Some(failure)) = (&old.failure, &new.failure) {
        let reason = Reason::from_text(&failure.reason).unwrap_or(Reason::RunFailed);
        notes.push(Note { warning: true, reason, message: failure.message.clone() });
    }
    if new.phase == Some(TaskPhase::Succeeded) {
        let all = new.nodes.len();
        let message = format!("{all} of {all} nodes succeeded");
        notes.push(Note { warning: false, reason: Reason::Succeeded, message });
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(reason: Reason, message: &str) -> SkyTaskStatus {
        let pending =
            TaskPending { reason: reason.as_str().to_owned(), message: message.to_owned(), ..TaskPending::default() };
        SkyTaskStatus { pending: Some(pending), ..SkyTaskStatus::default() }
    }

    #[test]
    fn what_users_are_told_of_a_wait() {
        let pull = |message: &str| waits(Reason::ImagePull, message);
        let place = |message: &str| waits(Reason::Unschedulable, message);
        for (old, new, told) in [
            (SkyTaskStatus::default(), pull("node-0: a"), true),
            (place("node-0: a"), pull("node-0: a"), true),
            (pull("node-0: a"), pull("node-0: a"), false),
            // The kubelet tried first without the credentials, which it had not read yet.
            (pull("node-0: refused"), pull("node-0: does not exist"), true),
            (pull("node-0: a"), pull("node-1: a"), false),
            (waits(Reason::VolumeNotFound, "volume a"), waits(Reason::VolumeNotFound, "volume b"), true),
            (place("node-0: 0/2 nodes"), place("node-0: 0/3 nodes"), false),
            (SkyTaskStatus::default(), waits(Reason::ImagePulling, "node-0: a"), false),
        ] {
            assert_eq!(notes(&old, &new).len(), usize::from(told), "{:?} {:?}", old.pending, new.pending);
        }
    }
}
