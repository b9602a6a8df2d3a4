//! The watches: what is read, what is kept of it, and which object's pass a change triggers.
//!
//! Every watch has its own reflector, and triggers are plain references in a channel: kube's shared streams lose wake-ups
//! when an object is deleted before it was polled.

use std::fmt::Debug;

use futures::{Stream, StreamExt as _, TryStreamExt as _, channel::mpsc::UnboundedSender, future};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{Container, Event, PersistentVolumeClaim, Pod, PodSpec},
    },
};
use kube::{
    Client, Resource, ResourceExt as _,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt as _,
        reflector::{ObjectRef, Store, store::Writer},
        watcher::{self, Event as Seen},
    },
};
use serde::de::DeserializeOwned;
use sky_crd::{label, task::SkyTask, volume::SkyVolume};
use sky_operator_core::task::is_finished;

use crate::{
    index::Shelf,
    metrics::Metrics,
    scope::{api, uses},
    stores::Stores,
};

/// Where changes are sent: the passes to be made.
#[derive(Clone, Debug)]
pub(crate) struct Triggers {
    pub(crate) tasks: UnboundedSender<ObjectRef<SkyTask>>,
    pub(crate) volumes: UnboundedSender<ObjectRef<SkyVolume>>,
}

impl Triggers {
    /// A closed channel means that the controller has stopped, and so does this watch in a moment.
    fn task(&self, task: ObjectRef<SkyTask>) {
        drop(self.tasks.unbounded_send(task));
    }

    fn volume(&self, volume: &SkyVolume) {
        drop(self.volumes.unbounded_send(ObjectRef::from_obj(volume)));
    }

    /// A task concerns itself and the volumes that it names.
    pub(crate) fn on_task(&self, task: &SkyTask, stores: &Stores) {
        self.task(ObjectRef::from_obj(task));
        let namespace = task.namespace().unwrap_or_default();
        for name in task.spec.volumes.iter().filter_map(|mount| mount.name.as_ref()) {
            let named = stores.volumes.find(&namespace, name);
            named.iter().filter(|volume| uses(task, volume)).for_each(|volume| self.volume(volume));
        }
    }

    /// A volume concerns itself and the tasks that may wait for it.
    pub(crate) fn on_volume(&self, volume: &SkyVolume, stores: &Stores) {
        self.volume(volume);
        self.on_waiting_tasks(volume, &[volume.volume_name(), volume.claim_name()], stores);
    }

    /// A Job concerns the task that controls it.
    pub(crate) fn on_job(&self, job: &Job, _stores: &Stores) {
        if let Some(task) = job.annotations().get(label::TASK_OBJECT) {
            self.task(ObjectRef::new(task).within(&job.namespace().unwrap_or_default()));
        }
    }

    /// A pod concerns the task of its Job.
    pub(crate) fn on_pod(&self, pod: &Pod, _stores: &Stores) {
        if let Some(task) = pod.annotations().get(label::TASK_OBJECT) {
            self.task(ObjectRef::new(task).within(&pod.namespace().unwrap_or_default()));
        }
    }

    /// A claim concerns the volumes that it serves and the tasks that may wait for it.
    pub(crate) fn on_claim(&self, claim: &PersistentVolumeClaim, stores: &Stores) {
        let (namespace, name) = (claim.namespace().unwrap_or_default(), claim.name_any());
        let served: Vec<_> = stores.volumes.find(&namespace, &name);
        served.iter().filter(|volume| volume.claim_name() == name).for_each(|volume| self.volume(volume));
        let called = served.iter().map(|volume| volume.volume_name());
        let names: Vec<_> = called.chain(claim.labels().get(label::VOLUME_NAME).cloned()).chain([name]).collect();
        self.on_waiting_tasks(claim, &names, stores);
    }

    /// A warning, or that an image is being pulled, concerns the task of the Job, pod or load balancer that it is
    /// about.
    pub(crate) fn on_warning(&self, event: &Event, stores: &Stores) {
        let about = &event.involved_object;
        let (name, namespace) = (about.name.clone().unwrap_or_default(), event.namespace().unwrap_or_default());
        match about.kind.as_deref() {
            Some("Job") => {
                stores.jobs.get(&namespace, &name).iter().for_each(|job| self.on_job(job, stores));
            }
            Some("Pod") => {
                stores.pods.get(&namespace, &name).iter().for_each(|pod| self.on_pod(pod, stores));
            }
            Some("Service") => {
                if let Some(service) = stores.load_balancers.get(&namespace, &name) {
                    self.on_address(&*service, stores);
                }
            }
            _ => {}
        }
    }

    /// What ports are reached by concerns the task that controls it.
    pub(crate) fn on_address<K: Resource>(&self, address: &K, _stores: &Stores) {
        let owners = address.meta().owner_references.iter().flatten();
        let tasks = owners.filter(|owner| owner.controller == Some(true) && owner.kind == SkyTask::kind(&()));
        let namespace = address.meta().namespace.clone().unwrap_or_default();
        tasks.for_each(|owner| self.task(ObjectRef::new(&owner.name).within(&namespace)));
    }

    /// Tasks that have not started, and that name a volume or claim so.
    fn on_waiting_tasks<K: Resource>(&self, changed: &K, names: &[String], stores: &Stores) {
        let namespace = changed.meta().namespace.clone().unwrap_or_default();
        let waits = |task: &SkyTask| {
            let status = task.status.clone().unwrap_or_default();
            status.nodes.iter().all(|node| node.job_uid.is_none()) && !is_finished(&status)
        };
        for name in names {
            let tasks = stores.tasks.find(&namespace, name);
            tasks.iter().filter(|task| waits(task)).for_each(|task| self.task(ObjectRef::from_obj(&**task)));
        }
    }
}

/// What can be watched: any namespaced kind.
pub(crate) trait Watched:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static
{
}

impl<K> Watched for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + Debug
        + Send
        + Sync
        + 'static
{
}

/// One watch.
pub(crate) struct Watch<K: Watched> {
    /// Plural of the resource, for logs and metrics.
    pub(crate) resource: &'static str,
    /// Narrows the watch by labels; empty for everything.
    pub(crate) labels: &'static str,
    /// Narrows the watch by fields; empty for everything.
    pub(crate) fields: &'static str,
    /// Drops what nothing decides on, before the object is kept.
    pub(crate) prune: fn(&mut K),
    /// The cache, and its end to write to.
    pub(crate) cache: (Shelf<K>, Writer<K>),
    /// Called when an object has changed, come or gone.
    pub(crate) changed: fn(&Triggers, &K, &Stores),
}

impl<K: Watched> Watch<K> {
    /// A watch of all objects.
    pub(crate) fn of(
        resource: &'static str,
        cache: (Shelf<K>, Writer<K>),
        prune: fn(&mut K),
        changed: fn(&Triggers, &K, &Stores),
    ) -> Self {
        Self { resource, labels: "", fields: "", prune, cache, changed }
    }

    /// Keeps the cache and sends triggers, for ever. `gone` hears of every object that was deleted.
    pub(crate) async fn run(
        self,
        client: Client,
        namespace: Option<String>,
        stores: Stores,
        triggers: Triggers,
        metrics: Metrics,
        gone: impl Fn(&K),
    ) {
        let (cache, writer) = self.cache;
        let events =
            readable::<K>(&client, namespace.as_deref(), (self.labels, self.fields), self.resource, metrics.clone());
        let prune = self.prune;
        let pruned = events.map_ok(move |event| event.modify(prune));
        let kept = pruned.reflect(writer).inspect_ok(|seen| cache.note(seen));
        let changed = self.changed;
        kept.for_each(|event| {
            match event {
                Ok(Seen::Apply(object)) => changed(&triggers, &object, &stores),
                Ok(Seen::Delete(object)) => {
                    gone(&object);
                    changed(&triggers, &object, &stores);
                }
                // Objects of a new listing are in the cache only now.
                Ok(Seen::InitDone) => all_changed(cache.store(), |object| changed(&triggers, object, &stores)),
                Ok(Seen::Init | Seen::InitApply(_)) => {}
                Err(error) => {
                    metrics.watch_broke(self.resource);
                    tracing::warn!(%error, resource = self.resource, "a watch broke; it is opened again");
                }
            }
            future::ready(())
        })
        .await;
    }
}

fn all_changed<K: Watched>(reader: &Store<K>, changed: impl Fn(&K)) {
    for object in reader.state() {
        changed(&object);
    }
}

/// The events of a watch without the objects that cannot be read: one bad object must not hide the others.
fn readable<K: Watched>(
    client: &Client,
    namespace: Option<&str>,
    (labels, fields): (&str, &str),
    resource: &'static str,
    metrics: Metrics,
) -> impl Stream<Item = Result<Seen<K>, watcher::Error>> + Send + use<K> {
    let api = api::<DeserializeGuard<K>>(client, namespace);
    let config = watcher::Config::default().labels(labels).fields(fields);
    let open = move |DeserializeGuard(object): DeserializeGuard<K>| {
        object
            .inspect_err(|error| {
                metrics.could_not_read(resource);
                let name = error.metadata.name.as_deref().unwrap_or_default();
                tracing::warn!(resource, name, %error, "an object cannot be read and is ignored");
            })
            .ok()
    };
    let open = move |event| match event {
        Seen::Apply(object) => open(object).map(Seen::Apply),
        Seen::InitApply(object) => open(object).map(Seen::InitApply),
        Seen::Delete(object) => open(object).map(Seen::Delete),
        Seen::Init => Some(Seen::Init),
        Seen::InitDone => Some(Seen::InitDone),
    };
    watcher::watcher(api, config).default_backoff().try_filter_map(move |event| future::ready(Ok(open(event))))
}

/// Half of an object's metadata, and nothing decides on it.
pub(crate) fn without_managed_fields<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// An event of which only what it says is kept.
pub(crate) fn words_only(event: &mut Event) {
    without_managed_fields(event);
    event.source = None;
}

/// A Job without its template.
pub(crate) fn without_template(job: &mut Job) {
    without_managed_fields(job);
    job.spec = None;
}

/// A pod of which only its machine and its image are kept of the specification; while it has no machine, also what it asks
/// of one.
pub(crate) fn without_spec(pod: &mut Pod) {
    without_managed_fields(pod);
    if let Some(spec) = pod.spec.take() {
        let waits = spec.node_name.is_none();
        let kept = |container: Container| Container {
            name: container.name,
            image: container.image,
            resources: container.resources.filter(|_| waits),
            ..Container::default()
        };
        pod.spec = Some(PodSpec {
            node_name: spec.node_name,
            containers: spec.containers.into_iter().map(kept).collect(),
            affinity: spec.affinity.filter(|_| waits),
            node_selector: spec.node_selector.filter(|_| waits),
            tolerations: spec.tolerations.filter(|_| waits),
            ..PodSpec::default()
        });
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
