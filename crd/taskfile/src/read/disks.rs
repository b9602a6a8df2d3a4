//! `resources.volumes`: disks of a machine on Google's cloud. Checked, so that a file can be validated; not served here.

use serde_json::{Map, Value as Json};

use super::{amounts, json};
use crate::{
    fields::{Fields, boolean, text},
    problem::Problems,
    yaml::{Node, Value},
};

/// Keys of a disk. SkyPilot lets others through, and so do we.
const FIELDS: [&str; 7] = ["path", "name", "disk_size", "disk_tier", "auto_delete", "storage_type", "attach_mode"];

/// Words with their default: SkyPilot takes the default in place of a word that it does not know.
const WORDS: [(&str, &[&str], &str); 3] = [
    ("storage_type", &["instance", "network"], "network"),
    ("attach_mode", &["read_only", "read_write"], "read_write"),
    ("disk_tier", &["low", "medium", "high", "ultra", "best"], "best"),
];

/// The disks, with SkyPilot's defaults filled in.
pub(super) fn read(path: &str, node: &Node, problems: &mut Problems) -> Vec<Map<String, Json>> {
    let Value::List(items) = &node.value else {
        problems.invalid(path, format!("must be a list, not {}", node.kind()), node.span);
        return Vec::new();
    };
    let one = |(index, item)| disk(&format!("{path}[{index}]"), item, problems);
    items.iter().enumerate().map(one).collect()
}

fn disk(path: &str, node: &Node, problems: &mut Problems) -> Map<String, Json> {
    let entries = node.as_map().unwrap_or_default().iter().cloned();
    let known = entries.filter(|(key, _)| key.as_text().is_some_and(|key| FIELDS.contains(&key))).collect();
    let is_map = node.as_map().is_some();
    let known = if is_map { Node { value: Value::Map(known), span: node.span } } else { node.clone() };
    let mut fields = Fields::strict(path, &known, &FIELDS, problems);
    for name in ["path", "name", "disk_tier", "storage_type", "attach_mode"] {
        fields.read(name, text);
    }
    fields.read("disk_size", amounts::disk_size);
    fields.read("auto_delete", boolean);
    let mut disk = json::map(node).unwrap_or_default();
    for (name, words, default) in WORDS {
        let given = disk.get(name).and_then(Json::as_str).map(str::to_lowercase);
        let word = given.as_deref().filter(|given| words.contains(given)).unwrap_or(default).to_owned();
        disk.insert(name.to_owned(), word.into());
    }
    disk.entry("auto_delete").or_insert(false.into());
    if is_map && fields.get("path").is_none() {
        fields.invalid("path", "is missing");
    }
    if disk.get("storage_type").and_then(Json::as_str) == Some("instance") {
        disk.remove("name");
    } else if is_map && fields.get("name").is_none() {
        fields.invalid("name", "is missing: a disk of the network has one");
    }
    disk
}
