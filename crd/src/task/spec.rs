//! What a user asks for.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EnvFrom, Lifecycle, Resources, SecretEnv, SkyTaskStatus, VolumeMount};
use crate::User;

/// A task: a setup and a run script on one or more nodes, each node one batch/v1 Job.
///
/// What is run cannot be changed after creation: a changed task is another task. How long it lives can.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "skytask.dev",
    version = "v1alpha1",
    kind = "SkyTask",
    plural = "skytasks",
    namespaced,
    doc = "A SkyPilot-style task: a setup and a run script on one or more nodes, each node one batch/v1 Job.",
    status = "SkyTaskStatus",
    derive = "PartialEq",
    shortname = "st",
    category = "sky",
    selectable = ".spec.user",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "What the task is doing"),
    printcolumn(
        name = "Nodes",
        type_ = "integer",
        json_path = ".spec.numNodes",
        description = "Nodes that the task has"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "True once it is what it was asked to be"
    ),
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user", description = "Whom the task belongs to"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since creation"
    ),
    printcolumn(
        name = "Exit",
        type_ = "integer",
        json_path = ".status.exitCode",
        priority = "1",
        description = "Exit code of the first node that failed, 0 on success"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = "1",
        description = "Why the task is in this state"
    ),
    printcolumn(
        name = "Machine",
        type_ = "string",
        json_path = ".status.machines",
        priority = "1",
        description = "Kubernetes nodes that the task's nodes run on"
    ),
    printcolumn(
        name = "Image",
        type_ = "string",
        json_path = ".spec.resources.imageId",
        priority = "1",
        description = "Container image asked for"
    ),
    printcolumn(
        name = "Duration",
        type_ = "string",
        json_path = ".status.duration",
        priority = "1",
        description = "Time from the start of the first container to the end, once there is one"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SkyTaskSpec {
    /// Id of the task: 8 lower-case hex digits. Without it, the first 8 digits of the object's UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{8}$"), length(min = 8, max = 8))]
    pub task_id: Option<String>,

    /// Name of the task, as its children and the API show it. Default: the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,

    /// Whom the task belongs to. The API shows a task only to its user; under kubectl the namespace is the trust boundary.
    #[serde(default = "User::default_name")]
    #[schemars(length(min = 1, max = 253))]
    pub user: String,

    /// Nodes that the task runs on at the same time; each becomes one Job with one pod.
    #[serde(default = "default_nodes")]
    #[schemars(range(min = 1, max = 1000))]
    pub num_nodes: u32,

    /// Directory in which setup and run start. Default: the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<Workdir>,

    /// What every node needs.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,

    /// Environment variables of setup and run. Values are taken literally: `$` has no meaning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub envs: BTreeMap<String, String>,

    /// Environment variables from keys of Secrets; they win over `envs`. The task waits until each Secret exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    pub secrets: Vec<SecretEnv>,

    /// Environment variables from whole Secrets and ConfigMaps; `envs` and `secrets` win over them, and the last of several
    /// over the others. The task waits until each of them exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub env_from: Vec<EnvFrom>,

    /// Files or buckets to be there before setup starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub file_mounts: Vec<FileMount>,

    /// Volumes to mount on every node. The task waits until each of them exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub volumes: Vec<VolumeMount>,

    /// Shell script that prepares a node. Run starts only if it ends with exit code 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 524_288))]
    pub setup: Option<String>,

    /// Shell script that does the work. Its exit code is the node's. Needed unless there is a setup.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 524_288))]
    pub run: Option<String>,

    /// Service account of the pods. No token is mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,

    /// Secrets with the credentials of private registries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub image_pull_secrets: Vec<ImagePullSecret>,

    /// Labels that a machine must have to run a node of this task.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints of machines that the task accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tolerations: Vec<Toleration>,

    /// Priority class of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Container runtime class of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub runtime_class_name: Option<String>,

    /// Seconds that scripts have to end after SIGTERM, whoever ends them: a stop, an eviction, a peer that failed.
    #[serde(default = "default_grace")]
    #[schemars(range(min = 1, max = 86_400))]
    pub grace_period_seconds: u32,

    /// Seconds that a node whose container has started waits for the containers of all others. Then the task fails.
    #[serde(default = "default_start")]
    #[schemars(range(min = 1, max = 604_800))]
    pub start_timeout_seconds: u32,

    /// Labels for the task's pods and Jobs. The product's own labels and those of queueing systems are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,

    /// Rank among tasks, from -1000 to 1000 (SkyPilot's `priority`). The operator's `--priority-class` says which
    /// priority class a rank has; without that, and where `priorityClassName` is given, it has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: Option<i32>,

    /// How the ports of `resources.ports` are reached. Default: as the operator's `--expose` says, which is inside the
    /// cluster unless its administrator says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,

    /// Changes of the pod, as YAML or JSON text, merged as SkyPilot merges `config.kubernetes.pod_config`: mappings field by
    /// field, lists item by item where items have a key (containers and volumes by name, variables by name, mounts by
    /// path), else appended. A container without name, or called `ray-node` or `task`, is the task's own. What gives the
    /// pod power over its machine or the cluster is refused unless the operator's `--allow-pod-config` names it.
    // Text, because a field that keeps anything keeps any depth, and one object nested deeper than a client reads hides
    // all others of its kind from that client's lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65_536))]
    pub pod_config: Option<String>,

    /// Stopping, pausing and trying again.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,
}

/// How the ports of a task are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expose {
    /// `ClusterIP`: inside the cluster, by a Service of rank 0. `LoadBalancer`: also by a load balancer of the cloud, one
    /// for all ports. `Ingress`: also by the cluster's ingress controller, for HTTP. The operator's `--allow-expose` says
    /// which of the last two there are.
    #[serde(rename = "type", default)]
    pub kind: ExposeType,
    /// Host name for `Ingress`, in which `{task}` is the task's id, and `{namespace}` and `{port}` are what they say. One of
    /// the operator's `--allow-ingress-host`. Default: the operator's `--ingress-host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub host: Option<String>,
    /// Class of the ingress, one of the operator's `--ingress-class`. Default: the first of those; without any, the
    /// cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub ingress_class_name: Option<String>,
    /// Annotations of the load balancer's Service or of the Ingress. Only keys that the operator's
    /// `--allow-expose-annotation` names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Expose {
    /// In this way, and whatever else the operator says.
    pub fn of(kind: ExposeType) -> Self {
        Self { kind, ..Self::default() }
    }
}

/// Which kind of address the ports of a task get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ExposeType {
    /// An address inside the cluster.
    #[default]
    ClusterIP,
    /// A load balancer of the cloud.
    LoadBalancer,
    /// Hosts or paths of the cluster's ingress controller.
    Ingress,
}

impl ExposeType {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::ClusterIP, Self::LoadBalancer, Self::Ingress];

    /// As it stands in the object.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::LoadBalancer => "LoadBalancer",
            Self::Ingress => "Ingress",
        }
    }

    /// The kind of this name, however it is capitalised: SkyPilot writes them in small letters.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// Where setup and run start: a directory in the container, or a git repository. Exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workdir {
    /// Directory in the container; made if it is missing. `~/` is the home directory of the image's user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub path: Option<String>,
    /// Repository to check out on every node, as `~/sky_workdir`, before setup starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
}

/// A git repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitSource {
    /// Address of the repository, which is fetched by https. A private one is read with the variable `GIT_TOKEN` out of
    /// `secrets` or `envs`; a password in the address is refused.
    #[schemars(length(min = 1, max = 4096))]
    pub url: String,
    /// Branch, tag or commit. Default: the repository's default branch. A branch that moves meanwhile may be at another
    /// commit on another node: name a commit where that matters.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub reference: Option<String>,
}

/// Something to be found at a path in the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileMount {
    /// Path in the container.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Where it comes from, such as `s3://bucket/path`.
    #[schemars(length(min = 1, max = 4096))]
    pub source: String,
    /// How it gets there: `COPY` or `MOUNT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub mode: Option<String>,
}

/// A Secret of type `kubernetes.io/dockerconfigjson` in the task's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagePullSecret {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A taint that the task accepts, as in a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// Key of the taint; without it, every taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 317))]
    pub key: Option<String>,
    /// `Equal` (default) or `Exists`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^(Equal|Exists)$"))]
    pub operator: Option<String>,
    /// Value of the taint, for `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; without it, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^(NoSchedule|PreferNoSchedule|NoExecute)$"))]
    pub effect: Option<String>,
    /// Seconds that a pod stays after a `NoExecute` taint has come. Default: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// Kubernetes' own default.
pub(crate) fn default_grace() -> u32 {
    30
}

pub(crate) fn default_start() -> u32 {
    600
}

fn default_nodes() -> u32 {
    1
}
