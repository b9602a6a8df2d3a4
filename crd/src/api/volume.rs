//! Volumes on the wire.

use k8s_openapi::jiff::Timestamp;
use kube::{ResourceExt as _, core::ObjectMeta};
use serde::{Deserialize, Serialize};

use super::{InvalidField, wire_time};
use crate::{
    TaskId, User, label, name,
    quantity::{self, Amount},
    volume::{AccessMode, DeletionPolicy, SkyVolume, SkyVolumeSpec},
};

/// Body of `POST /volumes/create`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VolumeRequest {
    /// Logical name.
    pub name: String,
    /// Size: `10Gi`, `1Ti`.
    pub size: String,
    /// Storage class; default the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Access modes; default `ReadWriteOnce`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_modes: Option<Vec<String>>,
}

/// Whether names of volumes, and of claims, may have this character.
pub(super) fn fits_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

impl VolumeRequest {
    /// The resource that this request asks for, for `user`, with a fresh `id`, in `namespace`. Deleting it deletes the
    /// claim, as in the original.
    ///
    /// # Errors
    /// [`InvalidField`] for the first field whose text means nothing to Kubernetes.
    pub fn into_volume(self, id: &TaskId, user: &User, namespace: &str) -> Result<SkyVolume, InvalidField> {
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(fits_name) {
            return Err(InvalidField::new(&["name"], &"a volume's name has 1 to 63 letters, digits, `-`, `_` or `.`"));
        }
        let modes = self.access_modes.filter(|modes| !modes.is_empty());
        let spec = SkyVolumeSpec {
            name: Some(self.name.clone()),
            size: Amount::size(&self.size).map_err(|error| InvalidField::new(&["size"], &error))?.to_string(),
            storage_class: self.storage_class,
            access_modes: modes.map_or_else(|| Ok(vec![AccessMode::ReadWriteOnce]), |modes| access_modes(&modes))?,
            user: user.to_string(),
            volume_id: Some(id.to_string()),
            claim_name: None,
            deletion_policy: DeletionPolicy::Delete,
        };
        let mut labels = label::volume_labels(id, &self.name, user);
        labels.insert(label::MANAGED_BY.to_owned(), label::MANAGED_BY_CLI.to_owned());
        let metadata = ObjectMeta {
            name: Some(name::object_name(&self.name, id)),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        };
        Ok(SkyVolume { metadata, spec, status: None })
    }
}

fn access_modes(texts: &[String]) -> Result<Vec<AccessMode>, InvalidField> {
    let mut modes = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let known = AccessMode::ALL.map(|(_, spelling)| spelling).join(", ");
        let refuse =
            || InvalidField::new(&["access_modes", &index.to_string()], &format!("`{text}` is none of {known}"));
        let mode = AccessMode::from_text(text.trim()).ok_or_else(refuse)?;
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    Ok(modes)
}

/// A volume as the API shows it (specification, `VolumeStatus`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeView {
    /// Id, 8 hex digits.
    pub volume_id: String,
    /// Logical name.
    pub name: String,
    /// Size asked for, as the API server would write it.
    pub size: String,
    /// Storage class that the claim has got, or the one asked for.
    pub storage_class: Option<String>,
    /// Access modes.
    pub access_modes: Vec<String>,
    /// Phase of the claim: `Pending`, `Bound`, `Lost`.
    pub status: String,
    /// Creation time.
    pub created_at: String,
    /// Label form of the user.
    pub username: String,
    /// Details.
    pub metadata: VolumeMetadata,
}

/// Details of a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeMetadata {
    /// Name of the PersistentVolumeClaim.
    pub pvc_name: String,
    /// Its namespace.
    pub namespace: String,
    /// Why the volume is not ready, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl From<&SkyVolume> for VolumeView {
    fn from(volume: &SkyVolume) -> Self {
        let status = volume.status.clone().unwrap_or_default();
        let not_ready =
            status.conditions.iter().find(|condition| condition.type_ == "Ready" && condition.status == "False");
        Self {
            volume_id: volume.volume_id().to_string(),
            name: volume.volume_name(),
            size: quantity::canonical(&volume.spec.size),
            storage_class: status.storage_class.or_else(|| volume.spec.storage_class.clone()),
            access_modes: volume.spec.access_modes.iter().map(|mode| mode.as_str().to_owned()).collect(),
            status: status.phase.unwrap_or_else(|| "Pending".to_owned()),
            created_at: wire_time(volume.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0)),
            username: volume.user().map_or_else(|_| volume.spec.user.clone(), |user| user.label_value()),
            metadata: VolumeMetadata {
                pvc_name: status.claim_name.unwrap_or_else(|| volume.claim_name()),
                namespace: volume.namespace().unwrap_or_default(),
                message: not_ready.map(|condition| condition.message.clone()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(body: serde_json::Value) -> Result<SkyVolume, InvalidField> {
        let request: VolumeRequest = serde_json::from_value(body).unwrap();
        request.into_volume(&TaskId::from_bits(0xab), &"u".parse().unwrap(), "default")
    }

    #[test]
    fn a_volume_and_its_view() {
        let volume = volume(serde_json::json!({"name": "data", "size": "10Gi"})).unwrap();
        let view = VolumeView::from(&volume);
        assert_eq!(view.metadata.pvc_name, "data-000000ab");
        assert_eq!((view.status.as_str(), view.access_modes), ("Pending", vec!["ReadWriteOnce".to_owned()]));
        assert_eq!(volume.spec.deletion_policy, DeletionPolicy::Delete);
    }

    #[test]
    fn refusals_name_the_field() {
        for (body, field) in [
            (serde_json::json!({"name": "a b", "size": "1Gi"}), "name"),
            (serde_json::json!({"name": "a", "size": "0"}), "size"),
            (serde_json::json!({"name": "a", "size": "1Gi", "access_modes": ["Sometimes"]}), "access_modes.0"),
        ] {
            assert_eq!(volume(body).unwrap_err().path.join("."), field);
        }
    }
}
