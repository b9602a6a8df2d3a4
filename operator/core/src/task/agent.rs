//! The agent in the pods of a task of several nodes, by which they agree among themselves: how it gets there, and what it
//! is told. What it does is in `operator/agent/PROTOCOL.md`.

use k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvVar, Probe, ResourceRequirements, Secret, SecretVolumeSource, SecurityContext,
    TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::ObjectMeta;

use super::{
    ValidTask, child,
    environment::{of_pod, set},
    security,
};

/// What all of the agent's variables begin with; no variable of a user may.
pub(super) const PREFIX: &str = "SKY_AGENT";
/// The key in the Secret, and so the file below [`TOKEN_MOUNT`].
pub const TOKEN_KEY: &str = "token";

/// The program in our own image.
const PROGRAM: &str = "/sky-agent";
/// The user our image runs as, by number: the kubelet can then tell that it is not root.
const USER: i64 = 65_532;
const VOLUME: &str = "sky-agent";
const MOUNT: &str = "/sky/agent";
const INSTALLED: &str = "/sky/agent/sky-agent";
const TOKEN_VOLUME: &str = "sky-agent-token";
const TOKEN_MOUNT: &str = "/sky/token";
const TOKEN_FILE: &str = "/sky/token/token";
/// Where agents listen; a NetworkPolicy has to let the nodes of a task reach it on each other.
const PORT: u16 = 27_597;
/// What an agent opens when its node's setup is over. Only the machine's own kubelet dials it, which no NetworkPolicy keeps
/// from its pods.
const READY_PORT: u16 = 27_598;
/// Seconds between two looks of the kubelet, and until the first: a look that fails is an Event.
const LOOK: i32 = 10;
/// A setup that is over never runs again: a machine too busy to answer must not make it seem so. Ten days of silence.
const LOOKS: i32 = 86_400;
/// Seconds of silence after which a peer is lost.
pub(super) const LOST_SECONDS: u32 = 15;

/// Whether the task's nodes have something to agree on.
pub(super) fn is_needed(task: &ValidTask) -> bool {
    task.nodes > 1
}

/// Whether the task's containers are ready only once their setup is over. On one node nobody waits for it.
pub(super) fn shows_setup(task: &ValidTask) -> bool {
    is_needed(task) && task.spec.setup.as_ref().is_some_and(|setup| !setup.is_empty())
}

/// By which the kubelet sees the end of setup.
pub(super) fn readiness_probe(task: &ValidTask) -> Option<Probe> {
    let tcp_socket = TCPSocketAction { port: IntOrString::Int(READY_PORT.into()), host: None };
    shows_setup(task).then(|| Probe {
        tcp_socket: Some(tcp_socket),
        initial_delay_seconds: Some(LOOK),
        period_seconds: Some(LOOK),
        failure_threshold: Some(LOOKS),
        ..Probe::default()
    })
}

/// The Secret that the nodes of the task know each other by, without its token: that is random, and put in where the
/// Secret is created, so that no plan ever holds it.
///
/// The operator may create Secrets and not read them. One that is there already keeps its token: all nodes of an attempt
/// have the same, whenever the operator was interrupted. Its owner is the Service of the nodes, whose UID is known only once
/// that is created.
pub(super) fn token(task: &ValidTask) -> Option<Secret> {
    is_needed(task).then(|| Secret {
        metadata: ObjectMeta { owner_references: None, ..child::metadata(task, task.names.token(&task.owner.uid)) },
        immutable: Some(true),
        ..Secret::default()
    })
}

/// The container that brings the agent, whatever the user's image is. It may use as much as the task itself: the pod then
/// asks for no more than without it, and keeps its quality of service.
pub(super) fn init_container(task: &ValidTask, resources: ResourceRequirements) -> Option<Container> {
    is_needed(task).then(|| Container {
        name: VOLUME.to_owned(),
        image: Some(task.agent_image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some([PROGRAM, "install", MOUNT].map(str::to_owned).to_vec()),
        resources: Some(resources),
        volume_mounts: Some(vec![mount(VOLUME, MOUNT, None)]),
        security_context: Some(SecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            ..security::of_helper()
        }),
        ..Container::default()
    })
}

/// The agent's and the token's volume. Every user may read them: the image's is not known.
pub(super) fn volumes(task: &ValidTask) -> Vec<Volume> {
    if !is_needed(task) {
        return Vec::new();
    }
    let token = SecretVolumeSource {
        secret_name: Some(task.names.token(&task.owner.uid)),
        default_mode: Some(0o444),
        ..SecretVolumeSource::default()
    };
    vec![
        Volume { name: VOLUME.to_owned(), empty_dir: Some(EmptyDirVolumeSource::default()), ..Volume::default() },
        Volume { name: TOKEN_VOLUME.to_owned(), secret: Some(token), ..Volume::default() },
    ]
}

/// Where the task's container sees them.
pub(super) fn volume_mounts(task: &ValidTask) -> Vec<VolumeMount> {
    if !is_needed(task) {
        return Vec::new();
    }
    vec![mount(VOLUME, MOUNT, Some(true)), mount(TOKEN_VOLUME, TOKEN_MOUNT, Some(true))]
}

fn mount(volume: &str, path: &str, read_only: Option<bool>) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), read_only, ..VolumeMount::default() }
}

/// What the agent of node `index` is told, and by which the entry script knows that there is one.
pub(super) fn environment(task: &ValidTask, index: u32, attempt: u32) -> Vec<EnvVar> {
    if !is_needed(task) {
        return Vec::new();
    }
    let mut variables = vec![
        set("SKY_AGENT", INSTALLED),
        of_pod("SKY_AGENT_ADDRESS", "status.podIP"),
        set("SKY_AGENT_ATTEMPT", attempt.to_string()),
        set("SKY_AGENT_GRACE_SECONDS", task.spec.grace_period_seconds.to_string()),
        set("SKY_AGENT_LOST_SECONDS", LOST_SECONDS.to_string()),
        set("SKY_AGENT_NAMESPACE", &task.owner.namespace),
        set("SKY_AGENT_NODES", task.nodes.to_string()),
        set("SKY_AGENT_PORT", PORT.to_string()),
        set("SKY_AGENT_RANK", index.to_string()),
        set("SKY_AGENT_SERVICE", task.names.service()),
        set("SKY_AGENT_START_SECONDS", task.spec.start_timeout_seconds.to_string()),
        set("SKY_AGENT_TOKEN_FILE", TOKEN_FILE),
    ];
    variables.extend(shows_setup(task).then(|| set("SKY_AGENT_READY_PORT", READY_PORT.to_string())));
    variables
}
