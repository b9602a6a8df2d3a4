//! A task in its normal form: what SkyPilot's many spellings mean, each in one way.

mod resources;
mod serving;

pub use resources::{Accelerator, Alternatives, Autostop, Infra, JobRecovery, PortRange, Quantity, Resources, WaitFor};
pub use serving::{Pool, ReadinessProbe, Replicas, Service};

use std::collections::BTreeMap;

/// One task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Name.
    pub name: Option<String>,
    /// Where its scripts start.
    pub workdir: Option<Workdir>,
    /// Number of nodes, 1 or more.
    pub num_nodes: u32,
    /// What every node needs: one of these.
    pub resources: Alternatives,
    /// Environment variables, with Python's `str()` of their values.
    pub envs: BTreeMap<String, String>,
    /// Secrets: with their values, or as names of secrets that exist elsewhere.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Secrets that are mounted: name and path.
    pub managed_secrets: Vec<(String, String)>,
    /// Path in the container to what is there.
    pub file_mounts: BTreeMap<String, FileMount>,
    /// Path in the container to the volume that is there.
    pub volumes: BTreeMap<String, VolumeMount>,
    /// Script that prepares a node.
    pub setup: Option<String>,
    /// Script that does the work.
    pub run: Option<String>,
    /// Serving.
    pub service: Option<Service>,
    /// A pool of workers.
    pub pool: Option<Pool>,
    /// SkyPilot's configuration for this task, as it is.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Script for every change of status.
    pub event_callback: Option<String>,
    /// Address and size in gigabytes of what the task reads.
    pub inputs: Option<(String, f64)>,
    /// Address and size in gigabytes of what the task writes.
    pub outputs: Option<(String, f64)>,
    /// Whether the task may call the API server.
    pub api_server_access: Option<bool>,
}

impl Task {
    /// Paths in the container with the paths on the user's machine that they show. Whether these exist is for the
    /// caller to find out: nothing is read here.
    pub fn local_sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.file_mounts.iter().filter_map(|(path, mount)| match mount {
            // An address has a scheme. What goes into a bucket is looked at when the bucket is made.
            FileMount::Source(source) if !source.contains("://") => Some((path.as_str(), source.as_str())),
            _ => None,
        })
    }
}

/// Where scripts start.
#[derive(Clone, Debug, PartialEq)]
pub enum Workdir {
    /// A directory: of the user's machine, or of the container.
    Path(String),
    /// A git repository.
    Git {
        /// Its address.
        url: String,
        /// Branch, tag or commit.
        reference: Option<String>,
    },
}

/// What a path of the container shows.
#[derive(Clone, Debug, PartialEq)]
pub enum FileMount {
    /// A path of the user's machine or an address.
    Source(String),
    /// A bucket.
    Storage(Storage),
}

/// A bucket that is mounted or copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Name of the bucket.
    pub name: Option<String>,
    /// What is put into it, or its address.
    pub source: Vec<String>,
    /// Whether the source was written as a list.
    pub source_is_list: bool,
    /// Kind of store, in capitals.
    pub store: Option<String>,
    /// Whether it outlives the task.
    pub persistent: bool,
    /// How it comes into the container.
    pub mode: StorageMode,
    /// `bucket` or `volume`.
    pub kind: Option<String>,
    /// More about mounting.
    pub config: serde_json::Map<String, serde_json::Value>,
}

/// How a bucket comes into the container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageMode {
    /// As a file system.
    #[default]
    Mount,
    /// As a copy.
    Copy,
    /// As a file system with a local cache.
    MountCached,
}

/// A volume in the container.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeMount {
    /// A volume that exists.
    Named {
        /// Its name.
        name: String,
        /// The directory of it that is shown.
        sub_path: Option<String>,
    },
    /// A volume that lives as long as the task.
    Ephemeral {
        /// Its size in Gi, or a Kubernetes quantity.
        size: String,
        /// Kind of volume.
        kind: Option<String>,
        /// Labels.
        labels: BTreeMap<String, String>,
        /// Access mode, storage class.
        config: serde_json::Map<String, serde_json::Value>,
    },
}

/// A whole file: one task, or several that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Name of the whole.
    pub name: Option<String>,
    /// In which order.
    pub execution: Execution,
    /// The tasks; at least one.
    pub tasks: Vec<Task>,
}

/// In which order the tasks of a file run.
#[derive(Clone, Debug, PartialEq)]
pub enum Execution {
    /// One after another.
    Serial,
    /// All at once, as a job group.
    Parallel {
        /// The tasks whose end is the end of all; none means all.
        primary_tasks: Option<Vec<String>>,
        /// How long the others may live on: by name, or one for all under `default`.
        termination_delay: Option<TerminationDelay>,
        /// Whether the tasks find each other by name.
        inter_connection: Option<bool>,
    },
}

/// How long tasks live on after the primary ones.
#[derive(Clone, Debug, PartialEq)]
pub enum TerminationDelay {
    /// All the same.
    All(String),
    /// By task name; `default` is the others'.
    Each(BTreeMap<String, String>),
}
