//! What the API server would refuse of a specification, by its own schema, without asking it.
//!
//! Lengths, counts, ranges, patterns and choices. The rules in CEL are not looked at: whoever makes a specification from
//! a request makes none that they refuse.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value, json};

use crate::{schema, task::SkyTaskSpec};

/// Most that are told of one object.
const MAX_TOLD: usize = 100;

/// A value that the schema refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// From the specification to the value.
    pub path: Vec<Step>,
    /// What is wrong with it. Holds no value of a variable.
    pub message: String,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field, or a key of a mapping.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// Everything that the schema of a SkyTask refuses of this specification, at most a hundred.
pub fn of_task(spec: &SkyTaskSpec) -> Vec<Violation> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let crd = schema::task_crd();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    });
    let mut check = Check { path: Vec::new(), found: Vec::new() };
    check.value(&SCHEMA, &json!(spec));
    check.found.truncate(MAX_TOLD);
    check.found
}

struct Check {
    path: Vec<Step>,
    found: Vec<Violation>,
}

impl Check {
    fn refuse(&mut self, message: String) {
        self.found.push(Violation { path: self.path.clone(), message });
    }

    fn at(&mut self, step: Step, schema: &Value, value: &Value) {
        self.path.push(step);
        self.value(schema, value);
        self.path.pop();
    }

    fn value(&mut self, schema: &Value, value: &Value) {
        match value {
            Value::String(text) => self.text(schema, text),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default()),
            Value::Array(items) => {
                self.count(schema, ("minItems", "maxItems"), items.len(), "entries");
                for (index, item) in items.iter().enumerate() {
                    self.at(Step::Index(index), &schema["items"], item);
                }
            }
            Value::Object(fields) => self.object(schema, fields),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, schema: &Value, text: &str) {
        self.count(schema, ("minLength", "maxLength"), text.chars().count(), "characters");
        let pattern = schema["pattern"].as_str();
        if pattern.is_some_and(|pattern| Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))) {
            self.refuse(format!("`{text:.80}` is not of the form {}", pattern.unwrap_or_default()));
        }
        let choices = schema["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !choices.is_empty() && !choices.iter().any(|choice| choice == text) {
            let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
            self.refuse(format!("`{text:.80}` is none of {}", choices.join(", ")));
        }
    }

    fn number(&mut self, schema: &Value, number: f64) {
        if let Some(least) = schema["minimum"].as_f64().filter(|least| number < *least) {
            self.refuse(format!("must be {least} or more, not {number}"));
        }
        if let Some(most) = schema["maximum"].as_f64().filter(|most| number > *most) {
            self.refuse(format!("must be {most} or less, not {number}"));
        }
    }

    fn object(&mut self, schema: &Value, fields: &Map<String, Value>) {
        self.count(schema, ("minProperties", "maxProperties"), fields.len(), "entries");
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.refuse(format!("`{name}` is missing"));
            }
        }
        for (name, value) in fields {
            let of_field = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
            self.at(Step::Key(name.clone()), of_field, value);
        }
    }

    fn count(&mut self, schema: &Value, (least, most): (&str, &str), found: usize, what: &str) {
        let bound = |name: &str| schema[name].as_u64().and_then(|bound| usize::try_from(bound).ok());
        if let Some(most) = bound(most).filter(|most| found > *most) {
            self.refuse(format!("has {found} {what}: at most {most} are allowed"));
        }
        if let Some(least) = bound(least).filter(|least| found < *least) {
            self.refuse(format!("has {found} {what}: at least {least} are needed"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(spec: Value) -> Vec<(String, String)> {
        let spec: SkyTaskSpec = serde_json::from_value(spec).unwrap();
        let step = |step: &Step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        };
        let path = |path: &[Step]| path.iter().map(step).collect::<Vec<_>>().join(".");
        of_task(&spec).into_iter().map(|one| (path(&one.path), one.message)).collect()
    }

    #[test]
    fn every_kind_of_bound() {
        assert_eq!(told(json!({"run": "true", "envs": {"A": ""}})), []);
        let many: Map<String, Value> = (0..513).map(|index| (format!("V{index}"), json!("x"))).collect();
        for (spec, path, words) in [
            (json!({"numNodes": 0}), "numNodes", "must be 1 or more, not 0"),
            (json!({"numNodes": 1001}), "numNodes", "must be 1000 or less, not 1001"),
            (json!({"name": ""}), "name", "at least 1 are needed"),
            (json!({"name": "é".repeat(254)}), "name", "has 254 characters: at most 253"),
            (json!({"run": "x".repeat(524_289)}), "run", "has 524289 characters"),
            (json!({"envs": many}), "envs", "has 513 entries: at most 512"),
            (json!({"envs": {"A": "x".repeat(65_537)}}), "envs.A", "has 65537 characters"),
            (json!({"labels": {"a": "x".repeat(64)}}), "labels.a", "at most 63"),
            (json!({"taskId": "0123456X"}), "taskId", "`0123456X` is not of the form"),
            (json!({"volumes": [{"mountPath": "m", "name": "v"}]}), "volumes.0.mountPath", "form"),
            (json!({"resources": {"cpus": -1}}), "resources.cpus", "must be 0 or more"),
            (json!({"resources": {"cpus": "1".repeat(33)}}), "resources.cpus", "at most 32"),
            (
                json!({"resources": {"alternatives": [{"accelerators": [{"count": 2000}]}]}}),
                "resources.alternatives.0.accelerators.0.count",
                "must be 1024 or less",
            ),
        ] {
            let found = told(spec);
            assert!(found.len() == 1 && found[0].0 == path && found[0].1.contains(words), "{path}: {found:?}");
        }
        assert_eq!(told(json!({"numNodes": 0, "name": "", "retainSeconds": 0, "setup": "x".repeat(524_289)})).len(), 3);
    }

    /// A bound of a kind that is not looked at here would be told by the API server alone.
    #[test]
    fn the_schema_says_nothing_that_is_not_looked_at() {
        const KNOWN: [&str; 20] = [
            "type",
            "description",
            "format",
            "default",
            "nullable",
            "properties",
            "additionalProperties",
            "items",
            "required",
            "enum",
            "pattern",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "maxProperties",
            "minimum",
            "maximum",
            "x-kubernetes-int-or-string",
            "x-kubernetes-validations",
        ];
        fn unknown(schema: &Value, found: &mut Vec<String>) {
            for (keyword, value) in schema.as_object().into_iter().flatten() {
                let known = KNOWN.contains(&keyword.as_str()) || keyword.starts_with("x-kubernetes-list-");
                found.extend((!known).then(|| keyword.clone()));
                match keyword.as_str() {
                    "properties" => {
                        value.as_object().into_iter().flatten().for_each(|(_, field)| unknown(field, found));
                    }
                    "items" | "additionalProperties" => unknown(value, found),
                    "pattern" => assert!(Regex::new(value.as_str().unwrap()).is_ok(), "{value}"),
                    _ => {}
                }
            }
        }
        let crd = schema::task_crd();
        let mut found = Vec::new();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        unknown(spec, &mut found);
        assert_eq!(found, [] as [&str; 0]);
    }
}
