//! A file of one task, of a pipeline or of a job group.

use std::collections::{BTreeMap, HashSet};

use super::task::{self, Given};
use crate::{
    fields::{Fields, Read, boolean, list, text},
    problem::Problems,
    task::{Execution, Pipeline, Task, TerminationDelay},
    yaml::{Node, Value},
};

const HEADER: [&str; 5] = ["name", "execution", "primary_tasks", "termination_delay", "inter_connection"];

/// What a file is to be.
pub(crate) struct Context<'a> {
    pub(crate) secrets: &'a BTreeMap<String, String>,
    pub(crate) to_run: bool,
}

/// Reads all documents. Warnings are for what has no effect.
pub(crate) fn read(
    documents: &[Node],
    context: &Context<'_>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Pipeline {
    let given = Given { secrets: context.secrets, to_run: context.to_run };
    let several = |documents: &[Node], problems: &mut Problems| {
        let read = |(index, node): (usize, &Node)| {
            let path = if documents.len() > 1 { format!("[{index}]") } else { String::new() };
            task::read(&path, node, &given, problems)
        };
        documents.iter().enumerate().map(read).collect::<Vec<_>>()
    };
    let first = &documents[0];
    let is_group = first.get("execution").and_then(Node::as_text) == Some("parallel");
    if is_group {
        let (name, execution) = header(first, problems, warnings);
        let tasks = several(&documents[1..], problems);
        group_names(&documents[1..], first, &execution, problems);
        return Pipeline { name, execution, tasks };
    }
    if let Some(node) = first.get("execution").filter(|node| !node.is_null() && node.as_text() != Some("serial")) {
        problems.invalid("execution", format!("`{:.40}` is neither serial nor parallel", node.to_text()), node.span);
    }
    let name = first.get("name").and_then(Node::as_text).map(str::to_owned);
    let is_header = (documents.len() > 1 || first.get("execution").is_some())
        && first.get("name").is_some()
        && first
            .as_map()
            .is_some_and(|fields| fields.iter().all(|(key, _)| matches!(key.as_text(), Some("name" | "execution"))));
    let tasks = match documents {
        // A head alone is a task that does nothing.
        [_] if is_header => vec![Task { name: name.clone(), num_nodes: 1, ..Task::default() }],
        [_, tasks @ ..] if is_header => several(tasks, problems),
        tasks => several(tasks, problems),
    };
    let name = if is_header || documents.len() == 1 { name } else { None };
    Pipeline { name, execution: Execution::Serial, tasks }
}

/// The first document of a job group. Other keys have no effect in SkyPilot either.
fn header(node: &Node, problems: &mut Problems, warnings: &mut Vec<String>) -> (Option<String>, Execution) {
    let (known, unknown): (Vec<_>, Vec<_>) = node
        .as_map()
        .unwrap_or_default()
        .iter()
        .cloned()
        .partition(|(key, _)| key.as_text().is_some_and(|key| HEADER.contains(&key)));
    warnings.extend(
        unknown
            .iter()
            .take(20)
            .map(|(key, _)| format!("`{:.80}` has no effect in the head of a job group", key.to_text())),
    );
    let node = Node { value: Value::Map(known), span: node.span };
    let mut fields = Fields::new("", &node, &HEADER, problems);
    let name = fields.read("name", |node| {
        let name = text(node)?;
        if !name.is_empty() && fits_a_group(&name) {
            Ok(name)
        } else {
            Err(format!("`{name:.80}` is no name of a job group: letters, digits, `-` and `_`"))
        }
    });
    if fields.get("name").is_none() {
        fields.invalid("name", "is missing: a job group has one");
    }
    let execution = Execution::Parallel {
        // None of them is all of them.
        primary_tasks: fields.read("primary_tasks", |node| list(node, text)).filter(|tasks| !tasks.is_empty()),
        termination_delay: fields.read("termination_delay", delay),
        inter_connection: fields.read("inter_connection", boolean),
    };
    (name, execution)
}

/// Names in a job group become host names and paths.
fn fits_a_group(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

/// `30s`, or one by task.
fn delay(node: &Node) -> Read<TerminationDelay> {
    match node.as_map() {
        Some(entries) => {
            let entry = |(name, value): &(Node, Node)| Ok((name.to_text(), time(value)?));
            entries.iter().map(entry).collect::<Read<_>>().map(TerminationDelay::Each)
        }
        None => time(node).map(TerminationDelay::All),
    }
}

fn time(node: &Node) -> Read<String> {
    let given = match &node.value {
        Value::Text(_) | Value::Int(_) => node.to_text(),
        _ => return Err(format!("must be a time such as `30s`, not {}", node.kind())),
    };
    let digits = given.strip_suffix(['s', 'm', 'h', 'd', 'w', 'S', 'M', 'H', 'D', 'W']).unwrap_or(&given);
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if valid { Ok(given) } else { Err(format!("`{given:.40}` is no time: write for example `30s` or `5m`")) }
}

/// Every task of a group has a name of its own, and the head speaks of such names only.
fn group_names(tasks: &[Node], head: &Node, execution: &Execution, problems: &mut Problems) {
    if tasks.is_empty() {
        problems.invalid("execution", "a job group has one task or more, each in a document of its own", head.span);
    }
    let mut names = HashSet::new();
    for (index, task) in tasks.iter().enumerate() {
        let path = format!("[{index}].name");
        match task.get("name").and_then(Node::as_text) {
            None => problems.invalid(path, "is missing: every task of a job group has one", task.span),
            Some(name) if !fits_a_group(name) => {
                problems.invalid(
                    path,
                    format!("`{name:.80}` is no name in a job group: letters, digits, `-` and `_`"),
                    task.span,
                );
            }
            Some(name) if !names.insert(name) => {
                problems.invalid(
                    path,
                    format!("`{name:.80}` is the name of another task of this job group"),
                    task.span,
                );
            }
            Some(_) => {}
        }
    }
    let Execution::Parallel { primary_tasks, termination_delay, .. } = execution else { return };
    let at = |field| head.get(field).map_or(head.span, |node| node.span);
    for name in primary_tasks.iter().flatten().filter(|name| !names.contains(name.as_str())) {
        problems.invalid("primary_tasks", format!("there is no task `{name:.80}`"), at("primary_tasks"));
    }
    if let Some(TerminationDelay::Each(delays)) = termination_delay {
        for name in delays.keys().filter(|name| *name != "default" && !names.contains(name.as_str())) {
            problems.invalid("termination_delay", format!("there is no task `{name:.80}`"), at("termination_delay"));
        }
    }
}
