//! The fields of a volume file.

use super::{infra::infra, mounts, policies};
use crate::{
    VolumeFile, VolumeKind,
    fields::{Fields, Read, boolean, text, word},
    problem::Problems,
    volume::missing,
    yaml::{Node, Value},
};

const FIELDS: [&str; 7] = ["name", "type", "infra", "size", "labels", "use_existing", "config"];
const KINDS: [&str; 3] = ["k8s-pvc", "k8s-hostpath", "runpod-network-volume"];

/// Keys beyond the known ones are let through, as SkyPilot does, with a warning.
pub(crate) fn read(document: &Node, problems: &mut Problems) -> Option<VolumeFile> {
    let entries = document.as_map().unwrap_or_default().iter().cloned();
    let (known, unknown): (Vec<_>, Vec<_>) =
        entries.partition(|(key, _)| key.as_text().is_some_and(|key| FIELDS.contains(&key)));
    let warnings = unknown.iter().take(20).map(|(key, _)| format!("`{:.80}` has no effect", key.to_text())).collect();
    let node = Node { value: Value::Map(known), span: document.span };
    let mut fields = Fields::new("", &node, &FIELDS, problems);
    missing(&mut fields, "name", "is missing: a volume has one");
    missing(&mut fields, "type", "is missing: write `k8s-pvc`");
    let name = fields.read("name", name);
    let kind = fields.read("type", kind);
    let infra = fields.read("infra", infra).unwrap_or_default();
    if kind == Some(VolumeKind::Pvc) && !infra.may_be_kubernetes() {
        fields.invalid("infra", "is another cloud, where there are no volumes of this type");
    }
    let use_existing = fields.read("use_existing", boolean);
    let size = fields.read("size", |node| mounts::volume_size(&text(node)?));
    if kind == Some(VolumeKind::Pvc) && use_existing != Some(true) {
        missing(&mut fields, "size", "is missing: write for example `10Gi`");
    }
    Some(VolumeFile {
        name: name?,
        kind: kind?,
        infra,
        size,
        labels: fields.nested("labels", policies::labels).unwrap_or_default(),
        use_existing,
        config: fields.nested("config", mounts::volume_config).unwrap_or_default(),
        warnings,
    })
}

fn kind(node: &Node) -> Read<VolumeKind> {
    match word(node, &KINDS)? {
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
