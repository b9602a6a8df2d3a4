//! Merging as SkyPilot does (its `merge_k8s_configs`): mappings field by field, lists item by item where items have a
//! key, else one after the other.

use serde_json::{Map, Value};

use crate::task::pod::CONTAINER;

/// SkyPilot's name of the container that runs the task.
pub(super) const RAY_NODE: &str = "ray-node";

/// Lists whose items have a key, and that key (Kubernetes' patch merge keys).
const KEYED: [(&str, &str); 10] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("resourceClaims", "name"),
    ("env", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("ports", "containerPort"),
    ("hostAliases", "ip"),
];

/// Merges `change` into `base`. A null takes nothing away: SkyPilot's configuration has no way to say so either.
pub(super) fn into(base: &mut Value, change: &Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (name, value) in change.iter().filter(|(_, value)| !value.is_null()) {
                let entry = base.entry(name.clone()).or_insert(Value::Null);
                match (&mut *entry, value) {
                    (Value::Array(items), Value::Array(more)) => list(name, items, more),
                    (Value::Null, Value::Array(more)) => {
                        let mut items = Vec::new();
                        list(name, &mut items, more);
                        *entry = items.into();
                    }
                    _ => into(entry, value),
                }
            }
        }
        (base, change) => base.clone_from(change),
    }
}

fn list(name: &str, items: &mut Vec<Value>, more: &[Value]) {
    if name == "nodeSelectorTerms" && !items.is_empty() {
        // Any one term is enough for the scheduler: one after the other would undo the choice of machines.
        *items = more.iter().flat_map(|theirs| items.iter().map(move |ours| both(ours, theirs))).collect();
        return;
    }
    let key = KEYED.iter().find(|(list, _)| *list == name).map(|(_, key)| *key);
    for item in more {
        let item = if name == "containers" { named(item) } else { item.clone() };
        let same = |known: &Value| key.is_some_and(|key| item.get(key).is_some() && known.get(key) == item.get(key));
        // What is there already is not said twice.
        let place = items.iter().position(|known| same(known) || (key.is_none() && *known == item));
        match place.and_then(|place| items.get_mut(place)) {
            // Of a variable, a value and a place to take it from would both stand there.
            Some(known) if name == "env" => *known = item,
            Some(known) => into(known, &item),
            None => items.push(item),
        }
    }
}

/// The task's own container, where it has no name or SkyPilot's.
fn named(container: &Value) -> Value {
    let mut container = container.clone();
    if let Value::Object(fields) = &mut container
        && fields.get("name").is_none_or(|name| name.is_null() || name == RAY_NODE)
    {
        fields.insert("name".to_owned(), CONTAINER.into());
    }
    container
}

/// A term that asks for what both ask for.
fn both(ours: &Value, theirs: &Value) -> Value {
    let mut term = Map::new();
    for part in ["matchExpressions", "matchFields"] {
        let of = |term: &Value| term.get(part).and_then(Value::as_array).cloned().unwrap_or_default();
        let all = [of(ours), of(theirs)].concat();
        if !all.is_empty() {
            term.insert(part.to_owned(), all.into());
        }
    }
    term.into()
}
