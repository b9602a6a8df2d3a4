//! What a node needs.

use std::collections::BTreeMap;

/// One set of needs, or several of which one must be met.
#[derive(Clone, Debug, PartialEq)]
pub enum Alternatives {
    /// This.
    One(Box<Resources>),
    /// Any of these.
    AnyOf(Vec<Resources>),
    /// The first of these that can be had.
    Ordered(Vec<Resources>),
}

impl Default for Alternatives {
    fn default() -> Self {
        Self::One(Box::default())
    }
}

impl Alternatives {
    /// All of them, in the order in which they are written.
    pub fn all(&self) -> &[Resources] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::AnyOf(all) | Self::Ordered(all) => all,
        }
    }
}

/// What a node needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Where.
    pub infra: Infra,
    /// Cores.
    pub cpus: Option<Quantity>,
    /// Memory; a number counts gigabytes of 2^30 bytes.
    pub memory: Option<Quantity>,
    /// GPUs of one model.
    pub accelerators: Option<Accelerator>,
    /// Arguments for TPUs, as they are.
    pub accelerator_args: serde_json::Map<String, serde_json::Value>,
    /// Type of machine.
    pub instance_type: Option<String>,
    /// Spot machines.
    pub use_spot: Option<bool>,
    /// What happens when a node is lost.
    pub job_recovery: Option<JobRecovery>,
    /// Disk in gigabytes.
    pub disk_size: Option<i64>,
    /// Class of the disk.
    pub disk_tier: Option<String>,
    /// Class of the network.
    pub network_tier: Option<String>,
    /// Disk of the machine itself: its kind and gigabytes, as `nvme:100+`.
    pub local_disk: Option<String>,
    /// Most that an hour may cost.
    pub max_hourly_cost: Option<f64>,
    /// Ports, sorted, without overlap.
    pub ports: Vec<PortRange>,
    /// Image by region; the empty region is every one. SkyPilot's prefix `docker:` is not part of the image.
    pub image_id: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What happens when nothing runs any more.
    pub autostop: Option<Autostop>,
    /// Rank among the waiting, from -1000 to 1000.
    pub priority: Option<i64>,
    /// Class of the rank.
    pub priority_class: Option<String>,
    /// Disks of a machine on Google's cloud, as SkyPilot fills them in.
    pub disks: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// Where a task may run. Empty means anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Infra {
    /// Cloud, in lower case.
    pub cloud: Option<String>,
    /// Region; a context of Kubernetes.
    pub region: Option<String>,
    /// Zone.
    pub zone: Option<String>,
}

impl Infra {
    /// Whether a Kubernetes cluster can be meant.
    pub fn may_be_kubernetes(&self) -> bool {
        self.cloud.as_deref().is_none_or(|cloud| cloud == "kubernetes")
    }
}

/// An amount as SkyPilot or as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// A number.
    Number {
        /// The number.
        value: f64,
        /// Whether more will do.
        at_least: bool,
    },
    /// So many gigabytes of memory for each core.
    PerCore {
        /// The gigabytes.
        gigabytes: f64,
    },
    /// A Kubernetes quantity, taken as it is.
    Kubernetes(String),
}

/// So many devices of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Accelerator {
    /// Model, or an amount of memory (`40GB+`, `nvidia:40GB`); none is any GPU.
    pub name: Option<String>,
    /// Devices, perhaps a fraction of one.
    pub count: f64,
}

impl Accelerator {
    /// Whether the name says how much memory a device has, rather than which model it is.
    pub fn is_by_memory(&self) -> bool {
        let size = |text: &str| {
            let text = text.strip_suffix('+').unwrap_or(text).to_ascii_lowercase();
            let digits = ["gb", "mb", "tb"].iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        };
        self.name.as_deref().is_some_and(|name| name.rsplit(':').next().is_some_and(size))
    }
}

/// Ports from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

/// What happens when a node is lost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRecovery {
    /// Name of the strategy, in capitals.
    pub strategy: Option<String>,
    /// How often a failing task is started again.
    pub max_restarts_on_errors: Option<i64>,
    /// Exit codes after which a task is always started again.
    pub recover_on_exit_codes: Vec<i64>,
}

/// What happens when nothing runs any more.
#[derive(Clone, Debug, PartialEq)]
pub enum Autostop {
    /// Nothing.
    Never,
    /// The cluster stops.
    After {
        /// Idle minutes before that.
        idle_minutes: i64,
        /// Whether it is deleted.
        down: bool,
        /// What counts as idle.
        wait_for: Option<WaitFor>,
    },
}

/// What must have ended before a cluster counts as idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// Jobs and sessions.
    JobsAndSsh,
    /// Jobs.
    Jobs,
    /// Nothing.
    None,
}

impl WaitFor {
    /// As SkyPilot writes them.
    pub const WORDS: [&'static str; 3] = ["jobs_and_ssh", "jobs", "none"];

    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "jobs" => Self::Jobs,
            "none" => Self::None,
            _ => Self::JobsAndSsh,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::JobsAndSsh => "jobs_and_ssh",
            Self::Jobs => "jobs",
            Self::None => "none",
        }
    }
}
