//! Services and pools: checked, so that a file can be validated, though they are not run.

use serde_json::{Map, Value as Json};

use super::json;
use crate::{
    fields::{Fields, Read, boolean, number, text, whole, word},
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
const POLICY: [&str; 9] = [
    "min_replicas",
    "max_replicas",
    "num_overprovision",
    "target_qps_per_replica",
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
const PROBE: [&str; 7] = [
    "path",
    "initial_delay_seconds",
    "timeout_seconds",
    "endpoint_probe_interval_seconds",
    "consecutive_failure_threshold_timeout",
    "post_data",
    "headers",
];
const BALANCING: [&str; 3] = ["round_robin", "least_load", "instance_aware_least_load"];
/// SkyPilot's defaults.
const DELAY: f64 = 1200.0;
const TIMEOUT: f64 = 15.0;

/// `service`, or `pool` of a service, which makes it a pool.
pub(super) fn service(path: &str, node: &Node, problems: &mut Problems) -> Service {
    let mut fields = Fields::new(path, node, &SERVICE, problems);
    let probe = fields.nested("readiness_probe", probe).unwrap_or_else(|| ReadinessProbe {
        path: "/".to_owned(),
        initial_delay_seconds: DELAY,
        timeout_seconds: TIMEOUT,
        rest: Map::new(),
    });
    let replicas = fields.read("replicas", |node| whole(node, i64::MIN, i64::MAX));
    let workers = fields.read("workers", |node| whole(node, i64::MIN, i64::MAX));
    for other in ["replica_policy", "workers"] {
        if fields.get("replicas").is_some() && fields.get(other).is_some() {
            fields.invalid("replicas", format!("does not go together with `{other}`"));
        }
    }
    let fixed = Replicas { min: replicas.or(workers).unwrap_or(1), max: None, rest: Map::new() };
    let replicas = fields.nested("replica_policy", policy).unwrap_or(fixed);
    let balancing = fields.read("load_balancing_policy", |node| word(node, &BALANCING));
    if balancing.is_some() && balancing != fields.get("load_balancing_policy").and_then(Node::as_text) {
        fields.invalid("load_balancing_policy", "is written in small letters");
    }
    let by_model = replicas.rest.get("target_qps_per_replica").is_some_and(Json::is_object);
    if by_model != (balancing == Some("instance_aware_least_load")) {
        let message = "and `target_qps_per_replica`: `instance_aware_least_load` goes with requests counted by model";
        fields.invalid("load_balancing_policy", message);
    }
    fields.nested("load_balancer", |path, node, problems| {
        Fields::strict(path, node, &["stream_timeout_seconds"], problems).read("stream_timeout_seconds", number)
    });
    fields.nested("tls", |path, node, problems| {
        let mut fields = Fields::strict(path, node, &["keyfile", "certfile"], problems);
        for name in ["keyfile", "certfile"] {
            if fields.text(name).is_none() && node.get(name).is_none() {
                fields.invalid(name, "is missing");
            }
        }
    });
    fields.read("ports", |node| whole(node, 1, 65_535));
    let pool = fields.nested("pool", pool);
    if let Some(name) = ["replicas", "replica_policy"].into_iter().find(|name| fields.get(name).is_some())
        && pool.is_some()
    {
        fields.invalid(name, "does not go together with `pool`");
    }
    let rest = rest(&fields, &["load_balancing_policy", "load_balancer", "tls", "ports"]);
    Service { readiness_probe: probe, replicas, pool, rest }
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
        let mut fields = Fields::strict(path, node, &PROBE, problems);
        match fields.get("path") {
            Some(_) => probe.path = fields.text("path").unwrap_or_default(),
            None if node.as_map().is_some() => fields.invalid("path", "is missing"),
            None => {}
        }
        probe.initial_delay_seconds = fields.read("initial_delay_seconds", number).unwrap_or(DELAY);
        probe.timeout_seconds = fields.read("timeout_seconds", number).unwrap_or(TIMEOUT);
        let [.., interval, threshold, body, headers] = PROBE;
        for name in [interval, threshold] {
            fields.read(name, number);
        }
        fields.map(headers, text);
        probe.rest = rest(&fields, &[interval, threshold, headers]);
        probe.rest.extend(fields.read(body, post_data).map(|data| (body.to_owned(), data)));
    }
    if !probe.path.starts_with('/') && problems.is_empty() {
        problems.invalid(path, format!("`{:.80}` is no path: it starts with `/`", probe.path), node.span);
    }
    probe
}

/// Requests per second, of all replicas or by their model.
fn rate(node: &Node) -> Read<()> {
    let one = |node: &Node| match number(node)? {
        rate if rate >= 0.0 => Ok(()),
        _ => Err(format!("must be 0 or more, not {}", node.to_text())),
    };
    node.as_map().map_or_else(|| one(node), |entries| entries.iter().try_for_each(|(_, rate)| one(rate)))
}

/// The body of a request: a mapping, or text that is JSON.
fn post_data(node: &Node) -> Read<Json> {
    match &node.value {
        Value::Text(text) => serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}")),
        Value::Map(_) => Ok(json::json(node)),
        _ => Err(format!("must be text that is JSON, or a mapping, not {}", node.kind())),
    }
}

fn policy(path: &str, node: &Node, problems: &mut Problems) -> Replicas {
    let mut fields = Fields::strict(path, node, &POLICY, problems);
    let count = |node: &Node| whole(node, 0, i64::MAX);
    let min = fields.read("min_replicas", count);
    let max = fields.read("max_replicas", count);
    for name in ["num_overprovision", "base_ondemand_fallback_replicas"] {
        fields.read(name, count);
    }
    for name in ["upscale_delay_seconds", "downscale_delay_seconds"] {
        fields.read(name, number);
    }
    let rate = fields.read("target_qps_per_replica", rate);
    fields.read("dynamic_ondemand_fallback", boolean);
    fields.read("spot_placer", |node| word(node, &["dynamic_fallback"]));
    match (fields.get("min_replicas").is_some(), min, max) {
        (false, ..) if node.as_map().is_some() => fields.invalid("min_replicas", "is missing"),
        (true, Some(min), Some(max)) if max < min => fields.invalid("max_replicas", "is below `min_replicas`"),
        (true, Some(_), None) if rate.is_some() => {
            fields.invalid("target_qps_per_replica", "needs `max_replicas`");
        }
        (true, Some(min), Some(max)) if max > min && rate.is_none() => {
            fields.invalid("max_replicas", "is above `min_replicas`: write `target_qps_per_replica` as well");
        }
        _ => {}
    }
    let own = ["min_replicas", "max_replicas"];
    let others: Vec<&str> = POLICY.into_iter().filter(|name| !own.contains(name)).collect();
    Replicas { min: min.unwrap_or(1), max, rest: rest(&fields, &others) }
}

pub(super) fn pool(path: &str, node: &Node, problems: &mut Problems) -> Pool {
    let mut fields = Fields::strict(path, node, &POOL, problems);
    let count = |node: &Node| whole(node, 0, i64::MAX);
    let workers = fields.read("workers", count);
    let (min, max) = (fields.read("min_workers", count), fields.read("max_workers", count));
    fields.read("queue_length_threshold", |node| whole(node, 1, i64::MAX));
    for name in ["upscale_delay_seconds", "downscale_delay_seconds"] {
        fields.read(name, |node| match number(node)? {
            seconds if seconds >= 0.0 => Ok(()),
            _ => Err(format!("must be 0 or more, not {}", node.to_text())),
        });
    }
    let gives = |fields: &Fields<'_, '_>, name: &str| fields.get(name).is_some();
    let alone = ["min_workers", "queue_length_threshold", "upscale_delay_seconds", "downscale_delay_seconds"];
    if !gives(&fields, "workers") && !gives(&fields, "min_workers") && !gives(&fields, "max_workers") {
        fields.invalid("workers", "is missing: write it, or `min_workers` and `max_workers`");
    } else if let Some(name) = alone.into_iter().find(|name| gives(&fields, name) && !gives(&fields, "max_workers")) {
        fields.invalid(name, "needs `max_workers`");
    }
    if let (Some(least), Some(most)) = (min.or(workers), max)
        && least > most
    {
        fields.invalid("max_workers", "is below the least number of workers");
    }
    let mut all = rest(&fields, &POOL);
    if max.is_some() {
        all.entry("min_workers").or_insert_with(|| workers.unwrap_or(1).into());
        all.entry("queue_length_threshold").or_insert(1.into());
    }
    Pool { fields: all }
}

fn rest(fields: &Fields<'_, '_>, names: &[&str]) -> Map<String, Json> {
    let value = |name: &&str| fields.get(name).map(|node| ((*name).to_owned(), json::json(node)));
    names.iter().filter_map(value).collect()
}
