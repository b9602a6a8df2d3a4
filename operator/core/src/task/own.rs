//! Which Jobs are the task's own, and of which attempt.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use sky_crd::{label, task::SkyTaskStatus};

use super::{ObservedTask, ValidTask, is_finished, node::finished_condition};
use crate::{owner::Owner, plan::Write};

/// Attempts before the current one whose finished Jobs are kept, for their logs.
pub const KEPT_ATTEMPTS: u32 = 3;

/// All Jobs that this very task controls.
pub(super) fn jobs<'a>(owner: &Owner, observed: &'a ObservedTask) -> Vec<&'a Job> {
    observed.jobs.iter().filter(|job| owner.controls(&job.metadata)).collect()
}

/// Jobs of the current attempt by rank.
pub(super) fn by_rank<'a>(task: &ValidTask, jobs: &[&'a Job]) -> Vec<Option<&'a Job>> {
    let find = |name: String| jobs.iter().find(|job| job.name_any() == name).copied();
    task.names.jobs(attempt(&task.status)).into_iter().map(find).collect()
}

/// The attempt that a status speaks of.
pub(super) fn attempt(status: &SkyTaskStatus) -> u32 {
    status.attempt.unwrap_or(0)
}

/// The attempt that a Job belongs to.
pub(super) fn attempt_of(job: &Job) -> u32 {
    job.labels().get(label::ATTEMPT).and_then(|attempt| attempt.parse().ok()).unwrap_or(0)
}

/// Whether nothing of the Job runs any more, nor ever will.
pub(super) fn is_over(job: &Job) -> bool {
    finished_condition(job).is_some()
}

/// Whether the Job is being deleted.
pub(super) fn is_going(job: &Job) -> bool {
    job.metadata.deletion_timestamp.is_some()
}

/// The write that deletes a Job.
pub(super) fn delete(job: &Job) -> Write {
    Write::DeleteJob { name: job.name_any(), uid: job.uid().unwrap_or_default() }
}

/// Jobs that may not be there: of an attempt that is over but still running (a create that was on its way when the
/// attempt ended), and those whose logs are too old to be kept. A Job of a later attempt is none: then our own view is old.
pub(super) fn strays<'a>(task: &ValidTask, jobs: &[&'a Job]) -> Vec<&'a Job> {
    let current = attempt(&task.status);
    let closed = is_finished(&task.status) || super::is_suspended(&task.status);
    let recorded = |job: &Job| task.status.nodes.iter().any(|node| node.job_uid == job.uid());
    let is_stray = |job: &&&Job| {
        let of = attempt_of(job);
        let runs_late = !is_over(job) && (of < current || (closed && of == current && !recorded(job)));
        let too_old = of + KEPT_ATTEMPTS < current;
        !is_going(job) && (runs_late || too_old)
    };
    jobs.iter().filter(is_stray).copied().collect()
}
