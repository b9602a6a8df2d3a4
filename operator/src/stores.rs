//! The caches: what is kept of the cluster, and what it is found by.

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Event, PersistentVolumeClaim, Pod, Service},
    networking::v1::Ingress,
};
use kube::{ResourceExt as _, runtime::reflector::store::Writer};
use sky_crd::{label, task::SkyTask, volume::SkyVolume};

use crate::index::Shelf;

/// The caches. Jobs and pods in there have lost their specifications: nothing decides on those.
#[derive(Clone)]
pub(crate) struct Stores {
    /// Tasks, also by the names of the volumes that they mount.
    pub(crate) tasks: Shelf<SkyTask>,
    /// Volumes, also by the name that tasks call them, and by their claim's.
    pub(crate) volumes: Shelf<SkyVolume>,
    pub(crate) jobs: Shelf<Job>,
    /// Pods, also by the id of their task.
    pub(crate) pods: Shelf<Pod>,
    /// Claims, also by the name of the volume on their label.
    pub(crate) claims: Shelf<PersistentVolumeClaim>,
    /// Warnings, also by the name of what they are about.
    pub(crate) warnings: Shelf<Event>,
    /// Events that an image is being pulled, also by the name of the pod.
    pub(crate) pulls: Shelf<Event>,
    /// Load balancers of ports; empty where tasks may have none.
    pub(crate) load_balancers: Shelf<Service>,
    /// Ingresses of ports; empty where tasks may have none.
    pub(crate) ingresses: Shelf<Ingress>,
}

/// The ends of the caches that the watches write to.
pub(crate) struct Writers {
    pub(crate) tasks: Writer<SkyTask>,
    pub(crate) volumes: Writer<SkyVolume>,
    pub(crate) jobs: Writer<Job>,
    pub(crate) pods: Writer<Pod>,
    pub(crate) claims: Writer<PersistentVolumeClaim>,
    pub(crate) warnings: Writer<Event>,
    pub(crate) pulls: Writer<Event>,
    pub(crate) load_balancers: Writer<Service>,
    pub(crate) ingresses: Writer<Ingress>,
}

impl Stores {
    /// Empty caches.
    pub(crate) fn new() -> (Self, Writers) {
        let (tasks, task_writer) = Shelf::new(mounted);
        let (volumes, volume_writer) = Shelf::new(called);
        let (jobs, job_writer) = Shelf::new(|_| Vec::new());
        let (pods, pod_writer) = Shelf::new(|pod: &Pod| on_label(pod.labels().get(label::TASK_ID)));
        let (claims, claim_writer) =
            Shelf::new(|claim: &PersistentVolumeClaim| on_label(claim.labels().get(label::VOLUME_NAME)));
        let about = |event: &Event| on_label(event.involved_object.name.as_ref());
        let (warnings, warning_writer) = Shelf::new(about);
        let (pulls, pull_writer) = Shelf::new(about);
        let (load_balancers, load_balancer_writer) = Shelf::new(|_| Vec::new());
        let (ingresses, ingress_writer) = Shelf::new(|_| Vec::new());
        let writers = Writers {
            tasks: task_writer,
            volumes: volume_writer,
            jobs: job_writer,
            pods: pod_writer,
            claims: claim_writer,
            warnings: warning_writer,
            pulls: pull_writer,
            load_balancers: load_balancer_writer,
            ingresses: ingress_writer,
        };
        (Self { tasks, volumes, jobs, pods, claims, warnings, pulls, load_balancers, ingresses }, writers)
    }

    /// Until every cache holds what the cluster holds. An error of one means that nothing watches for it, or that its watch
    /// has ended; the supervisor then ends the process.
    pub(crate) async fn filled(&self) {
        let all = (
            self.tasks.store().wait_until_ready(),
            self.volumes.store().wait_until_ready(),
            self.jobs.store().wait_until_ready(),
            self.pods.store().wait_until_ready(),
            self.claims.store().wait_until_ready(),
            self.warnings.store().wait_until_ready(),
            self.pulls.store().wait_until_ready(),
            self.load_balancers.store().wait_until_ready(),
            self.ingresses.store().wait_until_ready(),
        );
        let _ = tokio::join!(all.0, all.1, all.2, all.3, all.4, all.5, all.6, all.7, all.8);
    }
}

fn mounted(task: &SkyTask) -> Vec<String> {
    task.spec.volumes.iter().filter_map(|mount| mount.name.clone()).collect()
}

fn called(volume: &SkyVolume) -> Vec<String> {
    vec![volume.volume_name(), volume.claim_name()]
}

fn on_label(value: Option<&String>) -> Vec<String> {
    value.cloned().into_iter().collect()
}
