//! Volumes at their paths, on the wire.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Deserializer, Serialize};

use super::{InvalidField, volume};
use crate::{
    label,
    quantity::{Amount, int_or_string_text},
    task::{EphemeralVolume, VolumeMount},
    volume::AccessMode,
};

/// What is mounted at a path: the specification's name of a volume, or SkyPilot's longer forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MountRequest {
    /// A volume, by its name.
    Name(String),
    /// A part of a volume.
    Part(PartRequest),
    /// A volume that is made for the task, and goes with it.
    New(NewVolumeRequest),
}

/// A part of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRequest {
    /// Name of the volume.
    pub name: String,
    /// Directory inside it; default all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<String>,
}

/// A volume that is made for the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVolumeRequest {
    /// Size: a plain number, or its text, counts as Gi; else a Kubernetes quantity.
    #[serde(deserialize_with = "number_or_text")]
    pub size: String,
    /// SkyPilot's type: `k8s-pvc`, which is the default.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Labels of the claim.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How the claim is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<NewVolumeConfig>,
}

/// How the claim of such a volume is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVolumeConfig {
    /// Access mode; default `ReadWriteOnce`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_mode: Option<String>,
    /// Storage class; default the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
}

fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    IntOrString::deserialize(from).map(|value| int_or_string_text(&value))
}

/// The volumes of a task of so many nodes.
///
/// # Errors
/// [`InvalidField`] for the first that Kubernetes would refuse, or wait for without end.
pub(super) fn volume_mounts(
    mounts: BTreeMap<String, MountRequest>,
    nodes: u32,
) -> Result<Vec<VolumeMount>, InvalidField> {
    let read = |(mount_path, mount): (String, MountRequest)| {
        let refuse = |message: &str| InvalidField::new(&["volumes", &mount_path], &message);
        if !mount_path.starts_with(['/', '~']) {
            return Err(refuse("the mount path must be absolute: it starts with `/`"));
        }
        if mount_path.contains(':') {
            return Err(refuse("the mount path must not contain `:`"));
        }
        let (name, sub_path, ephemeral) = match mount {
            MountRequest::Name(name) => (Some(name), None, None),
            MountRequest::Part(PartRequest { name, sub_path }) => (Some(name), sub_path, None),
            MountRequest::New(new) => (None, None, Some(new.volume(&mount_path)?)),
        };
        // No volume and no claim can have another name: the task would wait for ever.
        if name.as_ref().is_some_and(|name| name.is_empty() || !name.chars().all(volume::fits_name)) {
            return Err(refuse("a volume's name has only letters, digits, `-`, `_` or `.`"));
        }
        let mount = VolumeMount { mount_path: mount_path.clone(), name, sub_path, ephemeral };
        mount.check(nodes).map_err(|error| refuse(&error.to_string()))?;
        Ok(mount)
    };
    mounts.into_iter().map(read).collect()
}

impl NewVolumeRequest {
    fn volume(self, mount_path: &str) -> Result<EphemeralVolume, InvalidField> {
        let refuse = |field: &[&str], message: &dyn ToString| {
            let path: Vec<&str> = ["volumes", mount_path].into_iter().chain(field.iter().copied()).collect();
            InvalidField::new(&path, message)
        };
        if self.kind.as_ref().is_some_and(|kind| kind != "k8s-pvc") {
            return Err(refuse(&["type"], &"only volumes of type `k8s-pvc` are supported"));
        }
        if let Some(key) = self.labels.keys().find(|key| label::is_reserved(key)) {
            return Err(refuse(&["labels"], &format!("`{key}` is reserved for the product or a queueing system")));
        }
        let is_plain = self.size.bytes().all(|b| b.is_ascii_digit());
        let size = Amount::size(&if is_plain { format!("{}Gi", self.size) } else { self.size });
        let config = self.config.unwrap_or_default();
        let mode = config.access_mode.map_or(Ok(AccessMode::ReadWriteOnce), |mode| {
            let known = AccessMode::ALL.map(|(_, spelling)| spelling).join(", ");
            AccessMode::from_text(&mode)
                .ok_or_else(|| refuse(&["config", "access_mode"], &format!("`{mode:.40}` is none of {known}")))
        });
        Ok(EphemeralVolume {
            size: size.map_err(|error| refuse(&["size"], &error))?.to_string(),
            storage_class: config.storage_class_name,
            access_modes: vec![mode?],
            labels: self.labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn mounts(body: Value, nodes: u32) -> Result<Vec<VolumeMount>, InvalidField> {
        volume_mounts(serde_json::from_value(body).unwrap(), nodes)
    }

    #[test]
    fn every_form() {
        for (sent, stored) in [
            (json!("data"), json!({"name": "data"})),
            (json!({"name": "data"}), json!({"name": "data"})),
            (json!({"name": "data", "sub_path": "a/.b"}), json!({"name": "data", "subPath": "a/.b"})),
            (json!({"size": 100}), json!({"ephemeral": {"size": "100Gi", "accessModes": ["ReadWriteOnce"]}})),
            (
                json!({"size": "1.5Ti", "type": "k8s-pvc", "labels": {"team": "x"},
                    "config": {"access_mode": "ReadWriteMany", "storage_class_name": "fast", "more": 1}}),
                json!({"ephemeral": {"size": "1.5Ti", "storageClass": "fast", "accessModes": ["ReadWriteMany"],
                    "labels": {"team": "x"}}}),
            ),
        ] {
            let read = mounts(json!({"/data": sent}), 1).unwrap();
            let mut expected = stored;
            expected["mountPath"] = json!("/data");
            assert_eq!(json!(read[0]), expected, "{sent}");
        }
    }

    #[test]
    fn refusals_name_their_field() {
        for (path, sent, nodes, at, words) in [
            ("data", json!("v"), 1, "volumes.data", "absolute"),
            ("/a:b", json!("v"), 1, "volumes./a:b", "`:`"),
            ("/a", json!("a b"), 1, "volumes./a", "letters"),
            ("/a", json!({"name": "v", "sub_path": "a/../b"}), 1, "volumes./a", "`..`"),
            ("/a", json!({"name": "v", "sub_path": "/b"}), 1, "volumes./a", "relative"),
            ("/a", json!({"size": "lots"}), 1, "volumes./a.size", "lots"),
            ("/a", json!({"size": 0}), 1, "volumes./a.size", "size"),
            ("/a", json!({"size": 1, "type": "k8s-hostpath"}), 1, "volumes./a.type", "k8s-pvc"),
            ("/a", json!({"size": 1, "config": {"access_mode": "Often"}}), 1, "volumes./a.config.access_mode", "Often"),
            ("/a", json!({"size": 1, "labels": {"kueue.x-k8s.io/x": "y"}}), 1, "volumes./a.labels", "reserved"),
            ("/a", json!({"size": 1}), 2, "volumes./a", "ReadWriteMany"),
        ] {
            let refused = mounts(json!({ path: sent }), nodes).unwrap_err();
            assert_eq!(refused.path.join("."), at, "{sent}");
            assert!(refused.message.contains(words), "{refused}");
        }
    }
}
