//! A plan: what to write, as data.

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service},
        networking::v1::Ingress,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::OwnerReference},
    jiff::SignedDuration,
};
use serde_json::Value;
use sky_crd::condition::Reason;

/// What one reconcile does. A converged object has a plan without writes and without a status.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<Status> {
    /// Writes to children, to be applied in this order; the first failure ends the pass.
    pub writes: Vec<Write>,
    /// The new status, when it differs from the recorded one and the time to record it has come. Always `None` while
    /// there are writes: the status speaks of what has been written.
    pub status: Option<Status>,
    /// Notes to the user, to be published after the status was written.
    pub notes: Vec<Note>,
    /// When to look again without any change in the cluster.
    pub requeue: Option<SignedDuration>,
    /// Whether `status` was held back, so that changes that come together are recorded together.
    pub held_back: bool,
    /// Whether the next step rests on the absence of children, which no cache can prove: they must be read from the API
    /// server itself, and planned with again.
    pub doubt: bool,
}

/// One write to a child. Creation is create-or-adopt: an object of that name is taken for ours only if its controller is
/// the object we reconcile.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Creates the ConfigMap with a task's scripts.
    CreateScripts(Box<ConfigMap>),
    /// Creates the Service of a task's ports. Where the one that is there was made for something else, it is replaced.
    PutService(Box<Service>),
    /// Likewise the Ingress of a task's ports.
    PutIngress(Box<Ingress>),
    /// Deletes what a task's ports were reached by from outside.
    DeleteAddress {
        /// What it is.
        kind: AddressKind,
        /// Its name.
        name: String,
        /// UID that it must have.
        uid: String,
    },
    /// Creates the Service by which the nodes of a task find each other, and the Secret that they know each other by, with
    /// a random token of 64 hex digits in it. A Secret of that name is kept as it is: whether there is one is all that the
    /// operator may know of Secrets. It belongs to the Service, and so goes with it: nobody of ours may delete a Secret.
    CreateNetwork {
        /// The Service.
        service: Box<Service>,
        /// The Secret, without its token and its owner.
        token: Box<Secret>,
    },
    /// Creates the Job of a node.
    CreateJob(Box<Job>),
    /// Creates the Job of a node whose pod the user has changed.
    CreateChangedJob {
        /// What it would be without the changes: its name, its owner, its labels.
        job: Box<Job>,
        /// What is created: JSON, because our types would drop what they do not know.
        body: Box<Value>,
    },
    /// Deletes a Job and its pods. The Job goes last (foreground): once it is gone, none of its pods runs any more.
    DeleteJob {
        /// Name of the Job.
        name: String,
        /// UID that it must have.
        uid: String,
    },
    /// Deletes Services and ConfigMaps of a task, where they are its own.
    DeleteExtras {
        /// Names of Services.
        services: Vec<String>,
        /// Names of ConfigMaps.
        scripts: Vec<String>,
        /// UID of the task, which must control them.
        owner: String,
    },
    /// Deletes the task itself.
    DeleteTask {
        /// Name of the task.
        name: String,
        /// UID that it must have.
        uid: String,
    },
    /// Creates the claim of a volume.
    CreateClaim(Box<PersistentVolumeClaim>),
    /// Asks for more storage for a claim.
    GrowClaim {
        /// Name of the claim.
        claim: String,
        /// UID that the claim must have.
        uid: String,
        /// Version that the claim must have.
        resource_version: String,
        /// Size that it then asks for.
        size: Quantity,
    },
    /// Replaces the owners of a claim, so that it is deleted with its volume or outlives it.
    SetClaimOwners {
        /// Name of the claim.
        claim: String,
        /// UID that the claim must have.
        uid: String,
        /// Version that the claim must have: nobody else's owner may get lost.
        resource_version: String,
        /// All owners that it then has.
        owners: Vec<OwnerReference>,
    },
}

/// What ports are reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// A Service.
    Service,
    /// An Ingress.
    Ingress,
}

impl Write {
    /// The Job that this creates.
    pub fn job(&self) -> Option<&Job> {
        match self {
            Self::CreateJob(job) | Self::CreateChangedJob { job, .. } => Some(job),
            _ => None,
        }
    }
}

/// What a write brought: the object as the API server has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// A Job was created or adopted, or is on its way out.
    Job(Box<Job>),
    /// There is no Job of this UID any more.
    JobGone(String),
    /// The Service and the ConfigMap of the task are gone.
    ExtrasGone,
    /// The Service of the task's ports was created or is there.
    Service(Box<Service>),
    /// The Ingress of the task's ports was created or is there.
    Ingress(Box<Ingress>),
    /// What the task's ports were reached by is gone, or on its way out.
    AddressGone(AddressKind),
    /// A claim was created, adopted or changed.
    Claim(Box<PersistentVolumeClaim>),
    /// An object whose state decides nothing.
    Other,
}

/// A write that the cluster did not take, and that may not be tried again at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `Refused` or `NameConflict`.
    pub reason: Reason,
    /// The cluster's own words.
    pub message: String,
}

/// An Event to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether somebody should look.
    pub warning: bool,
    /// Why, as one word.
    pub reason: Reason,
    /// Why, as a sentence.
    pub message: String,
}

impl<Status> Plan<Status> {
    /// Nothing to do until something changes.
    pub fn idle() -> Self {
        Self { writes: Vec::new(), status: None, notes: Vec::new(), requeue: None, held_back: false, doubt: false }
    }

    /// Only these writes.
    pub fn of_writes(writes: Vec<Write>) -> Self {
        Self { writes, ..Self::idle() }
    }

    /// To be made again, once the children were read from the API server itself.
    pub fn in_doubt() -> Self {
        Self { doubt: true, ..Self::idle() }
    }

    /// Whether there is nothing to do at all.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.status.is_none() && self.notes.is_empty() && !self.doubt
    }
}
