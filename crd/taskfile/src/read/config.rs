//! `config`: SkyPilot's configuration as far as a task may change it. Types are checked as SkyPilot's client does; keys
//! that it does not know at the top and under `kubernetes` are let through, for the server to judge.

use serde_json::{Map, Value as Json};

use super::{hooks, json};
use crate::{
    fields::{Fields, Read, boolean, list, number, text, whole},
    problem::Problems,
    yaml::{Node, Value},
};

/// What a key takes.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    /// Text or nothing.
    TextOrNull,
    /// Text or a list of it.
    Texts,
    Whole,
    Bool,
    /// A mapping of anything.
    Map,
    /// A mapping with these keys, which have rows of their own.
    Keys(&'static [&'static str]),
    /// A check of its own.
    Read(fn(&Node) -> Read<()>),
}

/// Every key with a type, by its path from `config`. What is above comes before what is in it.
const KEYS: [(&str, Takes); 39] = [
    ("kubernetes", Takes::Map),
    ("kubernetes.pod_config", Takes::Map),
    ("kubernetes.provision_timeout", Takes::Whole),
    ("kubernetes.custom_metadata", Takes::Read(metadata)),
    ("kubernetes.kueue", Takes::Keys(&["local_queue_name", "admission_timeout"])),
    ("kubernetes.kueue.local_queue_name", Takes::Text),
    ("kubernetes.kueue.admission_timeout", Takes::Whole),
    ("kubernetes.quota", Takes::Map),
    ("kubernetes.quota.queue", Takes::Text),
    ("kubernetes.dws", Takes::Keys(&["enabled", "max_run_duration"])),
    ("kubernetes.dws.enabled", Takes::Bool),
    ("kubernetes.remote_identity", Takes::Read(identity)),
    ("kubernetes.set_pod_resource_limits", Takes::Read(limits)),
    ("kubernetes.enable_docker", Takes::Read(docker)),
    ("ssh", Takes::Keys(&["pod_config", "provision_timeout", "custom_metadata"])),
    ("ssh.pod_config", Takes::Map),
    ("ssh.provision_timeout", Takes::Whole),
    ("ssh.custom_metadata", Takes::Read(metadata)),
    ("docker", Takes::Keys(&["run_options"])),
    ("docker.run_options", Takes::Texts),
    ("nvidia_gpus", Takes::Keys(&["disable_ecc"])),
    ("nvidia_gpus.disable_ecc", Takes::Bool),
    ("active_workspace", Takes::Text),
    (
        "gcp",
        Takes::Keys(&[
            "managed_instance_group",
            "enable_gvnic",
            "enable_gpu_direct",
            "placement_policy",
            "vpc_name",
            "subnet_names",
        ]),
    ),
    ("gcp.managed_instance_group", Takes::Keys(&["run_duration", "provision_timeout"])),
    ("gcp.managed_instance_group.run_duration", Takes::Whole),
    ("gcp.managed_instance_group.provision_timeout", Takes::Whole),
    ("gcp.enable_gvnic", Takes::Bool),
    ("gcp.enable_gpu_direct", Takes::Bool),
    ("gcp.placement_policy", Takes::Text),
    ("gcp.vpc_name", Takes::TextOrNull),
    ("azure", Takes::Keys(&["vpc_name", "remote_identity"])),
    ("azure.vpc_name", Takes::TextOrNull),
    ("vast", Takes::Keys(&["datacenter_only", "create_instance_kwargs"])),
    ("vast.datacenter_only", Takes::Bool),
    ("vast.create_instance_kwargs", Takes::Map),
    ("slurm", Takes::Map),
    ("slurm.quota", Takes::Map),
    ("slurm.cpu_partition", Takes::Text),
];

/// The configuration as it is, but for hooks, which have SkyPilot's defaults filled in.
pub(super) fn read(path: &str, node: &Node, problems: &mut Problems) -> Map<String, Json> {
    let mut config = match json::map(node) {
        Ok(config) => config,
        Err(message) => {
            problems.invalid(path, message, node.span);
            return Map::new();
        }
    };
    for (key, takes) in KEYS {
        let found = key.split('.').try_fold(node, |node, name| node.get(name));
        if let Some(found) = found {
            check(&format!("{path}.{key}"), found, takes, problems);
        }
    }
    if let Some(given) = node.get("hooks") {
        let hooks = hooks::read(&format!("{path}.hooks"), given, problems);
        config.remove("hooks");
        if !hooks.is_empty() {
            config.insert("hooks".to_owned(), hooks.into());
        }
    }
    config
}

fn check(path: &str, node: &Node, takes: Takes, problems: &mut Problems) {
    let checked = match takes {
        Takes::Keys(known) => {
            Fields::new(path, node, known, problems);
            Ok(())
        }
        Takes::TextOrNull if node.is_null() => Ok(()),
        Takes::Text | Takes::TextOrNull => text(node).map(drop),
        Takes::Texts if node.as_text().is_some() => Ok(()),
        Takes::Texts => list(node, text).map(drop),
        Takes::Whole => whole(node, i64::MIN, i64::MAX).map(drop),
        Takes::Bool => boolean(node).map(drop),
        Takes::Map => map(node),
        Takes::Read(read) => read(node),
    };
    if let Err(message) = checked {
        problems.invalid(path, message, node.span);
    }
}

fn map(node: &Node) -> Read<()> {
    if node.as_map().is_some() { Ok(()) } else { Err(format!("must be a mapping, not {}", node.kind())) }
}

/// Labels and annotations of what SkyPilot makes; it names that itself.
fn metadata(node: &Node) -> Read<()> {
    map(node)?;
    let own = ["name", "namespace"].into_iter().find(|name| node.get(name).is_some());
    own.map_or(Ok(()), |name| Err(format!("has no `{name}`: that is not the user's")))
}

/// A service account, or one by context.
fn identity(node: &Node) -> Read<()> {
    match &node.value {
        Value::Text(_) => Ok(()),
        Value::Map(entries) => entries.iter().try_for_each(|(_, account)| text(account).map(drop)),
        _ => Err(format!("must be the name of a service account, not {}", node.kind())),
    }
}

/// Whether there are limits, or how many times the request they are.
fn limits(node: &Node) -> Read<()> {
    match node.value {
        Value::Bool(_) => Ok(()),
        _ => match number(node)? {
            factor if factor >= 1.0 => Ok(()),
            _ => Err(format!("must be true, false or a factor of 1 or more, not {}", node.to_text())),
        },
    }
}

/// Whether images can be built and run within the task.
fn docker(node: &Node) -> Read<()> {
    let mode = |node: &Node| match node.as_text() {
        Some("ALL" | "BUILD") => Ok(()),
        _ => Err(format!("`{:.40}` is neither ALL nor BUILD", node.to_text())),
    };
    match &node.value {
        Value::Bool(_) => Ok(()),
        Value::Map(_) => node.get("mode").ok_or_else(|| "has no `mode`: ALL or BUILD".to_owned()).and_then(mode),
        _ => mode(node),
    }
}
