//! The task: top-level fields.

use sky_crd::api::TaskRequest;

use crate::{
    Problem, ProblemKind,
    fields::{Fields, Names, text},
    resources,
    yaml::Node,
};

const NAMES: Names = Names {
    known: &["name", "num_nodes", "workdir", "resources", "envs", "file_mounts", "volumes", "setup", "run"],
    unsupported: &[
        "secrets",
        "managed_secrets",
        "config",
        "experimental",
        "service",
        "pool",
        "event_callback",
        "inputs",
        "outputs",
        "api_server_access",
        "execution",
        "primary_tasks",
        "termination_delay",
    ],
};

/// Reads a whole document. All problems at once, in the order of the fields of the schema.
pub(crate) fn task(document: &Node) -> Result<TaskRequest, Vec<Problem>> {
    let Node::Map(entries) = document else { return Ok(TaskRequest::default()) };
    let mut problems = Vec::new();
    let mut fields = Fields::new("", entries, &NAMES, &mut problems);
    let request = TaskRequest {
        name: fields.text("name"),
        num_nodes: num_nodes(&mut fields),
        workdir: fields.read("workdir", workdir),
        resources: match fields.get("resources") {
            None => None,
            Some(Node::Map(entries)) => Some(resources::read(entries, fields.problems())),
            Some(other) => {
                let message = format!("must be a mapping, not {}", other.kind());
                fields.refuse("resources", ProblemKind::Invalid(message));
                None
            }
        },
        envs: fields.map("envs", env),
        file_mounts: fields.map("file_mounts", |node| mount(node, "a source, such as `s3://bucket/path`")),
        volumes: fields.map("volumes", |node| mount(node, "the name of a volume")),
        setup: fields.text("setup"),
        run: fields.text("run"),
    };
    if fields.get("run").is_none() && fields.get("setup").is_none() {
        fields.refuse("run", ProblemKind::NothingToRun);
    }
    if problems.is_empty() { Ok(request) } else { Err(problems) }
}

fn num_nodes(fields: &mut Fields<'_>) -> Option<u32> {
    let count = fields.read("num_nodes", |node| match node {
        Node::Int(count) => Ok(*count),
        // The original's API takes text that is a number.
        Node::Text(text) => text.trim().parse().map_err(|_| format!("must be a whole number, not `{text}`")),
        Node::Float(number) if number.fract() == 0.0 && number.abs() < 1e9 => {
            number.to_string().parse().map_err(|_| "must be a whole number".to_owned())
        }
        other => Err(format!("must be a whole number, not {}", other.kind())),
    })?;
    if count < 1 {
        fields.refuse("num_nodes", ProblemKind::TooFewNodes(count));
        return None;
    }
    fields.read("num_nodes", |_| u32::try_from(count).map_err(|_| format!("{count} nodes are too many")))
}

fn workdir(node: &Node) -> Result<String, String> {
    match node {
        Node::Map(_) => Err("a git repository as workdir is not supported".to_owned()),
        other => text(other),
    }
}

fn env(node: &Node) -> Result<String, String> {
    match node {
        Node::Null => Err("has no value: write one (`\"\"` for an empty one)".to_owned()),
        Node::List(_) | Node::Map(_) => Err(format!("must be a single value, not {}", node.kind())),
        scalar => scalar.scalar_text().ok_or_else(|| "must be a single value".to_owned()),
    }
}

fn mount(node: &Node, expected: &str) -> Result<String, String> {
    match node {
        Node::Text(text) => Ok(text.clone()),
        Node::Map(_) => Err(format!("the long form (a mapping) is not supported: write {expected}")),
        other => Err(format!("must be {expected}, not {}", other.kind())),
    }
}
