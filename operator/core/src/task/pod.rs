//! The pod of one node.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Affinity, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, LocalObjectReference,
        PersistentVolumeClaimVolumeSource, PodAffinityTerm, PodAntiAffinity, PodSpec, ResourceRequirements, Toleration,
        Volume, VolumeMount, WeightedPodAffinityTerm,
    },
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use sky_crd::{
    label,
    name::{self, TaskNames},
};

use super::{
    ValidTask, agent, checkout, entry, environment, literal::literal, lost, resources::Placement, scripts, tail,
    volumes::Mount,
};

/// Name of the one container.
pub(super) const CONTAINER: &str = "task";
const SHM: &str = "dshm";

/// The pod of node `index` in `attempt`.
pub(super) fn spec(task: &ValidTask, mounts: &[Mount], placement: &Placement, index: u32, attempt: u32) -> PodSpec {
    let several = task.nodes > 1;
    let secrets = task.spec.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() });
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(task.spec.grace_period_seconds.into()),
        hostname: several.then(|| TaskNames::hostname(index)),
        subdomain: several.then(|| task.names.service()),
        affinity: affinity(task, placement),
        security_context: task.pod_security.pod(),
        init_containers: non_empty(init_containers(task, placement)),
        containers: vec![container(task, mounts, placement, index, attempt)],
        volumes: Some(volumes(task, mounts, placement)),
        service_account_name: task.spec.service_account_name.clone(),
        image_pull_secrets: non_empty(secrets.collect()),
        node_selector: Some(task.spec.node_selector.clone()).filter(|selector| !selector.is_empty()),
        tolerations: non_empty(tolerations(task, placement)),
        priority_class_name: priority_class(task),
        runtime_class_name: task.spec.runtime_class_name.clone().or_else(|| placement.runtime_class.clone()),
        ..PodSpec::default()
    }
}

/// What has to be there before the task's container starts.
fn init_containers(task: &ValidTask, placement: &Placement) -> Vec<Container> {
    let resources = || without_devices(placement);
    agent::init_container(task, resources()).into_iter().chain(checkout::init_container(task, resources())).collect()
}

fn container(task: &ValidTask, mounts: &[Mount], placement: &Placement, index: u32, attempt: u32) -> Container {
    let mut entry = entry::entry_args(task.workdir.as_deref(), scripts::setup(task), scripts::run(task));
    entry.extend(checkout::directory(task).map(str::to_owned));
    let shell_option = std::iter::once("-c".to_owned());
    Container {
        name: CONTAINER.to_owned(),
        image: Some(placement.want.image.as_ref().unwrap_or(&task.default_image).clone()),
        command: Some(vec!["sh".to_owned()]),
        args: Some(shell_option.chain(entry.iter().map(|argument| literal(argument))).collect()),
        env: Some(environment::variables(task, placement, index, attempt)),
        env_from: environment::sources(task),
        resources: Some(placement.requirements()),
        volume_mounts: Some(volume_mounts(task, mounts)),
        readiness_probe: agent::readiness_probe(task),
        termination_message_policy: Some(tail::policy(&task.spec).to_owned()),
        security_context: Some(task.pod_security.container()),
        ..Container::default()
    }
}

/// A container that asks for a device gets one of its own.
fn without_devices(placement: &Placement) -> ResourceRequirements {
    let mut resources = placement.requirements();
    resources.limits = resources.requests.clone();
    resources
}

/// Shared memory that is memory (the runtime's default of 64 MiB breaks PyTorch's data loaders), the scripts that are too
/// long for an argument, the agent, the repository, and the user's volumes, each claim once.
fn volumes(task: &ValidTask, mounts: &[Mount], placement: &Placement) -> Vec<Volume> {
    let shm = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: placement.want.memory.as_ref().map(sky_crd::quantity::Amount::to_quantity),
    };
    let mut volumes = vec![Volume { name: SHM.to_owned(), empty_dir: Some(shm), ..Volume::default() }];
    if scripts::needs_config_map(task) {
        let source = ConfigMapVolumeSource { name: scripts::name(task), ..ConfigMapVolumeSource::default() };
        volumes.push(Volume { name: scripts::VOLUME.to_owned(), config_map: Some(source), ..Volume::default() });
    }
    volumes.extend(agent::volumes(task));
    volumes.extend(checkout::volume(task));
    for mount in mounts {
        let name = name::pod_volume(&mount.claim);
        if volumes.iter().all(|volume| volume.name != name) {
            let claim = PersistentVolumeClaimVolumeSource { claim_name: mount.claim.clone(), read_only: None };
            volumes.push(Volume { name, persistent_volume_claim: Some(claim), ..Volume::default() });
        }
    }
    volumes
}

fn volume_mounts(task: &ValidTask, mounts: &[Mount]) -> Vec<VolumeMount> {
    let at = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    let mut all = vec![at(SHM, "/dev/shm")];
    if scripts::needs_config_map(task) {
        all.push(VolumeMount { read_only: Some(true), ..at(scripts::VOLUME, scripts::MOUNT) });
    }
    all.extend(agent::volume_mounts(task));
    all.extend(checkout::volume_mount(task));
    let of_user = mounts.iter().map(|mount| VolumeMount {
        sub_path: mount.sub_path.clone(),
        ..at(&name::pod_volume(&mount.claim), &mount.path)
    });
    all.extend(of_user);
    all
}

/// Nodes of one task prefer different machines, so that each gets a machine's bandwidth; one machine will do.
fn apart(task: &ValidTask) -> PodAntiAffinity {
    let same_task = BTreeMap::from([(label::TASK_ID.to_owned(), task.id.to_string())]);
    let term = PodAffinityTerm {
        topology_key: "kubernetes.io/hostname".to_owned(),
        label_selector: Some(LabelSelector { match_labels: Some(same_task), ..LabelSelector::default() }),
        ..PodAffinityTerm::default()
    };
    let preferred = vec![WeightedPodAffinityTerm { weight: 100, pod_affinity_term: term }];
    PodAntiAffinity {
        preferred_during_scheduling_ignored_during_execution: Some(preferred),
        ..PodAntiAffinity::default()
    }
}

/// Where the pod may and should run.
fn affinity(task: &ValidTask, placement: &Placement) -> Option<Affinity> {
    let node_affinity = placement.node_affinity();
    let pod_anti_affinity = (task.nodes > 1).then(|| apart(task));
    (node_affinity.is_some() || pod_anti_affinity.is_some()).then(|| Affinity {
        node_affinity,
        pod_anti_affinity,
        ..Affinity::default()
    })
}

/// The user's, those of the machines that were chosen, and on several nodes those that keep the others from waiting for a
/// machine that is gone.
fn tolerations(task: &ValidTask, placement: &Placement) -> Vec<Toleration> {
    let of_user = &task.spec.tolerations;
    let bounds = lost::tolerations(of_user).filter(|_| task.nodes > 1);
    let mut all: Vec<Toleration> = of_user.iter().map(toleration).collect();
    let more: Vec<Toleration> =
        placement.tolerations.iter().filter(|toleration| !all.contains(toleration)).cloned().collect();
    all.extend(more);
    all.extend(bounds);
    all
}

/// The one that is named, else the one of the task's rank.
fn priority_class(task: &ValidTask) -> Option<String> {
    let of_rank = || task.placement.priority_class(task.spec.priority?).map(str::to_owned);
    task.spec.priority_class_name.clone().or_else(of_rank)
}

pub(super) fn toleration(toleration: &sky_crd::task::Toleration) -> Toleration {
    Toleration {
        key: toleration.key.clone(),
        operator: toleration.operator.clone(),
        value: toleration.value.clone(),
        effect: toleration.effect.clone(),
        toleration_seconds: toleration.toleration_seconds,
    }
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
