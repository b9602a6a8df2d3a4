//! Files for `volumes apply`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use sky_crd::{
    TaskId,
    api::{InvalidField, VolumeRequest},
};

use crate::{
    ProblemKind, TaskFileError, documents, fields::Fields, problem::Problems, read::volume as fields_of,
    source::Source, task::Infra, yaml::Node,
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
    /// Access modes, if they were not written under `config` as SkyPilot's one.
    pub access_modes: Vec<String>,
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

/// A volume file that was understood and cannot be created.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{field}`: {message}")]
pub struct VolumeRefusal {
    /// The field.
    pub field: &'static str,
    /// One sentence.
    pub message: String,
}

/// A volume that can be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVolume {
    /// The body of `POST /volumes/create`.
    pub request: VolumeRequest,
    /// What the file says without effect. One sentence each.
    pub warnings: Vec<String>,
}

/// Reads a volume file. `source_name` stands for the file in messages.
///
/// # Errors
/// [`TaskFileError`]; everything that is wrong with the fields is in one error.
pub fn parse_volume(text: &str, source_name: &str) -> Result<VolumeFile, TaskFileError> {
    let source = Source::new(source_name, text);
    volume_of(source, &documents(source)?)
}

/// Reads the file of a volume that is to be created.
///
/// # Errors
/// [`TaskFileError`], also for what is understood and cannot be created.
pub fn parse_new_volume(text: &str, source_name: &str) -> Result<NewVolume, TaskFileError> {
    let source = Source::new(source_name, text);
    let all = documents(source)?;
    let file = volume_of(source, &all)?;
    let refuse = |field: String, message: String| {
        let span = all[0].get(&field).map_or(all[0].span, |node| node.span);
        let mut problems = Problems::default();
        problems.add(field, ProblemKind::Unsupported(message), span);
        TaskFileError::fields(source, problems)
    };
    let request = file.request().map_err(|refusal| refuse(refusal.field.to_owned(), refusal.message))?;
    // What the API would refuse is better refused here, where the line can be shown. Id and user do not matter.
    let made = "default".parse().map(|user| request.clone().into_volume(&TaskId::from_bits(0), &user, ""));
    match made {
        Ok(Err(InvalidField { path, message })) => Err(refuse(path.first().cloned().unwrap_or_default(), message)),
        _ => Ok(NewVolume { request, warnings: file.warnings }),
    }
}

/// Whether a file that is read says by its fields that it is a volume, and not a task. What cannot be read is neither.
pub fn is_volume(text: &str, source_name: &str) -> bool {
    let gives = |document: &Node, names: &[&str]| names.iter().any(|name| document.get(name).is_some());
    let of_volume = |document: &Node| {
        gives(document, &["type", "size", "use_existing"])
            && !gives(document, &["run", "setup", "resources", "num_nodes"])
    };
    documents(Source::new(source_name, text)).is_ok_and(|all| all.first().is_some_and(of_volume))
}

fn volume_of(source: Source<'_>, documents: &[Node]) -> Result<VolumeFile, TaskFileError> {
    let mut problems = Problems::default();
    if let Some(second) = documents.get(1) {
        problems.invalid("name", "a file holds one volume, and this is a second document", second.span);
    }
    let file = fields_of::read(&documents[0], &mut problems);
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
    pub fn request(&self) -> Result<VolumeRequest, VolumeRefusal> {
        let refuse = |field, message: &str| Err(VolumeRefusal { field, message: message.to_owned() });
        if self.kind == VolumeKind::Runpod {
            return refuse("type", "volumes of other clouds are not supported: write `k8s-pvc`");
        }
        if self.use_existing == Some(true) {
            return refuse("use_existing", "name the claim in the task: one that exists needs no creation");
        }
        let Some(size) = &self.size else { return refuse("size", "is missing") };
        let text = |name: &str| self.config.get(name).and_then(Json::as_str).map(str::to_owned);
        let is_plain = size.bytes().all(|b| b.is_ascii_digit());
        let modes = Some(self.access_modes.clone()).filter(|modes| !modes.is_empty());
        Ok(VolumeRequest {
            name: self.name.clone(),
            size: if is_plain { format!("{size}Gi") } else { size.clone() },
            storage_class: text("storage_class_name"),
            access_modes: modes.or_else(|| text("access_mode").map(|mode| vec![mode])),
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
