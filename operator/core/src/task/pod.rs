//! The pod of one node.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Affinity, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, LocalObjectReference,
        PersistentVolumeClaimVolumeSource, PodAffinityTerm, PodAntiAffinity, PodSpec, ResourceRequirements,
        SeccompProfile, SecurityContext, Toleration, Volume, VolumeMount, WeightedPodAffinityTerm,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector},
};
use sky_crd::{
    label,
    name::{self, TaskNames},
};

use super::{ValidTask, agent, entry, literal::literal, lost, scripts, volumes::Mount};

/// Name of the one container.
pub(super) const CONTAINER: &str = "task";
/// Resource of NVIDIA's device plugin (specification).
const GPU: &str = "nvidia.com/gpu";
/// torch's default rendezvous port.
const MASTER_PORT: &str = "29500";
const SHM: &str = "dshm";
const SCRIPTS: &str = "scripts";

/// The pod of node `index` in `attempt`.
pub(super) fn spec(task: &ValidTask, mounts: &[Mount], index: u32, attempt: u32) -> PodSpec {
    let several = task.nodes > 1;
    let secrets = task.spec.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() });
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(task.spec.grace_period_seconds.into()),
        hostname: several.then(|| TaskNames::hostname(index)),
        subdomain: several.then(|| task.names.service()),
        affinity: several.then(|| apart(task)),
        init_containers: agent::init_container(task, without_gpus(resources(task))).map(|container| vec![container]),
        containers: vec![container(task, mounts, index, attempt)],
        volumes: Some(volumes(task, mounts)),
        service_account_name: task.spec.service_account_name.clone(),
        image_pull_secrets: non_empty(secrets.collect()),
        node_selector: Some(task.spec.node_selector.clone()).filter(|selector| !selector.is_empty()),
        tolerations: non_empty(tolerations(task)),
        priority_class_name: task.spec.priority_class_name.clone(),
        runtime_class_name: task.spec.runtime_class_name.clone(),
        ..PodSpec::default()
    }
}

fn container(task: &ValidTask, mounts: &[Mount], index: u32, attempt: u32) -> Container {
    let entry = entry::entry_args(task.workdir.as_deref(), scripts::setup(task), scripts::run(task));
    let shell_option = std::iter::once("-c".to_owned());
    Container {
        name: CONTAINER.to_owned(),
        image: Some(task.image.clone()),
        command: Some(vec!["sh".to_owned()]),
        args: Some(shell_option.chain(entry.iter().map(|argument| literal(argument))).collect()),
        env: Some(environment(task, index, attempt)),
        resources: Some(resources(task)),
        volume_mounts: Some(volume_mounts(task, mounts)),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), ..SeccompProfile::default() }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// The user's variables, then ours: for the address of rank 0 the user's value wins, for ranks and counts ours does.
fn environment(task: &ValidTask, index: u32, attempt: u32) -> Vec<EnvVar> {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    if task.nodes > 1 {
        variables.insert("MASTER_ADDR".to_owned(), task.names.address(0));
        variables.insert("MASTER_PORT".to_owned(), MASTER_PORT.to_owned());
    }
    variables.extend(task.spec.envs.clone());
    let ours = [
        ("NODE_RANK", index.to_string()),
        ("NUM_NODES", task.nodes.to_string()),
        ("SKYPILOT_NODE_RANK", index.to_string()),
        ("SKYPILOT_NUM_NODES", task.nodes.to_string()),
        ("SKYPILOT_NUM_GPUS_PER_NODE", task.gpus.to_string()),
        ("SKYPILOT_TASK_ID", task.id.to_string()),
    ];
    variables.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    let variable = |(name, value): (String, String)| EnvVar { name, value: Some(literal(&value)), value_from: None };
    let of_agent = agent::environment(task, index, attempt);
    variables.into_iter().map(variable).chain(of_agent).collect()
}

/// Cores and memory as request and limit, GPUs as limit (specification, "Resource Handling").
fn resources(task: &ValidTask) -> ResourceRequirements {
    let amounts = [("cpu", &task.cpus), ("memory", &task.memory)];
    let requests: BTreeMap<String, Quantity> = amounts
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), amount.as_ref()?.to_quantity())))
        .collect();
    let mut limits = requests.clone();
    if task.gpus > 0 {
        limits.insert(GPU.to_owned(), Quantity(task.gpus.to_string()));
    }
    let some = |map: BTreeMap<_, _>| (!map.is_empty()).then_some(map);
    ResourceRequirements { requests: some(requests), limits: some(limits), ..ResourceRequirements::default() }
}

/// GPUs are devices: a container that asks for one gets one.
fn without_gpus(mut resources: ResourceRequirements) -> ResourceRequirements {
    resources.limits = resources.requests.clone();
    resources
}

/// Shared memory that is memory (the runtime's default of 64 MiB breaks PyTorch's data loaders), the scripts that are too
/// long for an argument, the agent, and the user's volumes, each claim once.
fn volumes(task: &ValidTask, mounts: &[Mount]) -> Vec<Volume> {
    let shm = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: task.memory.as_ref().map(sky_crd::quantity::Amount::to_quantity),
    };
    let mut volumes = vec![Volume { name: SHM.to_owned(), empty_dir: Some(shm), ..Volume::default() }];
    if scripts::needs_config_map(task) {
        let source = ConfigMapVolumeSource { name: task.names.scripts(), ..ConfigMapVolumeSource::default() };
        volumes.push(Volume { name: SCRIPTS.to_owned(), config_map: Some(source), ..Volume::default() });
    }
    volumes.extend(agent::volumes(task));
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
        all.push(VolumeMount { read_only: Some(true), ..at(SCRIPTS, scripts::MOUNT) });
    }
    all.extend(agent::volume_mounts(task));
    let of_user = mounts.iter().map(|mount| VolumeMount {
        sub_path: mount.sub_path.clone(),
        ..at(&name::pod_volume(&mount.claim), &mount.path)
    });
    all.extend(of_user);
    all
}

/// Nodes of one task prefer different machines, so that each gets a machine's bandwidth; one machine will do.
fn apart(task: &ValidTask) -> Affinity {
    let same_task = BTreeMap::from([(label::TASK_ID.to_owned(), task.id.to_string())]);
    let term = PodAffinityTerm {
        topology_key: "kubernetes.io/hostname".to_owned(),
        label_selector: Some(LabelSelector { match_labels: Some(same_task), ..LabelSelector::default() }),
        ..PodAffinityTerm::default()
    };
    let preferred = vec![WeightedPodAffinityTerm { weight: 100, pod_affinity_term: term }];
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(preferred),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

/// The user's, and on several nodes those that keep the others from waiting for a machine that is gone.
fn tolerations(task: &ValidTask) -> Vec<Toleration> {
    let of_user = &task.spec.tolerations;
    let bounds = lost::tolerations(of_user).filter(|_| task.nodes > 1);
    of_user.iter().map(toleration).chain(bounds).collect()
}

fn toleration(toleration: &sky_crd::task::Toleration) -> Toleration {
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
