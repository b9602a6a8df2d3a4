//! What happens to a task over its life: recovery, autostop, labels, images.

use std::collections::BTreeMap;

use crate::{
    fields::{Fields, Read, boolean, text, whole, word},
    problem::Problems,
    task::{Autostop, JobRecovery, WaitFor},
    yaml::{Node, Value},
};

/// More than any pod has.
const MAX_LABELS: usize = 256;

/// A strategy's name or a mapping; `none` is the same as nothing. Unknown keys are the server's to judge in SkyPilot;
/// here they would have no effect, and are let through.
pub(super) fn job_recovery(path: &str, node: &Node, problems: &mut Problems) -> Option<JobRecovery> {
    let recovery = match &node.value {
        Value::Text(name) => JobRecovery { strategy: Some(name.clone()), ..JobRecovery::default() },
        Value::Map(entries) => {
            let known = ["strategy", "max_restarts_on_errors", "recover_on_exit_codes"];
            // A strategy that is null is none; the others are given or left out.
            let is_known = |(key, value): &&(Node, Node)| match key.as_text() {
                Some("strategy") => !value.is_null(),
                Some(key) => known.contains(&key),
                None => false,
            };
            let node = Node { value: Value::Map(entries.iter().filter(is_known).cloned().collect()), span: node.span };
            let mut fields = Fields::strict(path, &node, &known, problems);
            JobRecovery {
                strategy: fields.text("strategy"),
                max_restarts_on_errors: fields.read("max_restarts_on_errors", |node| whole(node, 0, i64::MAX)),
                recover_on_exit_codes: fields.read("recover_on_exit_codes", exit_codes).unwrap_or_default(),
            }
        }
        _ => {
            problems.invalid(path, format!("must be text or a mapping, not {}", node.kind()), node.span);
            return None;
        }
    };
    let strategy = recovery.strategy.filter(|name| !name.is_empty());
    if strategy.as_deref() == Some("none") {
        return None;
    }
    Some(JobRecovery { strategy: strategy.map(|name| name.to_uppercase()), ..recovery })
}

fn exit_codes(node: &Node) -> Read<Vec<i64>> {
    match &node.value {
        Value::List(items) => {
            let codes = items.iter().map(|item| whole(item, 0, 255)).collect::<Read<Vec<i64>>>()?;
            let twice = codes.iter().enumerate().find(|(index, code)| codes[..*index].contains(code));
            twice.map_or(Ok(()), |(_, code)| Err(format!("has {code} twice")))?;
            Ok(codes)
        }
        _ => whole(node, 0, 255).map(|code| vec![code]),
    }
}

/// `true`, minutes, `2h`, or a mapping.
pub(super) fn autostop(path: &str, node: &Node, problems: &mut Problems) -> Option<Autostop> {
    let after = |idle_minutes| Autostop::After { idle_minutes, down: false, wait_for: None };
    let minutes = match &node.value {
        Value::Bool(false) => return Some(Autostop::Never),
        Value::Bool(true) => Ok(0),
        // Below zero stands for never stopping, as on SkyPilot's command line.
        Value::Int(_) => whole(node, i64::MIN, i64::MAX),
        Value::Text(text) => duration(text),
        Value::Map(_) => {
            let known = ["idle_minutes", "down", "wait_for", "hook", "hook_timeout"];
            let mut fields = Fields::strict(path, node, &known, problems);
            let wait_for = fields.read("wait_for", |node| word(node, &WaitFor::WORDS));
            // What these say is among the hooks (`hooks`).
            fields.text("hook");
            fields.read("hook_timeout", |node| whole(node, 1, i64::MAX));
            return Some(Autostop::After {
                idle_minutes: fields.read("idle_minutes", |node| whole(node, 0, i64::MAX)).unwrap_or(0),
                down: fields.read("down", boolean).unwrap_or(false),
                wait_for: wait_for.map(WaitFor::from_word),
            });
        }
        _ => Err(format!("must be true or false, minutes, a time such as `2h` or a mapping, not {}", node.kind())),
    };
    match minutes {
        Ok(minutes) => Some(after(minutes)),
        Err(message) => {
            problems.invalid(path, message, node.span);
            None
        }
    }
}

/// Minutes of `10`, `10m`, `2h`, `1d`, `1w`.
fn duration(text: &str) -> Read<i64> {
    let refuse = || format!("`{text:.40}` is no time: write for example `10m`, `2h` or `1d`");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        "w" => 7 * 24 * 60,
        _ => return Err(refuse()),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refuse());
    }
    digits.parse::<i64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(refuse)
}

/// Labels that a pod can carry.
pub(super) fn labels(path: &str, node: &Node, problems: &mut Problems) -> BTreeMap<String, String> {
    let Some(entries) = node.as_map() else {
        problems.invalid(path, format!("must be a mapping, not {}", node.kind()), node.span);
        return BTreeMap::new();
    };
    if entries.len() > MAX_LABELS {
        problems.invalid(path, format!("has more than {MAX_LABELS} labels"), node.span);
        return BTreeMap::new();
    }
    let mut labels = BTreeMap::new();
    for (key, value) in entries {
        let name = key.to_text();
        let path = format!("{path}.{name:.80}");
        match text(value) {
            Err(message) => problems.invalid(path, message, value.span),
            Ok(_) if !is_label_key(&name) => {
                problems.invalid(
                    path,
                    "is no key of a Kubernetes label: at most 63 letters, digits, `-`, `_`, `.`",
                    key.span,
                );
            }
            Ok(text) if !is_label_part(&text, true) => {
                let message = format!(
                    "`{text:.80}` is no value of a Kubernetes label: at most 63 letters, digits, `-`, `_`, `.`"
                );
                problems.invalid(path, message, value.span);
            }
            Ok(text) => drop(labels.insert(name, text)),
        }
    }
    labels
}

fn is_label_key(key: &str) -> bool {
    let dns = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    match key.split_once('/') {
        Some((prefix, name)) => {
            !prefix.is_empty() && prefix.len() <= 253 && prefix.chars().all(dns) && is_label_part(name, false)
        }
        None => is_label_part(key, false),
    }
}

fn is_label_part(text: &str, may_be_empty: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = |c: char| c.is_ascii_alphanumeric();
    match (text.chars().next(), text.chars().last()) {
        (Some(first), Some(last)) => text.len() <= 63 && text.chars().all(fits) && ends(first) && ends(last),
        _ => may_be_empty,
    }
}

/// An image for every region, or one by region.
pub(super) fn image(node: &Node) -> Read<BTreeMap<String, String>> {
    let one = |region: &Node, image: &Node| {
        let image = text(image).map_err(|message| format!("the image of `{:.40}` {message}", region.to_text()))?;
        let region = match region.as_text() {
            Some(region) => region.to_owned(),
            None if region.is_null() => String::new(),
            None => return Err(format!("names its regions by text, not by {}", region.kind())),
        };
        Ok((region, without_prefix(&image)))
    };
    match &node.value {
        Value::Map(entries) => entries.iter().map(|(region, image)| one(region, image)).collect(),
        _ => text(node).map(|image| BTreeMap::from([(String::new(), without_prefix(&image))])),
    }
}

fn without_prefix(image: &str) -> String {
    let image = image.trim();
    image.strip_prefix("docker:").unwrap_or(image).to_owned()
}

/// One address and its size.
pub(super) fn estimate(node: &Node) -> Read<(String, f64)> {
    match node.as_map() {
        Some([(address, size)]) => Ok((address.to_text(), crate::fields::number(size)?)),
        Some(entries) => Err(format!("must hold one address with its size, not {}", entries.len())),
        None => Err(format!("must be a mapping, not {}", node.kind())),
    }
}
