//! One pass over one object: observe, validate, plan, apply, record, tell. The same for both kinds.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{ResourceExt as _, runtime::controller::Action};
use sky_operator_core::plan::{Plan, Write};

use crate::{
    apply::{apply, confirm},
    error::PassError,
    kinds::Kind,
    record::record,
    scope::Scope,
    tell::tell,
};

/// Looked at again after this time when the cache was behind our own writes and no watch event came.
const CATCH_UP: Duration = Duration::from_secs(2);

/// A pass, timed and counted; the backoff of a failed object is told about the success.
pub(crate) async fn reconcile<K: Kind>(object: Arc<K>, scope: Arc<Scope>) -> Result<Action, PassError> {
    let started = (scope.clock)();
    let result = pass(&*object, &scope, started).await;
    let seconds = (scope.clock)().duration_since(started).as_secs_f64();
    let uid = object.uid().unwrap_or_default();
    match &result {
        Ok(plan) => {
            scope.memory.succeeded(&uid);
            scope.metrics.passed(K::NAME, if plan.status.is_some() { "changed" } else { "settled" }, seconds);
        }
        Err(error) => scope.metrics.passed(K::NAME, error.class().as_str(), seconds),
    }
    result.map(|plan| plan.requeue.map_or_else(Action::await_change, |wait| Action::requeue(std_duration(wait))))
}

/// When to try again after a failed pass.
pub(crate) fn retry<K: Kind>(object: &K, error: &PassError, scope: &Scope) -> Action {
    let wait = scope.memory.failed(&object.uid().unwrap_or_default(), error.class(), (scope.jitter)());
    Action::requeue(std_duration(wait))
}

async fn pass<K: Kind>(object: &K, scope: &Scope, now: Timestamp) -> Result<Plan<K::Status>, PassError> {
    let (uid, version) = (object.uid().unwrap_or_default(), object.resource_version().unwrap_or_default());
    if object.meta().deletion_timestamp.is_some() {
        // Garbage collection deletes the children; nothing outside the namespace has to be released.
        return Ok(Plan::idle());
    }
    if scope.memory.is_outdated(&uid, &version) {
        let wait = SignedDuration::try_from(CATCH_UP).unwrap_or(SignedDuration::ZERO);
        return Ok(Plan { requeue: Some(wait), ..Plan::idle() });
    }
    let (plan, refused) = decide(object, scope, now).await?;
    conclude(object, scope, &plan, now).await?;
    // The status says why the cluster refuses; the backoff says when to ask it again.
    refused.map_or(Ok(plan), Err)
}

/// Plans, applies the plan's writes, and plans again on what they brought. Comes with the refusal that stopped the
/// writes, if one did.
async fn decide<K: Kind>(
    object: &K,
    scope: &Scope,
    now: Timestamp,
) -> Result<(Plan<K::Status>, Option<PassError>), PassError> {
    let valid = object.validate(&scope.policy);
    let plan_on = |observed: &K::Observed| match &valid {
        Ok(valid) => K::plan(valid, observed, now),
        Err(error) => object.plan_invalid(error, observed, now),
    };
    let mut observed = object.observe(scope).await?;
    let mut plan = plan_on(&observed);
    if plan.doubt {
        object.prove(scope, &mut observed).await?;
        plan = plan_on(&observed);
    }
    if plan.writes.is_empty() {
        return Ok((plan, None));
    }
    let refused = match write_all(object, scope, plan.writes, &mut observed).await {
        Ok(()) => None,
        Err(PassError::Refused(refusal)) => {
            K::refuse(&mut observed, refusal.clone());
            Some(PassError::Refused(refusal))
        }
        Err(error) => return Err(error),
    };
    Ok((plan_on(&observed), refused))
}

async fn write_all<K: Kind>(
    object: &K,
    scope: &Scope,
    writes: Vec<Write>,
    observed: &mut K::Observed,
) -> Result<(), PassError> {
    let namespace = object.namespace().unwrap_or_default();
    if writes.iter().any(|write| write.job().is_some()) {
        confirm(&scope.client, &namespace, object).await?;
    }
    for write in writes {
        let applied = apply(&scope.client, &namespace, write, &scope.metrics).await?;
        K::absorb(observed, applied);
    }
    Ok(())
}

/// Records the plan's status, then tells its notes: nobody is told what is not recorded.
async fn conclude<K: Kind>(object: &K, scope: &Scope, plan: &Plan<K::Status>, now: Timestamp) -> Result<(), PassError> {
    let (uid, namespace) = (object.uid().unwrap_or_default(), object.namespace().unwrap_or_default());
    if plan.held_back {
        scope.memory.hold_back(&uid, now);
        return Ok(());
    }
    scope.memory.release(&uid);
    let Some(status) = &plan.status else { return Ok(()) };
    let version = record(&scope.client, &namespace, object, status, &scope.metrics).await?;
    scope.memory.wrote(&uid, &version);
    for note in &plan.notes {
        tell(&scope.client, &namespace, object, note, now, &scope.metrics).await;
    }
    Ok(())
}

fn std_duration(wait: SignedDuration) -> Duration {
    Duration::try_from(wait).unwrap_or_default()
}
