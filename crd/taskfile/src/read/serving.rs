//! Services and pools: checked, so that a file can be validated, though they are not run.

use serde_json::{Map, Value as Json};

use super::json;
use crate::{
    fields::{Fields, boolean, number, text, whole},
    problem::Problems,
    task::{Pool, ReadinessProbe, Replicas, Service},
    yaml::{Node, Value},
};

const SERVICE: [&str; 9] = [
    "readiness_probe",
    "replicas",
    "replica_policy",
    "load_balancing_policy",
    "load_balancer",
    "tls",
    "ports",
    "pool",
    "workers",
];
const POLICY: [&str; 11] = [
    "min_replicas",
    "max_replicas",
    "num_overprovision",
    "target_qps_per_replica",
    "queue_length_threshold",
    "qps_window_size",
    "upscale_delay_seconds",
    "downscale_delay_seconds",
    "dynamic_ondemand_fallback",
    "base_ondemand_fallback_replicas",
    "spot_placer",
];
const POOL: [&str; 6] = [
    "workers",
    "min_workers",
    "max_workers",
    "queue_length_threshold",
    "upscale_delay_seconds",
    "downscale_delay_seconds",
];
/// SkyPilot's defaults.
const DELAY: f64 = 1200.0;
const TIMEOUT: f64 = 15.0;

pub(super) fn service(path: &str, node: &Node, problems: &mut Problems) -> Service {
    let mut fields = Fields::new(path, node, &SERVICE, problems);
    let probe = fields.nested("readiness_probe", probe).unwrap_or_else(|| ReadinessProbe {
        path: "/".to_owned(),
        initial_delay_seconds: DELAY,
        timeout_seconds: TIMEOUT,
        rest: Map::new(),
    });
    let count = fields.read("replicas", |node| whole(node, 0, i64::MAX));
    if fields.get("replicas").is_some() && fields.get("replica_policy").is_some() {
        fields.invalid("replicas", "does not go together with `replica_policy`");
    }
    let fixed = Replicas { min: count.unwrap_or(1), max: None, rest: Map::new() };
    let replicas = fields.nested("replica_policy", policy).unwrap_or(fixed);
    fields.text("load_balancing_policy");
    let rest = rest(&fields, &["load_balancing_policy", "load_balancer", "tls", "ports", "pool", "workers"]);
    Service { readiness_probe: probe, replicas, rest }
}

fn probe(path: &str, node: &Node, problems: &mut Problems) -> ReadinessProbe {
    let mut probe = ReadinessProbe {
        path: "/".to_owned(),
        initial_delay_seconds: DELAY,
        timeout_seconds: TIMEOUT,
        rest: Map::new(),
    };
    if let Value::Text(text) = &node.value {
        probe.path.clone_from(text);
    } else {
        let known = ["path", "initial_delay_seconds", "timeout_seconds", "post_data", "headers"];
        let mut fields = Fields::new(path, node, &known, problems);
        match fields.get("path") {
            Some(_) => probe.path = fields.text("path").unwrap_or_default(),
            None if node.as_map().is_some() => fields.invalid("path", "is missing"),
            None => {}
        }
        probe.initial_delay_seconds = fields.read("initial_delay_seconds", number).unwrap_or(DELAY);
        probe.timeout_seconds = fields.read("timeout_seconds", number).unwrap_or(TIMEOUT);
        fields.map("headers", text);
        probe.rest = rest(&fields, &["post_data", "headers"]);
    }
    if !probe.path.starts_with('/') && problems.is_empty() {
        problems.invalid(path, format!("`{:.80}` is no path: it starts with `/`", probe.path), node.span);
    }
    probe
}

fn policy(path: &str, node: &Node, problems: &mut Problems) -> Replicas {
    let mut fields = Fields::new(path, node, &POLICY, problems);
    let count = |node: &Node| whole(node, 0, i64::MAX);
    let min = fields.read("min_replicas", count);
    let max = fields.read("max_replicas", count);
    for name in ["num_overprovision", "base_ondemand_fallback_replicas"] {
        fields.read(name, count);
    }
    for name in ["queue_length_threshold", "qps_window_size", "upscale_delay_seconds", "downscale_delay_seconds"] {
        fields.read(name, number);
    }
    fields.read("dynamic_ondemand_fallback", boolean);
    fields.text("spot_placer");
    match (fields.get("min_replicas").is_some(), min, max) {
        (false, ..) if node.as_map().is_some() => fields.invalid("min_replicas", "is missing"),
        (true, Some(min), Some(max)) if max < min => fields.invalid("max_replicas", "is below `min_replicas`"),
        _ => {}
    }
    let own = ["min_replicas", "max_replicas"];
    let others: Vec<&str> = POLICY.into_iter().filter(|name| !own.contains(name)).collect();
    Replicas { min: min.unwrap_or(1), max, rest: rest(&fields, &others) }
}

pub(super) fn pool(path: &str, node: &Node, problems: &mut Problems) -> Pool {
    let mut fields = Fields::new(path, node, &POOL, problems);
    for name in ["workers", "min_workers", "max_workers", "queue_length_threshold"] {
        fields.read(name, |node| whole(node, 0, i64::MAX));
    }
    for name in ["upscale_delay_seconds", "downscale_delay_seconds"] {
        fields.read(name, number);
    }
    if fields.get("workers").is_some() && (fields.get("min_workers").is_some() || fields.get("max_workers").is_some()) {
        fields.invalid("workers", "does not go together with `min_workers` and `max_workers`");
    }
    Pool { fields: rest(&fields, &POOL) }
}

fn rest(fields: &Fields<'_, '_>, names: &[&str]) -> Map<String, Json> {
    let value = |name: &&str| fields.get(name).map(|node| ((*name).to_owned(), json::json(node)));
    names.iter().filter_map(value).collect()
}
