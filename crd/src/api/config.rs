//! The part of SkyPilot's `config` that has a meaning for a task here.

use serde_json::{Map, Value};

use super::InvalidField;
use crate::task::{Expose, ExposeType};

/// The resource's schema allows no more, in bytes.
const MAX_POD_CONFIG: usize = 65_536;

/// `config.kubernetes.ports`, with SkyPilot's words. `podip` is an address inside the cluster as well.
pub(super) fn expose(config: &Map<String, Value>) -> Result<Option<Expose>, InvalidField> {
    let Some(mode) = kubernetes(config, "ports") else { return Ok(None) };
    let refuse = |message: &str| InvalidField::new(&["config", "kubernetes", "ports"], &message);
    let kind = match mode.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("podip" | "clusterip") => ExposeType::ClusterIP,
        Some("loadbalancer" | "ingress") => {
            return Err(refuse("is not supported yet: ports are reached inside the cluster, by `clusterip`"));
        }
        _ => return Err(refuse("must be one of `clusterip`, `podip`")),
    };
    Ok(Some(Expose { kind, ..Expose::default() }))
}

/// `config.kubernetes.pod_config`, as the text that the resource holds.
pub(super) fn pod_config(config: &Map<String, Value>) -> Result<Option<String>, InvalidField> {
    let refuse = |message: &str| InvalidField::new(&["config", "kubernetes", "pod_config"], &message);
    match kubernetes(config, "pod_config") {
        None => Ok(None),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(None),
        Some(Value::Object(fields)) => {
            let text = Value::Object(fields.clone()).to_string();
            if text.len() > MAX_POD_CONFIG { Err(refuse("is longer than 64 KiB")) } else { Ok(Some(text)) }
        }
        Some(_) => Err(refuse("must be a mapping")),
    }
}

fn kubernetes<'a>(config: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    config.get("kubernetes")?.get(name).filter(|value| !value.is_null())
}
