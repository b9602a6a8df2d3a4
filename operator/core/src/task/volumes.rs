//! Which claim a named volume is, and the claims of those that are made for a task.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::{ResourceExt as _, core::ObjectMeta};
use sky_crd::{condition::Reason, label, task::VolumeMount, volume::SkyVolume};

use super::ValidTask;
use crate::volume::belongs_to;

/// A claim at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Path in the container.
    pub(super) path: String,
    /// Claim to mount.
    pub(super) claim: String,
    /// Directory inside it.
    pub(super) sub_path: Option<String>,
}

/// Why a named volume cannot be mounted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unresolved {
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// The claims of all named volumes, in the order of the specification of the task, or why the first has none.
pub(super) fn resolve(
    task: &ValidTask,
    volumes: &[SkyVolume],
    claims: &[PersistentVolumeClaim],
) -> Result<Vec<Mount>, Unresolved> {
    let mount = |wanted: &VolumeMount| {
        let claim = match &wanted.name {
            Some(name) => claim_of(task, name, volumes, claims)?,
            None => task.names.volume(&wanted.mount_path),
        };
        Ok(Mount { path: in_container(&wanted.mount_path), claim, sub_path: wanted.sub_path.clone() })
    };
    task.spec.volumes.iter().map(mount).collect()
}

/// The claims of the volumes that are made for the task. They belong to it, and so go when it does.
pub(super) fn made_for(task: &ValidTask) -> impl Iterator<Item = PersistentVolumeClaim> {
    let claim = move |mount: &VolumeMount| {
        let volume = mount.ephemeral.as_ref()?;
        let mut labels = volume.labels.clone();
        labels.extend(label::task_labels(&task.id, &task.name, &task.user));
        let requests = BTreeMap::from([("storage".to_owned(), Quantity(volume.size.clone()))]);
        Some(PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(task.names.volume(&mount.mount_path)),
                namespace: Some(task.owner.namespace.clone()),
                labels: Some(labels),
                owner_references: Some(vec![task.owner.reference.clone()]),
                ..ObjectMeta::default()
            },
            spec: Some(PersistentVolumeClaimSpec {
                access_modes: Some(volume.access_modes.iter().map(|mode| mode.as_str().to_owned()).collect()),
                storage_class_name: volume.storage_class.clone(),
                resources: Some(VolumeResourceRequirements { requests: Some(requests), limits: None }),
                ..PersistentVolumeClaimSpec::default()
            }),
            status: None,
        })
    };
    task.spec.volumes.iter().filter_map(claim)
}

/// The user's SkyVolume of this name, the oldest when there are several; else a claim that the original made; else the
/// claim of this name, unless it is another user's (specification, "Resolution Strategy").
fn claim_of(
    task: &ValidTask,
    name: &str,
    volumes: &[SkyVolume],
    claims: &[PersistentVolumeClaim],
) -> Result<String, Unresolved> {
    let of_user = volumes.iter().filter(|volume| {
        volume.user().is_ok_and(|user| user == task.user)
            && volume.volume_name() == name
            && volume.metadata.deletion_timestamp.is_none()
    });
    if let Some(volume) =
        of_user.min_by_key(|volume| (volume.creation_timestamp().map(|time| time.0), volume.name_any()))
    {
        return existing(&volume.claim_name(), claims).ok_or_else(|| not_found(name, "its claim does not exist yet"));
    }
    let by_label = claims.iter().filter(|claim| {
        claim.labels().get(label::VOLUME_NAME).is_some_and(|value| value == name)
            && claim.labels().contains_key(label::USERNAME)
            && belongs_to(claim, &task.user)
            && claim.metadata.deletion_timestamp.is_none()
    });
    if let Some(claim) = by_label.min_by_key(|claim| (claim.creation_timestamp().map(|time| time.0), claim.name_any()))
    {
        return Ok(claim.name_any());
    }
    let literal = claims.iter().find(|claim| claim.name_any() == name && claim.metadata.deletion_timestamp.is_none());
    match literal {
        Some(claim) if belongs_to(claim, &task.user) => Ok(claim.name_any()),
        Some(_) => Err(Unresolved {
            reason: Reason::VolumeForbidden,
            message: format!("the claim `{name}` belongs to another user"),
        }),
        None => Err(not_found(name, "no SkyVolume and no PersistentVolumeClaim of that name exist: create one")),
    }
}

fn existing(name: &str, claims: &[PersistentVolumeClaim]) -> Option<String> {
    claims
        .iter()
        .find(|claim| claim.name_any() == name && claim.metadata.deletion_timestamp.is_none())
        .map(|_| name.to_owned())
}

fn not_found(name: &str, why: &str) -> Unresolved {
    Unresolved { reason: Reason::VolumeNotFound, message: format!("volume `{name}` not found: {why}") }
}

/// `~` is root's home: which user an image runs as is not known before it runs.
fn in_container(path: &str) -> String {
    match path.strip_prefix('~') {
        Some("") => "/root".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("/root{rest}"),
        _ => path.to_owned(),
    }
}
