//! The part of `config` that travels with a task.

use serde_json::{Map, Value};

/// Keys of `config.kubernetes` that have a meaning for the gateway.
pub(super) const TRAVELS: [&str; 3] = ["pod_config", "ports", "provision_timeout"];

/// What of the configuration is in the request.
pub(super) fn request(config: &Map<String, Value>) -> Map<String, Value> {
    let kubernetes = config.get("kubernetes").and_then(Value::as_object);
    let given = |name: &str| kubernetes.and_then(|parts| parts.get(name)).filter(|value| !value.is_null());
    // Their types were checked when the file was read; the request as a whole is checked as the gateway checks it.
    let part = |name: &&str| given(name).map(|value| ((*name).to_owned(), value.clone()));
    let parts: Map<String, Value> = TRAVELS.iter().filter_map(part).collect();
    if parts.is_empty() { Map::new() } else { Map::from_iter([("kubernetes".to_owned(), parts.into())]) }
}
