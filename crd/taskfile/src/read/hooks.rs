//! Scripts for the end of a task: `config.hooks`, and the one that older files have in `resources.autostop`.

use serde_json::{Value as Json, json};

use super::json;
use crate::{
    fields::{Fields, Read, text, whole},
    problem::Problems,
    yaml::{Node, Value},
};

/// Most hooks of a task, and bytes of each.
const MAX_HOOKS: usize = 32;
const MAX_HOOK_BYTES: usize = 16 << 10;

/// What a hook can wait for; all of it if nothing is said.
const EVENTS: [&str; 3] = ["stop", "preemption", "down"];

/// Seconds that a hook has if nothing is said.
const TIMEOUT: i64 = 3600;

/// The hooks of `config`, with SkyPilot's defaults filled in.
pub(super) fn read(path: &str, node: &Node, problems: &mut Problems) -> Vec<Json> {
    let Value::List(hooks) = &node.value else {
        problems.invalid(path, format!("must be a list, not {}", node.kind()), node.span);
        return Vec::new();
    };
    if hooks.len() > MAX_HOOKS {
        problems.invalid(path, format!("has more than {MAX_HOOKS} entries"), node.span);
        return Vec::new();
    }
    let one = |(index, hook): (usize, &Node)| {
        let mut fields = Fields::strict(&format!("{path}[{index}]"), hook, &["run", "events", "timeout"], problems);
        let script = fields.read("run", script);
        if hook.as_map().is_some() && hook.get("run").is_none() {
            fields.invalid("run", "is missing");
        }
        let events = fields.read("events", events);
        let events = events.unwrap_or_else(|| EVENTS.map(str::to_owned).to_vec());
        let timeout = fields.read("timeout", |node| whole(node, 1, i64::MAX)).unwrap_or(TIMEOUT);
        json!({"run": script, "events": events, "timeout": timeout})
    };
    hooks.iter().enumerate().map(one).collect()
}

/// What `autostop` of these resources and of their alternatives has to run. Whether it is well formed is told where the
/// field is read.
pub(super) fn of_autostop(resources: &Node) -> Vec<Json> {
    let alternatives = ["any_of", "ordered"].into_iter().filter_map(|name| match &resources.get(name)?.value {
        Value::List(entries) => Some(entries),
        _ => None,
    });
    let mut hooks = Vec::new();
    for one in std::iter::once(resources).chain(alternatives.flatten()) {
        let Some(autostop) = one.get("autostop") else { continue };
        let Some(script) = autostop.get("hook").and_then(Node::as_text) else { continue };
        let timeout = autostop.get("hook_timeout").map_or(Json::from(TIMEOUT), json::json);
        let hook = json!({"run": script, "events": ["stop"], "timeout": timeout});
        if !hooks.contains(&hook) {
            hooks.push(hook);
        }
    }
    hooks
}

fn script(node: &Node) -> Read<String> {
    let script = text(node)?;
    if script.is_empty() {
        Err("is empty".to_owned())
    } else if script.len() > MAX_HOOK_BYTES {
        Err(format!("has more than {MAX_HOOK_BYTES} bytes"))
    } else {
        Ok(script)
    }
}

fn events(node: &Node) -> Read<Vec<String>> {
    let event = |node: &Node| match node.as_text() {
        Some(event) if EVENTS.contains(&event) => Ok(event.to_owned()),
        _ => Err(format!("`{:.40}` is none of {}", node.to_text(), EVENTS.join(", "))),
    };
    let events = crate::fields::list(node, event)?;
    let twice = events.iter().enumerate().find(|(index, event)| events[..*index].contains(event));
    match twice {
        Some((_, event)) => Err(format!("has `{event}` twice")),
        None if events.is_empty() => Err(format!("is empty: write one of {}", EVENTS.join(", "))),
        None => Ok(events),
    }
}
