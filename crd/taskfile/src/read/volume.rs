//! The fields of a volume file.

use super::{infra::infra, mounts, policies};
use crate::{
    VolumeFile, VolumeKind,
    fields::{Fields, Read, boolean, list, text},
    problem::Problems,
    volume::missing,
    yaml::{Node, Value},
};

/// SkyPilot's, and the two of `POST /volumes/create` that SkyPilot has under `config`.
const FIELDS: [&str; 9] =
    ["name", "type", "infra", "size", "labels", "use_existing", "config", "storage_class", "access_modes"];
const KINDS: [&str; 3] = ["k8s-pvc", "k8s-hostpath", "runpod-network-volume"];

/// Keys beyond the known ones are let through, as SkyPilot does, with a warning.
pub(crate) fn read(document: &Node, problems: &mut Problems) -> Option<VolumeFile> {
    let entries = document.as_map().unwrap_or_default().iter().cloned();
    let (known, unknown): (Vec<_>, Vec<_>) =
        entries.partition(|(key, _)| key.as_text().is_some_and(|key| FIELDS.contains(&key)));
    let node = Node { value: Value::Map(known), span: document.span };
    let mut fields = Fields::new("", &node, &FIELDS, problems);
    missing(&mut fields, "name", "is missing: a volume has one");
    let ours = fields.get("storage_class").is_some() || fields.get("access_modes").is_some();
    if !ours {
        missing(&mut fields, "type", "is missing: write `k8s-pvc`");
    }
    let name = fields.read("name", name);
    let default = if ours { Some(VolumeKind::Pvc) } else { None };
    let kind = if fields.get("type").is_some() { fields.read("type", kind) } else { default };
    let infra = fields.read("infra", infra).unwrap_or_default();
    if fields.get("infra").and_then(Node::as_text).is_some_and(|infra| infra.starts_with('*')) {
        fields.invalid("infra", "is no place of a volume: write `k8s`, or leave it out");
    }
    if kind == Some(VolumeKind::Pvc) && !infra.may_be_kubernetes() {
        fields.invalid("infra", "is another cloud, where there are no volumes of this type");
    }
    let use_existing = fields.read("use_existing", boolean);
    let size = fields.read("size", |node| mounts::volume_size(&text(node)?));
    if kind == Some(VolumeKind::Pvc) && use_existing != Some(true) {
        missing(&mut fields, "size", "is missing: write for example `10Gi`");
    }
    let mut config = fields.nested("config", mounts::volume_config).unwrap_or_default();
    let twice = |fields: &mut Fields<'_, '_>, ours: &str, theirs: &str| {
        if fields.get(ours).is_some() && config.contains_key(theirs) {
            fields.invalid(ours, format!("is the same as `config.{theirs}`: write one or the other"));
        }
    };
    twice(&mut fields, "storage_class", "storage_class_name");
    twice(&mut fields, "access_modes", "access_mode");
    config.extend(fields.text("storage_class").map(|class| ("storage_class_name".to_owned(), class.into())));
    let labels = fields.nested("labels", policies::labels).unwrap_or_default();
    let access_modes = fields.read("access_modes", access_modes).unwrap_or_default();
    let file = VolumeFile {
        name: name?,
        kind: kind?,
        infra,
        size,
        labels,
        use_existing,
        access_modes,
        config,
        warnings: unknown.iter().take(20).map(|(key, _)| format!("`{:.80}` has no effect", key.to_text())).collect(),
    };
    Some(with_warnings(file))
}

/// What is understood and makes no difference here.
fn with_warnings(mut file: VolumeFile) -> VolumeFile {
    if file.infra.region.is_some() {
        file.warnings.push("`infra`: the context is ignored: the volume is in this cluster".to_owned());
    }
    if !file.labels.is_empty() {
        file.warnings.push("`labels` are ignored".to_owned());
    }
    let used = |key: &str| matches!(key, "storage_class_name" | "access_mode");
    let ignored = file.config.keys().filter(|key| !used(key)).take(20);
    file.warnings.extend(ignored.map(|key| format!("`config.{key:.80}` is ignored")));
    file
}

/// As `volumes create` takes them: a list, or text with commas.
fn access_modes(node: &Node) -> Read<Vec<String>> {
    let modes = match &node.value {
        Value::Text(text) => text.split(',').map(|mode| mode.trim().to_owned()).collect(),
        _ => list(node, text)?,
    };
    modes.into_iter().map(|mode| mounts::access_mode(&mode).map(str::to_owned)).collect()
}

fn kind(node: &Node) -> Read<VolumeKind> {
    let given = text(node)?;
    let known = KINDS.into_iter().find(|kind| *kind == given);
    match known.ok_or_else(|| format!("`{given:.40}` is none of {}", KINDS.join(", ")))? {
        "k8s-hostpath" => {
            Err("a directory of the node would give a task power over the node: write `k8s-pvc`".to_owned())
        }
        "k8s-pvc" => Ok(VolumeKind::Pvc),
        _ => Ok(VolumeKind::Runpod),
    }
}

/// A name that Kubernetes takes.
fn name(node: &Node) -> Read<String> {
    let name = text(node)?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let part =
        |part: &str| !part.is_empty() && part.chars().all(fits) && !part.starts_with('-') && !part.ends_with('-');
    if name.len() <= 253 && name.split('.').all(part) {
        Ok(name)
    } else {
        Err(format!("`{name:.80}` is no name of a volume: lower-case letters, digits, `-` and `.`"))
    }
}
