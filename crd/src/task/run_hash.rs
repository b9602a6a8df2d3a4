//! What a task runs, as a short text: whether a changed specification is another run.

use std::fmt::Write as _;

use serde_json::Value;

use super::{RUN, SkyTaskSpec};
use crate::hex_prefix;

/// Which rules made the hash. A task whose hash is of other rules is never taken for changed.
const RULES: &str = "v1:";
/// Fields that the API server fills in: who leaves them out means the same.
const DEFAULTS: [(&str, &str); 3] = [("numNodes", "1"), ("gracePeriodSeconds", "30"), ("startTimeoutSeconds", "600")];

/// The hash of everything that decides the run ([`RUN`]). The same for fields in any order, for `4` and `"4"`, and for
/// what is left out and what is empty or has its default value.
pub fn run_hash(spec: &SkyTaskSpec) -> String {
    let mut text = String::new();
    // A specification is always an object of JSON: its keys are texts and its numbers are finite.
    let all = serde_json::to_value(spec).unwrap_or_default();
    let mut fields = RUN.to_vec();
    fields.sort_unstable();
    for field in fields {
        let value = &all[field];
        let default = DEFAULTS.iter().any(|(name, default)| *name == field && scalar(value) == *default);
        if !default && !is_empty(value) {
            write(&mut text, &Value::String(field.to_owned()));
            write(&mut text, value);
        }
    }
    format!("{RULES}{}", hex_prefix(&text, 32))
}

/// Whether two hashes are of the same rules, so that a difference is one of the runs.
pub fn is_comparable(hash: &str) -> bool {
    hash.starts_with(RULES)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every text with its length before it, so that no two values are written alike.
fn write(out: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !is_empty(value)).collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in fields {
                write(out, &Value::String(name.clone()));
                write(out, value);
            }
            out.push('}');
        }
        other => {
            let text = scalar(other);
            // Writing to a String cannot fail.
            let _ = write!(out, "{}:{text}", text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash(spec: Value) -> String {
        run_hash(&serde_json::from_value(spec).unwrap())
    }

    /// Golden: a change here would run tasks again, or keep them from it, at an upgrade. New rules need a new prefix.
    #[test]
    fn stays_the_same_for_ever() {
        assert_eq!(hash(json!({"run": "true"})), "v1:5466deb8edea59305affec9bbf5886fc");
        let full = json!({
            "numNodes": 2, "run": "train", "setup": "pip install x", "envs": {"A": "1", "B": ""}, "workdir": {"path": "/w"},
            "resources": {"cpus": "4", "imageId": "img"}, "volumes": [{"mountPath": "/d", "name": "data"}],
        });
        assert_eq!(hash(full), "v1:1e1a1a48fb830a23c95ef186b436d4d4");
        let repository = json!({"run": "true", "workdir": {"git": {"url": "https://host/repo", "ref": "v1"}}});
        assert_eq!(hash(repository), "v1:43578eaff19b3f0f338d95244b43c0f4");
    }

    #[test]
    fn what_means_the_same_has_the_same_hash() {
        let base = hash(json!({"run": "true", "resources": {"cpus": 4}}));
        for same in [
            json!({"run": "true", "resources": {"cpus": "4"}}),
            json!({"resources": {"cpus": 4}, "run": "true", "numNodes": 1, "envs": {}, "volumes": []}),
            json!({"run": "true", "resources": {"cpus": 4}, "gracePeriodSeconds": 30, "startTimeoutSeconds": 600}),
            json!({"run": "true", "resources": {"cpus": 4}, "stop": true, "suspend": true, "maxRestarts": 3}),
            json!({"run": "true", "resources": {"cpus": 4}, "user": "ann", "name": "x", "ttlSecondsAfterFinished": 1}),
        ] {
            assert_eq!(hash(same.clone()), base, "{same}");
        }
    }

    #[test]
    fn what_means_something_else_has_another() {
        let table = [
            json!({"run": "true"}),
            json!({"setup": "true"}),
            json!({"run": "true", "numNodes": 2}),
            json!({"run": "true", "workdir": {"git": {"url": "u"}}}),
            json!({"run": "true", "workdir": {"git": {"url": "u", "ref": "a"}}}),
            json!({"run": "true", "workdir": {"path": "u"}}),
            json!({"run": "true", "envs": {"A": ""}}),
            json!({"run": "true", "envs": {"A": "B"}}),
            json!({"run": "true", "envs": {"AB": ""}}),
            json!({"run": "true", "nodeSelector": {"A": "B"}}),
            json!({"run": "true", "labels": {"A": "B"}}),
        ];
        let hashes: std::collections::BTreeSet<_> = table.iter().cloned().map(hash).collect();
        assert_eq!(hashes.len(), table.len());
    }
}
