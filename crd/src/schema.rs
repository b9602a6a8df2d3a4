//! The CustomResourceDefinitions: what the Rust types say, plus what only the API server can check.
//!
//! Maxima on every string, list and map keep CEL's cost budget (10 million a rule, 100 million a CRD), and they are part
//! of the contract: a limit may grow later, it never shrinks.

use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::{
    condition::Reason,
    git::InvalidGit,
    task::{IDENTITY, RUN, SkyTask},
    volume::SkyVolume,
};

/// What flux and kubectl recognise as "delete and create again".
const IMMUTABLE: &str = "field is immutable";
const MAX_ENV_VALUE: u32 = 65_536;
const MAX_LABEL_VALUE: u32 = 63;
/// Cap for texts in status, whose length the operator bounds itself.
const MAX_STATUS_TEXT: u32 = 32_768;

/// The CRD of [`SkyTask`], as JSON.
pub fn task_crd() -> Value {
    let mut crd = json!(SkyTask::crd());
    let spec = at(&mut crd, "/properties/spec");
    merge(
        spec,
        "/properties/envs",
        json!({"maxProperties": 512, "additionalProperties": {"maxLength": MAX_ENV_VALUE}}),
    );
    merge(spec, "/properties/labels", label_map());
    merge(spec, "/properties/nodeSelector", label_map());
    merge(spec, "/properties/volumes", list_map("mountPath"));
    merge(spec, "/properties/fileMounts", list_map("path"));
    merge(spec, "/properties/imagePullSecrets", list_map("name"));
    merge(spec, "/properties/secrets", list_map("name"));
    let source = "has(self.secretName) != has(self.configMapName)";
    merge(spec, "/properties/volumes/items/properties/ephemeral/properties/labels", label_map());
    let one = "has(self.name) != has(self.ephemeral)";
    add_rule(spec, "/properties/volumes/items", rule(one, "write either name or ephemeral", None));
    add_rule(spec, "/properties/envFrom/items", rule(source, "write either secretName or configMapName", None));
    merge(
        spec,
        "/properties/expose/properties/annotations",
        json!({"maxProperties": 16, "additionalProperties": {"maxLength": 1024}}),
    );
    let resources = "/properties/resources/properties";
    let alternative = format!("{resources}/alternatives/items/properties");
    for field in ["cpus", "memory", "diskSize", "ports/items"] {
        merge(spec, &format!("{resources}/{field}"), int_or_short_text());
    }
    for field in ["cpus", "memory", "diskSize"] {
        merge(spec, &format!("{alternative}/{field}"), int_or_short_text());
    }
    merge(spec, &format!("{alternative}/labels"), label_map());
    add_rule(spec, "/properties/workdir", rule("has(self.path) != has(self.git)", "write either path or git", None));
    // What was stored once, everybody has read who may read tasks.
    let open = "!self.matches('^[a-zA-Z+]+://[^/@]*:[^/]*@')";
    let message = InvalidGit::Password.to_string();
    add_rule(spec, "/properties/workdir/properties/git/properties/url", rule(open, &message, None));
    let work = "(has(self.run) && size(self.run) > 0) || (has(self.setup) && size(self.setup) > 0)";
    add_rule(spec, "", rule(work, "run is required (or setup)", Some("run")));
    freeze_fields(spec, IDENTITY);
    freeze_unless_policy_allows(spec, RUN);
    let status = at(&mut crd, "/properties/status");
    merge(status, "/properties/nodes", list_map("index"));
    merge(status, "/properties/attempts", list_map("attempt"));
    // Where no operator runs, nobody else says that nobody looks.
    let unobserved = Reason::Unobserved;
    let message = unobserved.advised("no operator has looked at it yet");
    merge(status, "", json!({"default": {"pending": {"reason": unobserved.as_str(), "message": message}}}));
    finish(crd)
}

/// The CRD of [`SkyVolume`], as JSON.
pub fn volume_crd() -> Value {
    let mut crd = json!(SkyVolume::crd());
    let spec = at(&mut crd, "/properties/spec");
    merge(spec, "/properties/accessModes", json!({"x-kubernetes-list-type": "set"}));
    freeze_fields(spec, &["name", "user", "volumeId", "claimName", "storageClass", "accessModes"]);
    // Not "immutable": what deletes and creates again on that word would lose the data.
    let grows = "quantity(self).compareTo(quantity(oldSelf)) >= 0";
    add_rule(spec, "/properties/size", rule(grows, "a volume can grow, not shrink", None));
    finish(crd)
}

/// What both kinds share: the status that is there from the first read on, conditions as a map, maxima everywhere.
fn finish(mut crd: Value) -> Value {
    let status = at(&mut crd, "/properties/status");
    merge(status, "", json!({"default": {"observedGeneration": -1}}));
    merge(status, "/properties/conditions", list_map("type"));
    bound_texts(status);
    known_formats(&mut crd);
    crd
}

/// The part of the first version's schema at `pointer`.
fn at<'a>(crd: &'a mut Value, pointer: &str) -> &'a mut Value {
    let path = format!("/spec/versions/0/schema/openAPIV3Schema{pointer}");
    match crd.pointer_mut(&path) {
        Some(found) => found,
        None => unreachable!("the schema has no {path}: a field was renamed and the table above was not"),
    }
}

/// Adds the keys of `extra` to the object at `pointer`, objects inside them likewise.
fn merge(schema: &mut Value, pointer: &str, extra: Value) {
    let Some(target) = schema.pointer_mut(pointer) else {
        unreachable!("the schema has no {pointer}: a field was renamed and the table above was not")
    };
    merge_into(target, extra);
}

fn merge_into(target: &mut Value, extra: Value) {
    match (target, extra) {
        (Value::Object(target), Value::Object(extra)) => {
            for (key, value) in extra {
                merge_into(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, extra) => *target = extra,
    }
}

/// A larger number would pass the API server and then be unreadable for every client that knows Kubernetes' type.
fn int_or_short_text() -> Value {
    json!({"maxLength": 32, "minimum": 0, "maximum": i32::MAX})
}

fn label_map() -> Value {
    json!({"maxProperties": 64, "additionalProperties": {"maxLength": MAX_LABEL_VALUE}})
}

fn list_map(key: &str) -> Value {
    json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]})
}

fn rule(cel: &str, message: &str, field: Option<&str>) -> Value {
    let mut rule = json!({"rule": cel, "message": message});
    if let Some(field) = field {
        merge_into(&mut rule, json!({"fieldPath": format!(".{field}")}));
    }
    rule
}

fn add_rule(schema: &mut Value, pointer: &str, rule: Value) {
    let Some(Value::Object(target)) = schema.pointer_mut(pointer) else {
        unreachable!("the schema has no object {pointer}")
    };
    let rules = target.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
    if let Value::Array(rules) = rules {
        rules.push(rule);
    }
}

/// Makes fields immutable, added and removed fields included: a rule on the field names the field.
/// Makes fields of a task immutable unless its update policy, as it then is, lets them change. Only a rule on the whole
/// specification sees both.
fn freeze_unless_policy_allows(spec: &mut Value, fields: &[&str]) {
    let allowed = "has(self.updatePolicy) && self.updatePolicy != 'Reject'";
    for field in fields {
        let same = format!(
            "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
        );
        add_rule(spec, "", rule(&format!("({allowed}) || ({same})"), IMMUTABLE, Some(field)));
    }
}

fn freeze_fields(spec: &mut Value, fields: &[&str]) {
    for field in fields {
        add_rule(spec, &format!("/properties/{field}"), rule("self == oldSelf", IMMUTABLE, None));
        let always_there = spec["properties"][field].get("default").is_some()
            || spec["required"].as_array().is_some_and(|required| required.contains(&json!(field)));
        if !always_there {
            let presence = format!("has(self.{field}) == has(oldSelf.{field})");
            add_rule(spec, "", rule(&presence, IMMUTABLE, Some(field)));
        }
    }
}

/// Gives every string and list below a maximum where it has none.
fn bound_texts(schema: &mut Value) {
    if let Value::Object(node) = schema {
        if node.get("type") == Some(&json!("string")) && !node.contains_key("enum") {
            node.entry("maxLength").or_insert(json!(MAX_STATUS_TEXT));
        }
        if node.get("type") == Some(&json!("array")) {
            node.entry("maxItems").or_insert(json!(1000));
        }
        node.values_mut().for_each(bound_texts);
    }
}

/// Kubernetes knows `int32` and `int64` only and warns about Rust's unsigned formats at every `kubectl apply`.
fn known_formats(schema: &mut Value) {
    match schema {
        Value::Object(node) => {
            if let Some(Value::String(format)) = node.get_mut("format")
                && let Some(signed) = format.strip_prefix('u')
                && signed.starts_with("int")
            {
                *format = signed.to_owned();
            }
            node.values_mut().for_each(known_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(known_formats),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::LIVE;

    /// `kubectl explain` must answer for every field.
    fn undocumented(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let here = format!("{path}.{name}");
            if field["description"].as_str().is_none_or(str::is_empty) {
                found.push(here.clone());
            }
            undocumented(field, &here, found);
            undocumented(&field["items"], &here, found);
        }
    }

    #[test]
    fn every_field_is_documented() {
        for crd in [task_crd(), volume_crd()] {
            let mut found = Vec::new();
            undocumented(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "", &mut found);
            // `.metadata`, `.spec` and `.status` are Kubernetes' own words for the parts of an object.
            found.retain(|path| ![".metadata", ".spec", ".status"].contains(&path.as_str()));
            assert!(found.is_empty(), "{found:?}");
        }
    }

    /// Beyond 262,144 bytes `kubectl apply` cannot keep its annotation; half of that leaves room to grow.
    #[test]
    fn fits_kubectl_apply() {
        for crd in [task_crd(), volume_crd()] {
            assert!(crd.to_string().len() < 131_072, "{}", crd.to_string().len());
        }
    }

    /// A field that is added must be put into one of the lists: whether it decides what is run is never by chance.
    #[test]
    fn every_spec_field_of_a_task_is_identity_run_or_live() {
        let mut crd = task_crd();
        let mut listed = [IDENTITY, RUN, LIVE].concat();
        listed.sort_unstable();
        let fields = at(&mut crd, "/properties/spec/properties").as_object().unwrap().clone();
        let mut named: Vec<&str> = fields.keys().map(String::as_str).collect();
        named.sort_unstable();
        assert_eq!(named, listed);
        let rules = at(&mut crd, "/properties/spec/x-kubernetes-validations").to_string();
        for (name, field) in &fields {
            let frozen = field["x-kubernetes-validations"].to_string().contains("self == oldSelf");
            assert_eq!(frozen, IDENTITY.contains(&name.as_str()), "{name}");
            assert_eq!(rules.contains(&format!("self.{name} == oldSelf")), RUN.contains(&name.as_str()), "{name}");
        }
    }
}
