//! How a bucket is mounted: `config` and `type` of a long mount. Checked, so that a file can be validated.

use serde_json::{Map, Value as Json};

use super::json;
use crate::{
    fields::{Fields, Read, boolean, list, text, whole},
    problem::Problems,
    task::StorageMode,
    yaml::Node,
};

/// Uses of a bucket for which SkyPilot has settings.
pub(super) const TYPES: [&str; 4] = ["MODEL_CHECKPOINT_RO", "MODEL_CHECKPOINT_RW", "DATASET_RO", "DATASET_RW"];

/// Sizes and times of the cache.
const SIZES: [&str; 4] = ["buffer_size", "vfs_cache_max_size", "vfs_read_ahead", "vfs_read_chunk_size"];
const TIMES: [&str; 2] = ["vfs_cache_max_age", "vfs_write_back"];

/// What of it counts. Other keys are let through and have no effect, as in SkyPilot.
pub(super) fn config(path: &str, node: &Node, mode: StorageMode, problems: &mut Problems) -> Map<String, Json> {
    if node.as_map().is_none() {
        problems.invalid(path, format!("must be a mapping, not {}", node.kind()), node.span);
    }
    let mut config = Map::new();
    for (name, own_mode) in [("mount_cached", StorageMode::MountCached), ("mount", StorageMode::Mount)] {
        let Some(part) = node.get(name) else { continue };
        let path = format!("{path}.{name}");
        if own_mode == StorageMode::MountCached {
            cached(&path, part, problems);
        } else {
            mounted(&path, part, problems);
        }
        if mode != own_mode {
            problems.invalid(path, format!("goes with `mode: {}` only", name.to_uppercase()), part.span);
        }
        config.insert(name.to_owned(), json::json(part));
    }
    config
}

fn cached(path: &str, node: &Node, problems: &mut Problems) {
    let mut known = vec!["transfers", "vfs_read_chunk_streams", "read_only"];
    known.extend(SIZES.into_iter().chain(TIMES));
    let mut fields = Fields::strict(path, node, &known, problems);
    fields.read("transfers", |node| whole(node, 1, i64::MAX));
    fields.read("vfs_read_chunk_streams", |node| whole(node, 0, i64::MAX));
    fields.read("read_only", boolean);
    for name in SIZES {
        fields.read(name, size);
    }
    for name in TIMES {
        fields.read(name, time);
    }
}

fn mounted(path: &str, node: &Node, problems: &mut Problems) {
    let mut fields = Fields::strict(path, node, &["read_only", "hf_mount_args"], problems);
    fields.read("read_only", boolean);
    fields.read("hf_mount_args", |node| list(node, text));
}

/// `64M`, as rclone writes it.
fn size(node: &Node) -> Read<()> {
    let given = text(node)?;
    let digits = given.strip_suffix(['b', 'k', 'm', 'g', 't', 'p', 'B', 'K', 'M', 'G', 'T', 'P']).unwrap_or(&given);
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if valid { Ok(()) } else { Err(format!("`{given:.40}` is no size: write for example `64M`")) }
}

/// `10s`, `1h30m`, as rclone writes it.
fn time(node: &Node) -> Read<()> {
    let given = text(node)?;
    let valid = given.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && given.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.') || "smhdwMy".contains(c));
    if valid { Ok(()) } else { Err(format!("`{given:.40}` is no time: write for example `10s` or `1h`")) }
}
