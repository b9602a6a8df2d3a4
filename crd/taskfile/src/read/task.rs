//! The task: top-level fields.

use std::collections::BTreeMap;

use super::{alternatives, config, envs, hooks, json, mounts, policies, serving, substitute};
use crate::{
    ProblemKind,
    fields::{Fields, Read, boolean},
    problem::Problems,
    task::Task,
    yaml::{Node, Value},
};

const FIELDS: [&str; 22] = [
    "name",
    "num_nodes",
    "workdir",
    "resources",
    "envs",
    "secrets",
    "managed_secrets",
    "file_mounts",
    "volumes",
    "setup",
    "run",
    "config",
    "experimental",
    "service",
    "pool",
    "event_callback",
    "inputs",
    "outputs",
    "api_server_access",
    "execution",
    // SkyPilot writes these itself, when one of its machines tells another about a task.
    "_metadata",
    "_user_specified_yaml",
];

/// What comes with a file.
pub(super) struct Given<'a> {
    /// Values of secrets.
    pub(super) secrets: &'a BTreeMap<String, String>,
    /// Whether the task is to run: then there must be something to run.
    pub(super) to_run: bool,
}

/// Reads one document that is one task. All problems at once, in the order of the schema.
pub(super) fn read(path: &str, document: &Node, given: &Given<'_>, problems: &mut Problems) -> Task {
    let filled = substitute::concerns(document).then(|| {
        let (mut copy, variables) = (document.clone(), variables(document, given.secrets));
        substitute::all(&mut copy, &variables, problems);
        copy
    });
    let document = filled.as_ref().unwrap_or(document);
    let mut fields = Fields::new(path, document, &FIELDS, problems);
    let (name, num_nodes) = (fields.text("name"), num_nodes(&mut fields));
    let workdir = fields.nested("workdir", mounts::workdir).flatten();
    let resources = fields.nested("resources", alternatives::read).unwrap_or_default();
    let envs = envs::envs(&mut fields);
    let secrets = envs::secrets(&mut fields, given.secrets);
    let task = Task {
        name,
        num_nodes,
        workdir,
        resources,
        envs,
        secrets: secrets.all,
        managed_secrets: secrets.mounted,
        file_mounts: mounts::file_mounts(&mut fields),
        volumes: mounts::volumes(&mut fields),
        setup: fields.text("setup"),
        run: fields.text("run"),
        config: config(&mut fields),
        service: fields.nested("service", serving::service),
        pool: fields.nested("pool", serving::pool),
        event_callback: fields.text("event_callback"),
        inputs: fields.read("inputs", estimate).flatten(),
        outputs: fields.read("outputs", estimate).flatten(),
        api_server_access: fields.read("api_server_access", boolean),
    };
    if task.service.is_some() && task.pool.is_some() {
        fields.invalid("pool", "does not go together with `service`");
    }
    if fields.get("execution").is_some() {
        fields.invalid("execution", "belongs into a document of its own, at the top of a file of several tasks");
    }
    if given.to_run && fields.get("run").is_none() && fields.get("setup").is_none() {
        fields.refuse("run", ProblemKind::NothingToRun);
    }
    task
}

/// What `$NAME` stands for: variables, and secrets whose value is known.
fn variables(document: &Node, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let entries = |name| document.get(name).and_then(Node::as_map).unwrap_or_default();
    // A secret wins over a variable of its name.
    let both = entries("envs").iter().chain(entries("secrets"));
    let mut variables: BTreeMap<_, _> =
        both.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_text(), value.to_text())).collect();
    for (name, value) in given {
        variables.entry(name.clone()).and_modify(|known| known.clone_from(value)).or_insert_with(|| value.clone());
    }
    variables
}

fn num_nodes(fields: &mut Fields<'_, '_>) -> u32 {
    let count = fields.read("num_nodes", |node| match node.value {
        Value::Int(count) => Ok(count),
        _ => Err(format!("must be a whole number, not {}", node.kind())),
    });
    match count {
        None => 1,
        Some(count) if count < 1 => {
            fields.refuse("num_nodes", ProblemKind::TooFewNodes(count));
            1
        }
        Some(count) => u32::try_from(count).unwrap_or_else(|_| {
            fields.invalid("num_nodes", format!("{count} nodes are too many"));
            1
        }),
    }
}

fn estimate(node: &Node) -> Read<Option<(String, f64)>> {
    if node.as_map().is_some_and(<[_]>::is_empty) { Ok(None) } else { policies::estimate(node).map(Some) }
}

/// `config`, or `experimental.config_overrides` of old. Keys inside are the server's to judge.
fn config(fields: &mut Fields<'_, '_>) -> serde_json::Map<String, serde_json::Value> {
    let old = fields.nested("experimental", |path, node, problems| {
        let mut fields = Fields::new(path, node, &["config_overrides"], problems);
        fields.read("config_overrides", json::map).unwrap_or_default()
    });
    let mut config = fields.nested("config", config::read).unwrap_or_default();
    for (key, value) in old.unwrap_or_default() {
        config.entry(key).or_insert(value);
    }
    let of_autostop = fields.get("resources").map(hooks::of_autostop).unwrap_or_default();
    if !of_autostop.is_empty() {
        let hooks = config.entry("hooks").or_insert_with(|| serde_json::Value::Array(Vec::new()));
        hooks.as_array_mut().into_iter().for_each(|hooks| hooks.extend(of_autostop.clone()));
    }
    config
}
