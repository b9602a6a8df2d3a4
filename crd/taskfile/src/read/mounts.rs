//! What is in the container besides its image: the work directory, files, buckets, volumes.

use std::collections::BTreeMap;

use super::{bucket, json, policies};
use crate::{
    fields::{Fields, Read, boolean, list, text, word},
    problem::Problems,
    task::{FileMount, Storage, StorageMode, VolumeMount, Workdir},
    yaml::{Node, Value},
};

const STORES: [&str; 11] = ["s3", "gcs", "azure", "r2", "ibm", "oci", "nebius", "coreweave", "tigris", "hf", "volume"];
const MODES: [&str; 3] = ["MOUNT", "COPY", "MOUNT_CACHED"];
const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"];

pub(super) fn workdir(path: &str, node: &Node, problems: &mut Problems) -> Option<Workdir> {
    match &node.value {
        Value::Text(directory) => Some(Workdir::Path(directory.clone())),
        Value::Map(_) => {
            let mut fields = Fields::strict(path, node, &["url", "ref"], problems);
            let (url, reference) = (fields.text("url"), fields.text("ref"));
            if node.get("url").is_none() {
                fields.invalid("url", "is missing: write the address of a git repository");
            }
            url.map(|url| Workdir::Git { url, reference })
        }
        _ => {
            problems.invalid(path, format!("must be a path or a git repository, not {}", node.kind()), node.span);
            None
        }
    }
}

pub(super) fn file_mounts(fields: &mut Fields<'_, '_>) -> BTreeMap<String, FileMount> {
    let mut mounts = BTreeMap::new();
    fields.each("file_mounts", |path, target, node, problems| {
        if target.ends_with('/') {
            problems.invalid(path, "the path must not end with `/`", node.span);
        }
        let mount = match &node.value {
            Value::Text(source) if source.ends_with('/') => {
                problems.invalid(path, "the source must not end with `/`", node.span);
                None
            }
            Value::Text(source) => Some(FileMount::Source(source.clone())),
            Value::Map(_) => Some(FileMount::Storage(storage(&String::from(path), node, problems))),
            _ => {
                let message =
                    format!("must be a source, such as `s3://bucket/path`, or a mapping, not {}", node.kind());
                problems.invalid(path, message, node.span);
                None
            }
        };
        mounts.extend(mount.map(|mount| (target, mount)));
    });
    mounts
}

fn storage(path: &str, node: &Node, problems: &mut Problems) -> Storage {
    let known = [
        "name",
        "source",
        "store",
        "persistent",
        "mode",
        "type",
        "config",
        "_is_sky_managed",
        "_bucket_sub_path",
        "_force_delete",
    ];
    let mut fields = Fields::new(path, node, &known, problems);
    let mode = match fields.read("mode", |node| word(node, &MODES)) {
        Some("COPY") => StorageMode::Copy,
        Some("MOUNT_CACHED") => StorageMode::MountCached,
        _ => StorageMode::Mount,
    };
    let (name, source) = (fields.text("name"), fields.read("source", sources).unwrap_or_default());
    let config = fields.nested("config", |path, node, problems| bucket::config(path, node, mode, problems));
    let kind = fields.read("type", |node| word(node, &bucket::TYPES).map(str::to_owned));
    if kind.is_some() && mode != StorageMode::MountCached {
        fields.invalid("type", "goes with `mode: MOUNT_CACHED` only");
    }
    // An address is the bucket's name.
    let is_address = matches!(&source[..], [one] if one.contains("://"));
    Storage {
        name: name.filter(|_| !is_address),
        source_is_list: fields.get("source").is_some_and(|node| matches!(node.value, Value::List(_))),
        source,
        store: fields.read("store", |node| word(node, &STORES)).map(str::to_uppercase),
        persistent: fields.read("persistent", boolean).unwrap_or(true),
        mode,
        kind,
        config: config.unwrap_or_default(),
    }
}

fn sources(node: &Node) -> Read<Vec<String>> {
    match &node.value {
        Value::Text(source) => Ok(vec![source.clone()]),
        Value::List(items) if items.is_empty() => Err("is empty: write a source, or leave the field out".to_owned()),
        Value::List(_) => list(node, text),
        _ => Err(format!("must be text or a list, not {}", node.kind())),
    }
}

pub(super) fn volumes(fields: &mut Fields<'_, '_>) -> BTreeMap<String, VolumeMount> {
    let mut mounts = BTreeMap::new();
    fields.each("volumes", |path, target, node, problems| {
        if !target.starts_with(['/', '~']) {
            problems.invalid(path, "the path must be absolute: it starts with `/`", node.span);
        }
        let mount = match &node.value {
            Value::Text(name) => Some(VolumeMount::Named { name: name.clone(), sub_path: None }),
            Value::Map(_) => volume(&String::from(path), node, problems),
            _ => {
                problems.invalid(path, format!("must be the name of a volume, not {}", node.kind()), node.span);
                None
            }
        };
        let target = if target.len() > 1 { target.trim_end_matches('/') } else { &target };
        mounts.extend(mount.map(|mount| (target.to_owned(), mount)));
    });
    mounts
}

fn volume(path: &str, node: &Node, problems: &mut Problems) -> Option<VolumeMount> {
    let given = |name: &str| node.get(name).is_some_and(|value| !value.is_null());
    if given("name") {
        let mut fields = Fields::new(path, node, &["name", "sub_path"], problems);
        let (name, sub_path) = (fields.text("name"), fields.read("sub_path", sub_path));
        return Some(VolumeMount::Named { name: name?, sub_path });
    }
    let mut fields = Fields::new(path, node, &["name", "sub_path", "size", "type", "labels", "config"], problems);
    if !given("size") {
        fields
            .invalid("size", "is missing: write the `name` of a volume, or the `size` of one that lives with the task");
        return None;
    }
    if given("sub_path") {
        fields.invalid("sub_path", "has no meaning in a new volume");
    }
    Some(VolumeMount::Ephemeral {
        size: fields.read("size", size)?,
        kind: fields.text("type"),
        labels: fields.nested("labels", policies::labels).unwrap_or_default(),
        config: fields.nested("config", volume_config).unwrap_or_default(),
    })
}

/// Gi: `100`, `"100"`, `100GB`; or a Kubernetes quantity.
fn size(node: &Node) -> Read<String> {
    match &node.value {
        Value::Int(value) if *value > 0 => Ok(value.to_string()),
        Value::Text(text) => volume_size(text),
        _ => Err(format!("must be a size such as `100Gi`, not {}", node.kind())),
    }
}

/// A size in Gi as a plain number, or a Kubernetes quantity as it is.
pub(super) fn volume_size(text: &str) -> Read<String> {
    let quantity = sky_crd::quantity::Amount::size(text);
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    if !plain && quantity.is_ok() {
        return Ok(text.to_owned());
    }
    let gibibytes = super::amounts::disk_size(&Node::text(text));
    gibibytes
        .map(|size| size.to_string())
        .map_err(|_| format!("`{text:.40}` is no size: write for example `10Gi` or `1Ti`"))
}

/// Keys beyond these are let through, as SkyPilot does.
pub(super) fn volume_config(
    path: &str,
    node: &Node,
    problems: &mut Problems,
) -> serde_json::Map<String, serde_json::Value> {
    let config = match json::map(node) {
        Ok(config) => config,
        Err(message) => {
            problems.invalid(path, message, node.span);
            return serde_json::Map::new();
        }
    };
    for (name, value) in node.as_map().unwrap_or_default() {
        let name = name.to_text();
        let checked = match name.as_str() {
            "access_mode" => text(value).and_then(|mode| access_mode(&mode).map(drop)),
            "storage_class_name" | "namespace" | "host_path" => text(value).map(drop),
            "cleanup_on_deletion" => boolean(value).map(drop),
            _ => Ok(()),
        };
        if let Err(message) = checked {
            problems.invalid(format!("{path}.{name}"), message, value.span);
        }
    }
    config
}

/// One of Kubernetes' access modes.
pub(super) fn access_mode(mode: &str) -> Read<&'static str> {
    let known = ACCESS_MODES.into_iter().find(|known| *known == mode);
    known.ok_or_else(|| format!("`{mode:.40}` is none of {}", ACCESS_MODES.join(", ")))
}

/// A directory within a volume.
fn sub_path(node: &Node) -> Read<String> {
    let path = text(node)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let valid =
        path.starts_with(fits) && path.chars().all(|c| fits(c) || c == '/') && path.split('/').all(|part| part != "..");
    if valid { Ok(path) } else { Err(format!("`{path:.80}` is no directory within a volume")) }
}
