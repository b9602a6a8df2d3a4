//! Environment variables and secrets.

use std::collections::BTreeMap;

use sky_crd::api::REGISTRY_LOGIN;

use crate::{
    fields::Fields,
    problem::Problems,
    yaml::{Node, Value},
};

/// What a reference to a secret begins with.
const REFERENCE: &str = "secrets:";

/// Values as Python shows them; one without a value must be given one.
pub(super) fn envs(fields: &mut Fields<'_, '_>) -> BTreeMap<String, String> {
    // Sorted at once, at the end: there may be tens of thousands.
    let mut envs = Vec::new();
    fields.each("envs", |path, name, node, problems| {
        if node.is_null() {
            let message =
                format!("has no value: write one (`\"\"` for an empty one), or give it with `--env {name:.80}=…`");
            problems.invalid(path, message, node.span);
        } else {
            envs.push((name, node.to_text()));
        }
    });
    let envs = envs.into_iter().collect();
    docker_login(fields, "envs", &envs);
    envs
}

fn docker_login<T>(fields: &mut Fields<'_, '_>, name: &str, given: &BTreeMap<String, T>) {
    let missing: Vec<&str> = REGISTRY_LOGIN.into_iter().filter(|name| !given.contains_key(*name)).collect();
    // A name that is there without a value was a problem already.
    let named = |name: &&&str| fields.get("envs").is_some_and(|node| node.get(name).is_some());
    if !missing.is_empty() && missing.len() < REGISTRY_LOGIN.len() && !missing.iter().any(|name| named(&name)) {
        fields.invalid(name, format!("the variables for a registry go together: {} is missing", missing.join(", ")));
    }
}

/// Secrets and what is mounted of them.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) all: BTreeMap<String, Option<String>>,
    pub(super) mounted: Vec<(String, String)>,
}

pub(super) fn secrets(fields: &mut Fields<'_, '_>, given: &BTreeMap<String, String>) -> Secrets {
    let mut secrets = Secrets { all: fields.nested("secrets", read).unwrap_or_default(), mounted: Vec::new() };
    if let Some(managed) = fields.nested("managed_secrets", managed) {
        for (name, path) in managed {
            match path {
                Some(path) => secrets.mounted.push((name, path)),
                None => drop(secrets.all.entry(name).or_insert(None)),
            }
        }
    }
    secrets.all.extend(given.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
    if fields.get("secrets").is_some() {
        let valued = secrets.all.iter().filter(|(_, value)| value.is_some());
        docker_login(fields, "secrets", &valued.map(|(name, value)| (name.clone(), value)).collect());
    }
    secrets
}

/// `{NAME: value}`, `{NAME: null}`, `[secrets:NAME]`.
fn read(path: &str, node: &Node, problems: &mut Problems) -> BTreeMap<String, Option<String>> {
    let mut secrets = BTreeMap::new();
    match &node.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let name = key.to_text();
                let plain = name.strip_prefix(REFERENCE);
                match (plain, value.is_null()) {
                    (Some(plain), true) => drop(secrets.insert(plain.to_owned(), None)),
                    (Some(plain), false) => {
                        let message =
                            format!("is a reference and has no value of its own: leave it out, or write `{plain:.80}`");
                        problems.invalid(format!("{path}.{name:.80}"), message, value.span);
                    }
                    (None, true) => drop(secrets.insert(name, None)),
                    (None, false) => drop(secrets.insert(name, Some(value.to_text()))),
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                match item.as_text().and_then(|text| text.strip_prefix(REFERENCE)).filter(|name| !name.is_empty()) {
                    Some(name) => drop(secrets.insert(name.to_owned(), None)),
                    None => problems.invalid(
                        format!("{path}[{index}]"),
                        "a list names secrets that exist, as `secrets:NAME`; write a mapping for secrets with a value",
                        item.span,
                    ),
                }
            }
        }
        _ => problems.invalid(path, format!("must be a mapping or a list, not {}", node.kind()), node.span),
    }
    secrets
}

/// Names, or names with the path where they are mounted.
fn managed(path: &str, node: &Node, problems: &mut Problems) -> Vec<(String, Option<String>)> {
    let Value::List(items) = &node.value else {
        problems.invalid(path, format!("must be a list, not {}", node.kind()), node.span);
        return Vec::new();
    };
    let mut all = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match &item.value {
            Value::Text(name) => all.push((name.strip_prefix(REFERENCE).unwrap_or(name).to_owned(), None)),
            Value::Map(entries) if entries.len() == 1 => {
                for (name, options) in entries {
                    let name = name.to_text();
                    let mut fields = Fields::new(&format!("{path}.{name:.80}"), options, &["mount_path"], problems);
                    let mount_path = fields.text("mount_path");
                    all.push((name, mount_path));
                }
            }
            _ => problems.invalid(path, "must be a name, or a name with its `mount_path`", item.span),
        }
    }
    all
}
