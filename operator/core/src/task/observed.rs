//! What the cluster holds for a task.

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{PersistentVolumeClaim, Pod, Service},
        networking::v1::Ingress,
    },
    jiff::Timestamp,
};
use kube::ResourceExt as _;
use sky_crd::{
    task::{NodeStatus, SkyTaskStatus},
    volume::SkyVolume,
};

use super::resources::Cluster;
use crate::plan::{AddressKind, Applied, Refusal};

/// An event about a Job or a pod, a warning or that an image is being pulled: what keeps a pod from coming or starting is told
/// nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Name of the Job or pod that it is about.
    pub about: String,
    /// The event's reason, such as `FailedCreate`.
    pub reason: String,
    /// The event's words.
    pub message: String,
    /// When it was last seen.
    pub at: Timestamp,
}

/// Everything that decides about a task, read at one moment. May hold more than the task's own: whoever reads it checks
/// owners.
#[derive(Clone, Debug, Default)]
pub struct ObservedTask {
    /// Jobs with the task's labels or names.
    pub jobs: Vec<Job>,
    /// Whether `jobs` was read from the API server itself in this pass and is whole: a Job that is not in there does not
    /// exist.
    pub jobs_are_live: bool,
    /// Whether Service and ConfigMap were deleted in this pass.
    pub extras_are_gone: bool,
    /// Pods with the task's labels.
    pub pods: Vec<Pod>,
    /// Such events about the task's Jobs and pods.
    pub warnings: Vec<Warning>,
    /// Volumes of the namespace.
    pub volumes: Vec<SkyVolume>,
    /// Claims of the namespace.
    pub claims: Vec<PersistentVolumeClaim>,
    /// The load balancer that has the name of the task's Service of ports.
    pub load_balancer: Option<Service>,
    /// The Ingress that has that name.
    pub ingress: Option<Ingress>,
    /// What is known of the cluster's machines.
    pub cluster: Cluster,
    /// Secrets that the task names and that do not exist.
    pub absent_secrets: Vec<String>,
    /// ConfigMaps that the task names and that do not exist.
    pub absent_config_maps: Vec<String>,
    /// The last write of this pass, if the cluster did not take it.
    pub refusal: Option<Refusal>,
    /// When the first change was noticed that is not recorded in the status yet.
    pub noticed: Option<Timestamp>,
}

impl ObservedTask {
    /// The nodes whose recorded Job is not among the observed ones. A cache may be older than the status, so whoever
    /// observes must ask the API server itself about these: a Job that is missing here counts as deleted.
    pub fn unseen<'a>(&'a self, status: &'a SkyTaskStatus) -> impl Iterator<Item = &'a NodeStatus> {
        let seen = |uid: &String| self.jobs.iter().any(|job| job.uid().as_ref() == Some(uid));
        let running = status.nodes.iter().filter(|node| !node.phase.is_final());
        running.filter(move |node| node.job_uid.as_ref().is_some_and(|uid| !seen(uid)))
    }

    /// Takes in what a write brought, so that the next plan builds on it and not on an older cache.
    pub fn absorb(&mut self, applied: Applied) {
        match applied {
            Applied::Job(job) => {
                self.jobs.retain(|known| known.name_any() != job.name_any());
                self.jobs.push(*job);
            }
            Applied::JobGone(uid) => self.jobs.retain(|known| known.uid().as_ref() != Some(&uid)),
            Applied::ExtrasGone => self.extras_are_gone = true,
            Applied::Service(service) => self.load_balancer = Some(*service).filter(is_load_balancer),
            Applied::Ingress(ingress) => self.ingress = Some(*ingress),
            Applied::AddressGone(AddressKind::Service) => self.load_balancer = None,
            Applied::AddressGone(AddressKind::Ingress) => self.ingress = None,
            Applied::Claim(_) | Applied::Other => {}
        }
    }
}

fn is_load_balancer(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}
