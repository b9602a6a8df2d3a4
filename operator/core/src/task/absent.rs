//! Secrets and ConfigMaps that a task names and that are not there yet.
//!
//! GitOps applies in any order, and the gateway creates a task before the Secret that belongs to it: no Job is created
//! until they are all there, so that no machine is held by pods that cannot start.

use std::collections::BTreeSet;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use sky_crd::{
    condition::Reason,
    label,
    task::{SkyTask, SkyTaskSpec, TaskPending},
};

use super::{ObservedTask, ValidTask};

/// Who submits a task with secrets through the gateway need not be told of the moment in between.
const UNTOLD: SignedDuration = SignedDuration::from_secs(3);
/// Between two looks: a quarter of the task's age, but no less and no more than these.
const SHORTEST: SignedDuration = SignedDuration::from_millis(250);
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

/// The Secrets that must be there before the task's first pod.
pub fn named_secrets(task: &SkyTask) -> BTreeSet<String> {
    let spec = &task.spec;
    let one_by_one = spec.secrets.iter().map(|secret| secret.secret_name.clone());
    let whole = spec.env_from.iter().filter_map(|from| from.secret_name.clone());
    // Kubernetes allows pull secrets that do not exist; the gateway names only what it creates.
    let ours = task.metadata.labels.as_ref().and_then(|labels| labels.get(label::MANAGED_BY));
    let by_gateway = ours.is_some_and(|tool| tool == label::MANAGED_BY_CLI);
    let pull = spec.image_pull_secrets.iter().filter(|_| by_gateway).map(|secret| secret.name.clone());
    one_by_one.chain(whole).chain(pull).collect()
}

/// The ConfigMaps that must be there before the task's first pod.
pub fn named_config_maps(spec: &SkyTaskSpec) -> BTreeSet<String> {
    spec.env_from.iter().filter_map(|from| from.config_map_name.clone()).collect()
}

/// When to look again, while something is absent.
pub(super) fn wait(task: &ValidTask, observed: &ObservedTask, now: Timestamp) -> Option<SignedDuration> {
    first(observed).map(|_| (age(task, now) / 4).clamp(SHORTEST, LONGEST))
}

/// What the task waits for, if something is absent; `Err` while that is not worth a word.
pub(super) fn pending(
    task: &ValidTask,
    observed: &ObservedTask,
    now: Timestamp,
) -> Option<Result<TaskPending, Unsaid>> {
    let (reason, kind, name) = first(observed)?;
    if age(task, now) < UNTOLD {
        return Some(Err(Unsaid));
    }
    let namespace = &task.owner.namespace;
    let message = format!("the {kind} {name} does not exist in the namespace {namespace}: {}", reason.next_step());
    Some(Ok(TaskPending { reason: reason.as_str().to_owned(), message, ..TaskPending::default() }))
}

/// The task waits, and nobody is told of it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsaid;

fn first(observed: &ObservedTask) -> Option<(Reason, &'static str, &String)> {
    let secret = observed.absent_secrets.first().map(|name| (Reason::SecretNotFound, "Secret", name));
    let map = observed.absent_config_maps.first().map(|name| (Reason::ConfigMapNotFound, "ConfigMap", name));
    secret.or(map)
}

fn age(task: &ValidTask, now: Timestamp) -> SignedDuration {
    task.created.map_or(LONGEST * 4, |created| now.duration_since(created))
}
