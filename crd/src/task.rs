//! The resource `SkyTask`: a SkyPilot task as a Kubernetes object.

mod fields;
mod lifecycle;
mod mount;
mod resources;
mod run_hash;
mod secrets;
pub(crate) mod spec;
mod status;
mod why;

pub use fields::{IDENTITY, LIVE, RUN};
pub use lifecycle::{HealthyWhen, Lifecycle, UpdatePolicy};
pub use mount::{EphemeralVolume, InvalidMount, VolumeMount};
pub use resources::{Alternative, Resources};
pub use run_hash::{is_comparable, run_hash};
pub use secrets::{EnvFrom, SecretEnv};
pub use spec::{Expose, ExposeType, FileMount, GitSource, ImagePullSecret, SkyTask, SkyTaskSpec, Toleration, Workdir};
pub use status::{
    ChosenResources, Endpoint, NodePhase, NodeStatus, PeerEnd, SkyTaskStatus, TaskAttempt, TaskEnding, TaskPhase,
    TriedResources,
};
pub use why::{PendingNodes, TaskFailure, TaskPending};

use kube::ResourceExt as _;

use crate::{InvalidUser, TaskId, User, name::TaskNames};

impl SkyTask {
    /// The task's id: `spec.taskId`, else the first eight digits of the UID.
    pub fn task_id(&self) -> TaskId {
        let written = self.spec.task_id.as_deref().and_then(|id| id.parse().ok());
        written.unwrap_or_else(|| TaskId::from_uid(self.metadata.uid.as_deref().unwrap_or_default()))
    }

    /// The task's name: `spec.name`, else the object's.
    pub fn task_name(&self) -> String {
        self.spec.name.clone().unwrap_or_else(|| self.name_any())
    }

    /// Whom the task belongs to.
    pub fn user(&self) -> Result<User, InvalidUser> {
        self.spec.user.parse()
    }

    /// Nodes of the attempt that the status speaks of; before there is one, those asked for.
    pub fn nodes(&self) -> u32 {
        let recorded = self.status.as_ref().map_or(0, |status| status.nodes.len());
        if recorded == 0 { self.spec.num_nodes } else { u32::try_from(recorded).unwrap_or(u32::MAX) }
    }

    /// Names of the task's children.
    pub fn names(&self) -> TaskNames {
        TaskNames::new(&self.task_id(), &self.task_name(), self.nodes())
    }
}
