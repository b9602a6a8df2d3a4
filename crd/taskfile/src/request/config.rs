//! The part of `config` that travels with a task.

use serde_json::{Map, Value};

use super::Refusals;

/// Keys of `config.kubernetes` that have a meaning for the gateway.
pub(super) const TRAVELS: [&str; 2] = ["pod_config", "ports"];

/// What of the configuration is in the request.
pub(super) fn request(config: &Map<String, Value>, refusals: &mut Refusals<'_>) -> Map<String, Value> {
    let kubernetes = config.get("kubernetes").and_then(Value::as_object);
    let given = |name: &str| kubernetes.and_then(|parts| parts.get(name)).filter(|value| !value.is_null());
    let mut parts = Map::new();
    for (name, value) in TRAVELS.iter().filter_map(|name| Some((*name, given(name)?))) {
        let message = match (name, value) {
            ("pod_config", Value::Object(_)) => None,
            ("pod_config", _) => Some("must be a mapping: it is merged into the pod"),
            // The request as a whole is checked as the gateway checks it.
            _ => None,
        };
        match message {
            Some(message) => refusals.add(&["config", "kubernetes", name], message),
            None => drop(parts.insert(name.to_owned(), value.clone())),
        }
    }
    if parts.is_empty() { Map::new() } else { Map::from_iter([("kubernetes".to_owned(), parts.into())]) }
}
