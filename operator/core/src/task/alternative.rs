//! Whether an attempt that no machine takes is given up for another alternative of its resources.
//!
//! SkyPilot fails over in order when pods are not placed in time (`provision_timeout`), and begins anew with
//! `--retry-until-up`. Here a task always waits, so the alternatives come round again, each with more time than before.

use k8s_openapi::{
    api::batch::v1::Job,
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use sky_crd::{
    condition::Reason,
    task::{ChosenResources, NodePhase, SkyTaskStatus, TaskEnding, TriedResources},
};

use super::{ObservedTask, ValidTask, deadline::seconds, ending, resources};

/// Seconds for an alternative that is tried for the first time, where the user says nothing: a cluster that grows needs some
/// minutes for a new machine.
const DEFAULT_SECONDS: u32 = 300;
/// Most seconds for one that has been tried before, unless the first time was longer.
const MOST_SECONDS: u32 = 3600;
/// Every try is an attempt of its own, and names of Jobs have room for a thousand of them. After so many the task waits
/// with what it has.
const MOST_TRIES: u32 = 64;
/// Alternatives that are remembered as tried.
const MOST_REMEMBERED: usize = 32;
/// Most characters of what an alternative waited for.
const MOST_TOLD: usize = 512;

/// What is said of an attempt that waits for machines, or for a quota of what they have.
const FOR_MACHINES: [Reason; 3] = [Reason::Unschedulable, Reason::NeverFits, Reason::Refused];

/// When the attempt has waited long enough for machines, if that is what it waits for and nothing of it has begun.
///
/// No script begins before all containers have started: a node that waits for a machine keeps those that have one waiting
/// for it (`operator/agent/PROTOCOL.md`).
pub(super) fn due(task: &ValidTask, seen: &SkyTaskStatus) -> Option<Timestamp> {
    let pending = seen.pending.as_ref()?;
    let for_machines = FOR_MACHINES.iter().any(|reason| pending.reason == reason.as_str());
    let waits = seen.nodes.iter().any(|node| node.phase == NodePhase::Pending);
    let untouched = waits && seen.nodes.iter().all(|node| !node.phase.is_final());
    let tries: u32 = tried(&task.status).iter().map(|one| one.times).sum();
    let whole = task.status.has_all_jobs(task.nodes);
    let limit = patience(task).filter(|_| for_machines && untouched && whole && tries < MOST_TRIES)?;
    Some(pending.since.as_ref()?.0 + limit)
}

/// The ending of an attempt that is to be given up now. Not before there are machines for something else: what is there for
/// nobody is best waited for in the order of preference.
pub(super) fn due_now(
    task: &ValidTask,
    seen: &SkyTaskStatus,
    observed: &ObservedTask,
    jobs: &[Option<&Job>],
    now: Timestamp,
) -> Option<TaskEnding> {
    due(task, seen).filter(|due| *due <= now)?;
    if !resources::another_is_better(task, &observed.cluster, jobs, &observed.pods) {
        return None;
    }
    let waited_for = seen.pending.as_ref().map_or("", |pending| pending.message.as_str());
    let chosen = seen.resources.as_ref().and_then(|chosen| chosen.summary.clone());
    let summary = chosen.map(|summary| format!("{summary}: ")).unwrap_or_default();
    let waited = patience(task)?.as_secs();
    Some(ending::ending(Reason::NotPlaced, &format!("{summary}not placed within {waited} s ({waited_for})")))
}

/// What is known of the choice once the attempt has been given up.
pub(super) fn given_up(status: &SkyTaskStatus, decided: &TaskEnding, now: Timestamp) -> ChosenResources {
    let chosen = status.resources.clone().unwrap_or_default();
    let alternative = chosen.alternative.unwrap_or(0);
    let mut tried = chosen.tried;
    let before = tried.iter().position(|one| one.alternative == alternative).map(|index| tried.remove(index));
    tried.push(TriedResources {
        alternative,
        summary: chosen.summary.unwrap_or_default(),
        times: before.map_or(0, |before| before.times) + 1,
        time: Some(Time(now)),
        message: decided.message.chars().take(MOST_TOLD).collect(),
    });
    let forgotten = tried.len().saturating_sub(MOST_REMEMBERED);
    tried.drain(..forgotten);
    ChosenResources { tried, ..ChosenResources::default() }
}

/// The alternatives that have been given up since the task last ran.
pub(super) fn tried(status: &SkyTaskStatus) -> &[TriedResources] {
    status.resources.as_ref().map(|chosen| chosen.tried.as_slice()).unwrap_or_default()
}

/// How often an alternative has been given up.
pub(super) fn times(status: &SkyTaskStatus, alternative: usize) -> u32 {
    let is_it = |one: &&TriedResources| usize::try_from(one.alternative) == Ok(alternative);
    tried(status).iter().find(is_it).map_or(0, |one| one.times)
}

/// How long the alternative that is being tried may wait; `None` for ever.
fn patience(task: &ValidTask) -> Option<SignedDuration> {
    let first = task.spec.lifecycle.placement_timeout_seconds.unwrap_or(DEFAULT_SECONDS);
    let chosen = task.status.resources.as_ref().and_then(|chosen| chosen.alternative).unwrap_or(0);
    let doublings = times(&task.status, usize::try_from(chosen).unwrap_or(usize::MAX)).min(16);
    let limit = first.saturating_mul(1 << doublings).min(MOST_SECONDS.max(first));
    // Nodes that have started give up on their peers, and that would be a failure.
    let most = if task.nodes > 1 { (task.spec.start_timeout_seconds / 2).max(1) } else { u32::MAX };
    (first > 0).then(|| seconds(limit.min(most)))
}

#[cfg(test)]
#[path = "alternative_tests.rs"]
mod tests;
