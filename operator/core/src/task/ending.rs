//! Why an attempt is ended before its own end.

use k8s_openapi::jiff::Timestamp;
use sky_crd::{
    condition::Reason,
    task::{SkyTaskStatus, TaskEnding, TaskFailure},
};

use super::{ValidTask, deadline, rerun, restart, stragglers};

/// What ends an attempt, the weakest first: what has been decided can only be overruled by something stronger, so that
/// a task that is told to stop while it is being suspended is stopped.
const CAUSES: [Reason; 8] = [
    Reason::NotPlaced,
    Reason::PeerFailed,
    Reason::Restarting,
    Reason::Rerun,
    Reason::Suspended,
    Reason::StartDeadlineExceeded,
    Reason::DeadlineExceeded,
    Reason::Stopped,
];

/// Why the attempt of which `seen` speaks has to be ended now, if it has to be and that is not decided yet. `seen` knows
/// of no ending.
pub(super) fn due(task: &ValidTask, seen: &SkyTaskStatus, now: Timestamp) -> Option<TaskEnding> {
    let found = cause(task, seen, now)?;
    let stronger = task.status.ending.as_ref().is_none_or(|decided| strength(&found) > strength(decided));
    stronger.then_some(found)
}

/// The status in which the decision is recorded: a restart is counted with it, whatever becomes of it, and a deadline is a
/// failure.
pub(super) fn decided(task: &ValidTask, seen: &SkyTaskStatus, ending: &TaskEnding) -> SkyTaskStatus {
    let mut status = task.status.clone();
    match reason(ending) {
        Reason::Restarting => restart::count(&task.spec.lifecycle, &mut status, seen.failure.as_ref()),
        Reason::DeadlineExceeded | Reason::StartDeadlineExceeded => {
            let (reason, message) = (ending.reason.clone(), ending.message.clone());
            status.failure.get_or_insert(TaskFailure { reason, message, ..TaskFailure::default() });
        }
        Reason::PeerFailed => status.failure.clone_from(&seen.failure),
        _ => {}
    }
    status
}

/// The ending that `spec.stop` asks for.
pub(super) fn stop() -> TaskEnding {
    ending(Reason::Stopped, "spec.stop is true")
}

/// The ending that a changed specification or a new runToken asks for.
pub(super) fn rerun() -> TaskEnding {
    ending(Reason::Rerun, "the specification or spec.runToken has changed")
}

/// The reason that an ending was decided for.
pub(super) fn reason(ending: &TaskEnding) -> Reason {
    // A newer operator may know more causes. Whatever it was, it was to end.
    Reason::from_text(&ending.reason).unwrap_or(Reason::Stopped)
}

fn strength(ending: &TaskEnding) -> Option<usize> {
    CAUSES.iter().position(|cause| *cause == reason(ending))
}

fn cause(task: &ValidTask, seen: &SkyTaskStatus, now: Timestamp) -> Option<TaskEnding> {
    let rules = &task.spec.lifecycle;
    let ended = seen.nodes.iter().all(|node| node.phase.is_final());
    let failure = seen.failure.as_ref();
    // What has been told to have failed stays failed, whatever the rules become.
    let told = task.status.failure.is_some();
    let again = failure.filter(|failure| !told && restart::again(rules, &task.status, failure).is_some());
    let goes_on = !ended || task.status.ending.is_some();
    if rules.stop && goes_on {
        return Some(stop());
    }
    if let Some(passed) = deadline::next(task, seen).filter(|deadline| goes_on && deadline.at <= now) {
        return Some(ending(passed.reason, &passed.message));
    }
    if rules.suspend && !rules.stop && (goes_on || again.is_some()) {
        return Some(ending(Reason::Suspended, "spec.suspend is true"));
    }
    if rerun::is_asked(task) && !rules.stop && (goes_on || again.is_some()) {
        return Some(rerun());
    }
    if let Some(failure) = again.filter(|_| !rules.stop) {
        return Some(ending(Reason::Restarting, &failure.message));
    }
    let late = stragglers::due(task, seen).is_some_and(|due| due <= now);
    late.then(|| ending(Reason::PeerFailed, &stragglers::message(seen)))
}

/// The ending for this reason.
pub(super) fn ending(reason: Reason, message: &str) -> TaskEnding {
    TaskEnding { reason: reason.as_str().to_owned(), message: message.to_owned() }
}
