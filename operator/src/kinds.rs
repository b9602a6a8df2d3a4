//! The two kinds, as the pass sees them.

use k8s_openapi::{NamespaceResourceScope, jiff::Timestamp};
use kube::Resource;
use serde::{Serialize, de::DeserializeOwned};
use sky_crd::{
    task::{SkyTask, SkyTaskStatus},
    volume::{SkyVolume, SkyVolumeStatus},
};
use sky_operator_core::{
    plan::{Applied, Plan, Refusal},
    task::{self, InvalidTask, ObservedTask, Policy, ValidTask},
    volume::{self, InvalidVolume, ObservedVolume, ValidVolume},
};

use crate::{error::PassError, scope::Scope};

/// A kind that is reconciled: how it is observed, validated and planned.
pub(crate) trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + DeserializeOwned
    + std::fmt::Debug
    + Send
    + Sync
    + 'static
{
    type Status: Serialize + Send + Sync;
    type Valid: Send + Sync;
    type Invalid: Send + Sync;
    type Observed: Send + Sync;

    const NAME: &'static str;
    const RESOURCE: &'static str;

    fn observe(&self, scope: &Scope) -> impl Future<Output = Result<Self::Observed, PassError>> + Send;
    /// Reads from the API server itself the children whose absence a plan would rest on.
    fn prove(&self, scope: &Scope, observed: &mut Self::Observed)
    -> impl Future<Output = Result<(), PassError>> + Send;
    fn validate(&self, policy: &Policy) -> Result<Self::Valid, Self::Invalid>;
    fn plan(valid: &Self::Valid, observed: &Self::Observed, now: Timestamp) -> Plan<Self::Status>;
    fn plan_invalid(&self, error: &Self::Invalid, observed: &Self::Observed, now: Timestamp) -> Plan<Self::Status>;
    fn absorb(observed: &mut Self::Observed, applied: Applied);
    fn refuse(observed: &mut Self::Observed, refusal: Refusal);
}

impl Kind for SkyTask {
    type Status = SkyTaskStatus;
    type Valid = ValidTask;
    type Invalid = InvalidTask;
    type Observed = ObservedTask;

    const NAME: &'static str = "SkyTask";
    const RESOURCE: &'static str = "skytasks";

    async fn observe(&self, scope: &Scope) -> Result<ObservedTask, PassError> {
        scope.observe_task(self).await
    }

    async fn prove(&self, scope: &Scope, observed: &mut ObservedTask) -> Result<(), PassError> {
        observed.jobs = scope.live_jobs(self).await?;
        observed.jobs_are_live = true;
        Ok(())
    }

    fn validate(&self, policy: &Policy) -> Result<ValidTask, InvalidTask> {
        task::validate(self, policy)
    }

    fn plan(valid: &ValidTask, observed: &ObservedTask, now: Timestamp) -> Plan<SkyTaskStatus> {
        task::plan(valid, observed, now)
    }

    fn plan_invalid(&self, error: &InvalidTask, observed: &ObservedTask, now: Timestamp) -> Plan<SkyTaskStatus> {
        task::invalid(self, error, observed, now)
    }

    fn absorb(observed: &mut ObservedTask, applied: Applied) {
        observed.absorb(applied);
    }

    fn refuse(observed: &mut ObservedTask, refusal: Refusal) {
        observed.refusal = Some(refusal);
    }
}

impl Kind for SkyVolume {
    type Status = SkyVolumeStatus;
    type Valid = ValidVolume;
    type Invalid = InvalidVolume;
    type Observed = ObservedVolume;

    const NAME: &'static str = "SkyVolume";
    const RESOURCE: &'static str = "skyvolumes";

    async fn observe(&self, scope: &Scope) -> Result<ObservedVolume, PassError> {
        Ok(scope.observe_volume(self))
    }

    async fn prove(&self, _scope: &Scope, _observed: &mut ObservedVolume) -> Result<(), PassError> {
        // Nothing that is done for a volume rests on an absence: a claim that is there is adopted.
        Ok(())
    }

    fn validate(&self, _policy: &Policy) -> Result<ValidVolume, InvalidVolume> {
        volume::validate(self)
    }

    fn plan(valid: &ValidVolume, observed: &ObservedVolume, now: Timestamp) -> Plan<SkyVolumeStatus> {
        volume::plan(valid, observed, now)
    }

    fn plan_invalid(&self, error: &InvalidVolume, _: &ObservedVolume, now: Timestamp) -> Plan<SkyVolumeStatus> {
        volume::invalid(self, error, now)
    }

    fn absorb(observed: &mut ObservedVolume, applied: Applied) {
        observed.absorb(applied);
    }

    fn refuse(observed: &mut ObservedVolume, refusal: Refusal) {
        observed.refusal = Some(refusal);
    }
}
