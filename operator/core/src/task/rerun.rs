//! Whether a task is to run again: because its user says so, never by itself.

use sky_crd::task::{SkyTaskStatus, UpdatePolicy, is_comparable, run_hash};

use super::{ValidTask, plan};

/// Whether the run that the status speaks of is to be followed by another, whatever it is doing or has come to.
pub(super) fn is_asked(task: &ValidTask) -> bool {
    has_new_token(task) || is_changed(task)
}

/// Whether the next attempt is the first of another run, for which nothing of the last one counts.
pub(super) fn is_new_run(task: &ValidTask) -> bool {
    has_new_token(task) || (task.spec.lifecycle.update_policy == UpdatePolicy::Rerun && differs(task))
}

/// The status as the next attempt has it: of the specification as it is now.
pub(super) fn of_now(task: &ValidTask, status: SkyTaskStatus) -> SkyTaskStatus {
    SkyTaskStatus { run_hash: Some(run_hash(&task.spec)), run_token: task.spec.lifecycle.run_token.clone(), ..status }
}

/// The status of an attempt that goes its way. Until it has a Job, what it will run is what the specification says.
pub(super) fn noted(task: &ValidTask, status: &SkyTaskStatus) -> SkyTaskStatus {
    let begun = status.has_jobs();
    let may_change = task.spec.lifecycle.update_policy != UpdatePolicy::Reject;
    match &status.run_hash {
        Some(_) if begun || !may_change => status.clone(),
        // A task of an operator that knew no hashes: it runs what it says, and its token has had its effect.
        _ => of_now(task, status.clone()),
    }
}

fn has_new_token(task: &ValidTask) -> bool {
    let token = &task.spec.lifecycle.run_token;
    task.status.run_hash.is_some() && token.is_some() && *token != task.status.run_token
}

fn is_changed(task: &ValidTask) -> bool {
    let begun = task.status.has_jobs();
    let half = begun && !task.status.has_all_jobs(task.nodes);
    match task.spec.lifecycle.update_policy {
        UpdatePolicy::Reject => false,
        UpdatePolicy::Rerun => (begun || plan::is_finished(&task.status)) && differs(task),
        // What is not whole yet cannot go on with what it was.
        UpdatePolicy::NextRestart => half && differs(task),
    }
}

fn differs(task: &ValidTask) -> bool {
    let recorded = task.status.run_hash.as_ref().filter(|hash| is_comparable(hash));
    recorded.is_some_and(|hash| *hash != run_hash(&task.spec))
}
