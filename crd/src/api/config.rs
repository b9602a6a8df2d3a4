//! The part of SkyPilot's `config` that has a meaning for a task here.

use serde_json::{Map, Value};

use super::InvalidField;
use crate::task::{Expose, ExposeType, Lifecycle};

/// The resource's schema allows no more, in bytes.
const MAX_POD_CONFIG: usize = 65_536;

/// `config.kubernetes.ports`, with SkyPilot's words. `podip` is an address inside the cluster as well.
pub(super) fn expose(config: &Map<String, Value>) -> Result<Option<Expose>, InvalidField> {
    let Some(mode) = kubernetes(config, "ports") else { return Ok(None) };
    let refuse = |message: &str| InvalidField::new(&["config", "kubernetes", "ports"], &message);
    let kind = match mode.as_str() {
        Some(mode) if mode.eq_ignore_ascii_case("podip") => Some(ExposeType::ClusterIP),
        Some(mode) => ExposeType::from_text(mode),
        None => None,
    };
    let kind = kind.ok_or_else(|| refuse("must be one of `clusterip`, `podip`, `loadbalancer`, `ingress`"))?;
    Ok(Some(Expose::of(kind)))
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

/// `config.kubernetes.provision_timeout`, as seconds of `placementTimeoutSeconds`.
///
/// Below zero SkyPilot waits for ever, which is 0 here. A wait of nothing at all is the shortest that there is, since a
/// machine is never taken at once, and one of more than a week is a week.
pub(super) fn placement_timeout(config: &Map<String, Value>) -> Result<Option<u32>, InvalidField> {
    let Some(value) = kubernetes(config, "provision_timeout") else { return Ok(None) };
    match value.as_f64().filter(|seconds| seconds.fract() == 0.0) {
        None => {
            let message = "must be a whole number of seconds, or -1 to wait for ever";
            Err(InvalidField::new(&["config", "kubernetes", "provision_timeout"], &message))
        }
        Some(seconds) if seconds < 0.0 => Ok(Some(0)),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped before")]
        Some(seconds) => Ok(Some(seconds.clamp(1.0, f64::from(Lifecycle::MAX_PLACEMENT_SECONDS)) as u32)),
    }
}

fn kubernetes<'a>(config: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    config.get("kubernetes")?.get(name).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ways_to_reach_ports() {
        let read = |value: Value| {
            let Value::Object(config) = json!({"kubernetes": {"ports": value}}) else { unreachable!() };
            expose(&config).map(|expose| expose.map(|expose| expose.kind))
        };
        for (word, kind) in [
            (json!(null), None),
            (json!("podip"), Some(ExposeType::ClusterIP)),
            (json!("clusterip"), Some(ExposeType::ClusterIP)),
            (json!("loadbalancer"), Some(ExposeType::LoadBalancer)),
            (json!("LoadBalancer"), Some(ExposeType::LoadBalancer)),
            (json!("ingress"), Some(ExposeType::Ingress)),
        ] {
            assert_eq!(read(word.clone()), Ok(kind), "{word}");
        }
        for word in [json!("nodeport"), json!(""), json!(8080), json!(["ingress"])] {
            assert_eq!(read(word.clone()).unwrap_err().path.join("."), "config.kubernetes.ports", "{word}");
        }
    }

    fn timeout(value: &Value) -> Result<Option<u32>, InvalidField> {
        let Value::Object(config) = json!({"kubernetes": {"provision_timeout": value}}) else { unreachable!() };
        placement_timeout(&config)
    }

    #[test]
    fn waits_for_machines() {
        assert_eq!(placement_timeout(&Map::new()), Ok(None));
        for (value, seconds) in [
            (json!(null), None),
            (json!(600), Some(600)),
            (json!(600.0), Some(600)),
            (json!(-1), Some(0)),
            (json!(i64::MIN), Some(0)),
            (json!(0), Some(1)),
            (json!(604_801), Some(604_800)),
            (json!(u64::MAX), Some(604_800)),
            (json!(1e300), Some(604_800)),
        ] {
            assert_eq!(timeout(&value), Ok(seconds), "{value}");
        }
        for value in [json!(1.5), json!("600"), json!(true), json!([600]), json!({})] {
            let refused = timeout(&value).unwrap_err();
            assert_eq!(refused.path.join("."), "config.kubernetes.provision_timeout", "{value}");
        }
    }
}
