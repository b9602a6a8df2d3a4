//! What of a new status cannot wait, and what of it users are told.

use k8s_openapi::jiff::SignedDuration;
use sky_crd::{
    condition::Reason,
    task::{NodePhase, NodeStatus, SkyTaskStatus, TaskPhase},
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

/// What users are told: a new reason to wait for somebody, a decision, a failure, the end.
pub(super) fn notes(old: &SkyTaskStatus, new: &SkyTaskStatus) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(pending) = &new.pending
        && old.pending.as_ref().is_none_or(|before| before.reason != pending.reason)
        && let Some(reason) = Reason::from_text(&pending.reason).filter(|reason| !is_no_trouble(*reason))
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
