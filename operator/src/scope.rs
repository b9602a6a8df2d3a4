//! What one controller works on: a namespace or all of them, and the caches of what is in there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{Event, PersistentVolumeClaim},
    },
    jiff::Timestamp,
};
use kube::{Api, Client, Resource, ResourceExt as _, api::ListParams};
use sky_crd::{
    label,
    task::{SkyTask, SkyTaskStatus},
    volume::SkyVolume,
};
use sky_operator_core::{
    plan::Applied,
    task::{
        KEPT_ATTEMPTS, ObservedTask, Policy, Warning, is_finished, named_config_maps, named_secrets, resources::Cluster,
    },
    volume::ObservedVolume,
};

use crate::{
    error::PassError, exists, machines::Machines, memory::Memory, metrics::Metrics, request::within_deadline,
    stores::Stores,
};

/// Everything that a pass needs.
pub(crate) struct Scope {
    pub(crate) client: Client,
    /// The namespace; `None` for all.
    pub(crate) namespace: Option<String>,
    pub(crate) stores: Stores,
    pub(crate) memory: Memory,
    pub(crate) policy: Policy,
    pub(crate) machines: Machines,
    pub(crate) metrics: Metrics,
    /// The clock; an argument, so that a test can turn it.
    pub(crate) clock: fn() -> Timestamp,
    /// A number in 0..1 that spreads retries.
    pub(crate) jitter: fn() -> f64,
}

/// The API of a kind in a scope's namespace, or in all.
pub(crate) fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

impl Scope {
    /// Everything that decides about a task: from the caches, and from the API server itself where a cache would have to
    /// prove an absence.
    pub(crate) async fn observe_task(&self, task: &SkyTask) -> Result<ObservedTask, PassError> {
        let mut observed = self.cached_task(task);
        let status = task.status.clone().unwrap_or_default();
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &task.namespace().unwrap_or_default());
        self.look_for_named(task, &mut observed).await?;
        let unseen: Vec<_> = observed.unseen(&status).filter_map(|node| node.job.clone()).collect();
        for name in unseen {
            if let Some(job) = within_deadline("read a Job", jobs.get_opt(&name)).await? {
                observed.absorb(Applied::Job(Box::new(job)));
            }
        }
        Ok(observed)
    }

    /// All Jobs with the task's labels, as the API server has them now, whatever they are named.
    pub(crate) async fn live_jobs(&self, task: &SkyTask) -> Result<Vec<Job>, PassError> {
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &task.namespace().unwrap_or_default());
        let of_task = ListParams::default().labels(&format!("{}={}", label::TASK_ID, task.task_id()));
        Ok(within_deadline("list the task's Jobs", jobs.list(&of_task)).await?.items)
    }

    /// Which Secrets and ConfigMaps that the task names are absent: asked until its Jobs are recorded.
    async fn look_for_named(&self, task: &SkyTask, observed: &mut ObservedTask) -> Result<(), PassError> {
        let status = task.status.as_ref();
        if status.is_some_and(|status| is_finished(status) || status.has_jobs()) {
            return Ok(());
        }
        let namespace = task.namespace().unwrap_or_default();
        for name in named_secrets(task) {
            if !exists::secret(&self.client, &namespace, &name).await? {
                observed.absent_secrets.push(name);
            }
        }
        for name in named_config_maps(&task.spec) {
            if !exists::config_map(&self.client, &namespace, &name).await? {
                observed.absent_config_maps.push(name);
            }
        }
        Ok(())
    }

    fn cached_task(&self, task: &SkyTask) -> ObservedTask {
        let (stores, namespace) = (&self.stores, task.namespace().unwrap_or_default());
        let names = names(task);
        let pods = owned(stores.pods.find(&namespace, task.task_id().as_str()));
        let ports = task.names().ports();
        let of_children = names.iter().chain([&ports]).cloned();
        let about: BTreeSet<_> = of_children.chain(pods.iter().map(kube::ResourceExt::name_any)).collect();
        let told = |name: &String| [&stores.warnings, &stores.pulls].map(|events| events.find(&namespace, name));
        let (volumes, claims) = self.named_volumes(task, &namespace);
        ObservedTask {
            warnings: about.iter().flat_map(told).flatten().map(|event| warning(&event)).collect(),
            jobs: owned(names.iter().filter_map(|name| stores.jobs.get(&namespace, name))),
            jobs_are_live: false,
            extras_are_gone: false,
            pods,
            volumes,
            claims,
            load_balancer: stores.load_balancers.get(&namespace, &ports).map(Arc::unwrap_or_clone),
            ingress: stores.ingresses.get(&namespace, &ports).map(Arc::unwrap_or_clone),
            cluster: if needs_machines(task) { self.machines.now() } else { Cluster::default() },
            absent_secrets: Vec::new(),
            absent_config_maps: Vec::new(),
            refusal: None,
            noticed: self.memory.noticed(task.metadata.uid.as_deref().unwrap_or_default()),
        }
    }

    /// Everything that a name of a volume in the task may mean: volumes called so and their claims, claims with such a
    /// label, and claims of that very name.
    fn named_volumes(&self, task: &SkyTask, namespace: &str) -> (Vec<SkyVolume>, Vec<PersistentVolumeClaim>) {
        let stores = &self.stores;
        let names: BTreeSet<_> = task.spec.volumes.iter().filter_map(|mount| mount.name.as_deref()).collect();
        let volumes = owned(names.iter().flat_map(|name| stores.volumes.find(namespace, name)));
        let labelled = names.iter().flat_map(|name| stores.claims.find(namespace, name));
        let literal = names.iter().filter_map(|name| stores.claims.get(namespace, name));
        let served = volumes.iter().filter_map(|volume| stores.claims.get(namespace, &volume.claim_name()));
        let claims: BTreeMap<_, _> =
            labelled.chain(literal).chain(served).map(|claim| (claim.name_any(), claim)).collect();
        (volumes, owned(claims.into_values()))
    }

    /// Everything in the caches that decides about a volume.
    pub(crate) fn observe_volume(&self, volume: &SkyVolume) -> ObservedVolume {
        let namespace = volume.namespace().unwrap_or_default();
        let claim = self.stores.claims.get(&namespace, &volume.claim_name());
        let uses = |task: &Arc<SkyTask>| !task.status.as_ref().is_some_and(is_finished) && uses(task, volume);
        let naming = self.stores.tasks.find(&namespace, &volume.volume_name());
        let mut used_by: Vec<_> = naming.into_iter().filter(uses).map(|task| task.name_any()).collect();
        used_by.sort();
        // The status holds so many; which of more does not matter to a reader.
        used_by.truncate(100);
        ObservedVolume {
            claim: claim.map(Arc::unwrap_or_clone),
            used_by,
            refusal: None,
            noticed: self.memory.noticed(volume.metadata.uid.as_deref().unwrap_or_default()),
        }
    }
}

/// Names of the Jobs that the task may have: those of the current attempt, and of earlier ones as far as they are kept.
fn names(task: &SkyTask) -> Vec<String> {
    let current = task.status.as_ref().and_then(|status| status.attempt).unwrap_or(0);
    // One more, which is to be deleted.
    let first = current.saturating_sub(KEPT_ATTEMPTS + 1);
    let names = task.names();
    (first..=current).flat_map(|attempt| names.jobs(attempt)).collect()
}

/// Whether anything is said or decided about machines: not all nodes have one, or one of those that run may have lost its own.
fn needs_machines(task: &SkyTask) -> bool {
    let has_all = |status: &SkyTaskStatus| status.has_all_jobs(task.spec.num_nodes) && status.pending_nodes == Some(0);
    let loses = |status: &SkyTaskStatus| status.failure.is_some() && status.running_nodes != Some(0);
    task.status.as_ref().is_none_or(|status| !has_all(status) || loses(status))
}

/// Whether the task names this volume.
pub(crate) fn uses(task: &SkyTask, volume: &SkyVolume) -> bool {
    let name = Some(volume.volume_name());
    task.spec.user == volume.spec.user && task.spec.volumes.iter().any(|mount| mount.name == name)
}

fn warning(event: &Event) -> Warning {
    let stamps = [event.last_timestamp.as_ref().map(|time| time.0), event.event_time.as_ref().map(|time| time.0)];
    Warning {
        about: event.involved_object.name.clone().unwrap_or_default(),
        reason: event.reason.clone().unwrap_or_default(),
        message: event.message.clone().unwrap_or_default(),
        at: stamps.into_iter().flatten().max().unwrap_or_default(),
    }
}

fn owned<K: Clone>(found: impl IntoIterator<Item = Arc<K>>) -> Vec<K> {
    found.into_iter().map(Arc::unwrap_or_clone).collect()
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
