//! What one controller works on: a namespace or all of them, and the caches of what is in there.

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{Event, PersistentVolumeClaim, Pod},
    },
    jiff::Timestamp,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::ListParams,
    runtime::reflector::{ObjectRef, Store},
};
use sky_crd::{
    label,
    task::{SkyTask, SkyTaskStatus},
    volume::SkyVolume,
};
use sky_operator_core::{
    plan::Applied,
    task::{KEPT_ATTEMPTS, ObservedTask, Policy, Warning, is_finished, resources::Cluster},
    volume::ObservedVolume,
};

use crate::{error::PassError, machines::Machines, memory::Memory, metrics::Metrics, request::within_deadline};

/// The caches. Jobs and pods in there have lost their specifications: nothing decides on those.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    pub(crate) tasks: Store<SkyTask>,
    pub(crate) volumes: Store<SkyVolume>,
    pub(crate) jobs: Store<Job>,
    pub(crate) pods: Store<Pod>,
    pub(crate) claims: Store<PersistentVolumeClaim>,
    pub(crate) warnings: Store<Event>,
}

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

    fn cached_task(&self, task: &SkyTask) -> ObservedTask {
        let namespace = task.namespace().unwrap_or_default();
        let names = names(task);
        let job = |name: &String| self.stores.jobs.get(&ObjectRef::new(name).within(&namespace));
        let id = task.task_id().to_string();
        let of_task =
            |pod: &Pod| pod.labels().get(label::TASK_ID) == Some(&id) && pod.namespace().as_ref() == Some(&namespace);
        let pods: Vec<Pod> = self.stores.pods.state_filter(of_task).into_iter().map(Arc::unwrap_or_clone).collect();
        let about: BTreeSet<_> = names.iter().cloned().chain(pods.iter().map(kube::ResourceExt::name_any)).collect();
        let told = |event: &Event| {
            event.namespace().as_ref() == Some(&namespace)
                && event.involved_object.name.as_ref().is_some_and(|name| about.contains(name))
        };
        ObservedTask {
            warnings: self.stores.warnings.state_filter(told).iter().map(|event| warning(event)).collect(),
            jobs: names.iter().filter_map(job).map(Arc::unwrap_or_clone).collect(),
            jobs_are_live: false,
            pods,
            volumes: if task.spec.volumes.is_empty() {
                Vec::new()
            } else {
                in_namespace(&self.stores.volumes, &namespace)
            },
            claims: if task.spec.volumes.is_empty() {
                Vec::new()
            } else {
                in_namespace(&self.stores.claims, &namespace)
            },
            // Nothing decides on machines any more once the Jobs are there.
            cluster: if task.status.as_ref().is_some_and(|status| has_all_jobs(task, status)) {
                Cluster::default()
            } else {
                self.machines.now()
            },
            refusal: None,
            noticed: self.memory.noticed(task.metadata.uid.as_deref().unwrap_or_default()),
        }
    }

    /// Everything in the caches that decides about a volume.
    pub(crate) fn observe_volume(&self, volume: &SkyVolume) -> ObservedVolume {
        let namespace = volume.namespace().unwrap_or_default();
        let claim = self.stores.claims.get(&ObjectRef::new(&volume.claim_name()).within(&namespace));
        let uses = |task: &SkyTask| {
            let finished = task.status.as_ref().is_some_and(is_finished);
            task.namespace().as_ref() == Some(&namespace) && !finished && uses(task, volume)
        };
        let mut used_by: Vec<_> = self.stores.tasks.state_filter(uses).iter().map(|task| task.name_any()).collect();
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

/// Whether the task names this volume.
pub(crate) fn uses(task: &SkyTask, volume: &SkyVolume) -> bool {
    task.spec.user == volume.spec.user && task.spec.volumes.iter().any(|mount| mount.name == volume.volume_name())
}

fn has_all_jobs(task: &SkyTask, status: &SkyTaskStatus) -> bool {
    status.nodes.iter().filter(|node| node.job_uid.is_some()).count() == task.spec.num_nodes as usize
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

fn in_namespace<K>(store: &Store<K>, namespace: &str) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let here = |object: &K| object.meta().namespace.as_deref() == Some(namespace);
    store.state_filter(here).into_iter().map(Arc::unwrap_or_clone).collect()
}
