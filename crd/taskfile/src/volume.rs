//! Files for `volumes apply`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use sky_crd::api::VolumeRequest;

use crate::{
    ProblemKind, TaskFileError, documents, fields::Fields, problem::Problems, read::volume as fields_of,
    source::Source, task::Infra,
};

/// A volume file that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeFile {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: VolumeKind,
    /// Where.
    pub infra: Infra,
    /// Gi as a plain number, or a Kubernetes quantity. Only a volume that exists may have none.
    pub size: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether the volume exists already.
    pub use_existing: Option<bool>,
    /// Access mode, storage class and the like, as they are.
    pub config: Map<String, Json>,
    /// What the file says without effect. One sentence each.
    pub warnings: Vec<String>,
}

/// Kinds of volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeKind {
    /// A claim of a Kubernetes cluster.
    Pvc,
    /// Another cloud's.
    Runpod,
}

/// Reads a volume file. `source_name` stands for the file in messages.
///
/// # Errors
/// [`TaskFileError`]; everything that is wrong with the fields is in one error.
pub fn parse_volume(text: &str, source_name: &str) -> Result<VolumeFile, TaskFileError> {
    let source = Source::new(source_name, text);
    let all = documents(source)?;
    let mut problems = Problems::default();
    if let Some(second) = all.get(1) {
        problems.invalid("name", "a file holds one volume, and this is a second document", second.span);
    }
    let file = fields_of::read(&all[0], &mut problems);
    match file {
        Some(file) if problems.is_empty() => Ok(file),
        _ => Err(TaskFileError::fields(source, problems)),
    }
}

impl VolumeFile {
    /// The body of `POST /volumes/create`.
    ///
    /// # Errors
    /// One sentence about what is understood and cannot be created.
    pub fn request(&self) -> Result<VolumeRequest, String> {
        if self.kind == VolumeKind::Runpod {
            return Err("`type`: volumes of other clouds are not supported: write `k8s-pvc`".to_owned());
        }
        if self.use_existing == Some(true) {
            return Err("`use_existing`: name the volume in the task; a claim that exists needs no creation".to_owned());
        }
        let text = |name: &str| self.config.get(name).and_then(Json::as_str).map(str::to_owned);
        let plain = |size: &String| size.bytes().all(|b| b.is_ascii_digit());
        let size = self.size.clone().map(|size| if plain(&size) { format!("{size}Gi") } else { size });
        Ok(VolumeRequest {
            name: self.name.clone(),
            size: size.ok_or("`size`: is missing")?,
            storage_class: text("storage_class_name"),
            access_modes: text("access_mode").map(|mode| vec![mode]),
        })
    }

    /// SkyPilot's normal form.
    pub fn normalize(&self) -> Json {
        let kind = match self.kind {
            VolumeKind::Pvc => "k8s-pvc",
            VolumeKind::Runpod => "runpod-network-volume",
        };
        serde_json::json!({
            "name": self.name, "type": kind, "size": self.size, "labels": self.labels,
            "use_existing": self.use_existing, "config": self.config, "infra": self.infra.to_string(),
        })
    }
}

/// Notes the problem of a field that a volume must have.
pub(crate) fn missing(fields: &mut Fields<'_, '_>, name: &str, message: &str) {
    if fields.get(name).is_none() {
        fields.refuse(name, ProblemKind::Invalid(message.to_owned()));
    }
}
