//! `any_of`, `ordered` and several accelerators: one of several sets of needs.

use super::{
    accelerators::Choice,
    resources::{self, FIELDS},
};
use crate::{
    fields::Fields,
    problem::Problems,
    task::{Accelerator, Alternatives, Resources},
    yaml::{Node, Value},
};

/// More is a mistake, and costs the product of both.
const MAX_ALTERNATIVES: usize = 64;

pub(super) fn read(path: &str, node: &Node, problems: &mut Problems) -> Alternatives {
    let known: Vec<&'static str> = FIELDS.into_iter().chain(["any_of", "ordered"]).collect();
    let mut fields = Fields::new(path, node, &known, problems);
    let entries = |fields: &mut Fields<'_, '_>, name| {
        fields.read(name, |node| match &node.value {
            Value::List(items) if items.len() > MAX_ALTERNATIVES => {
                Err(format!("has more than {MAX_ALTERNATIVES} entries"))
            }
            Value::List(items) => Ok(items.clone()),
            _ => Err(format!("must be a list, not {}", node.kind())),
        })
    };
    let any_of = entries(&mut fields, "any_of").filter(|list| !list.is_empty());
    let ordered = entries(&mut fields, "ordered").filter(|list| !list.is_empty());
    let (base, choice) = resources::read(&mut fields);
    let (name, entries) = match (any_of, ordered, &choice) {
        (Some(_), Some(_), _) => {
            fields.invalid("ordered", "does not go together with `any_of`");
            return Alternatives::default();
        }
        (Some(_), None, Some(Choice::List(all))) if all.len() > 1 => {
            fields.invalid("any_of", "does not go together with accelerators in order of preference");
            return Alternatives::default();
        }
        (None, Some(_), Some(_)) => {
            fields.invalid("ordered", "does not go together with several accelerators");
            return Alternatives::default();
        }
        (Some(entries), None, _) => ("any_of", entries),
        (None, Some(entries), _) => ("ordered", entries),
        (None, None, _) => return of_accelerators(base, choice),
    };
    let path = fields.path(name);
    let all = overridden(&path, node, &entries, problems);
    if all.len() > MAX_ALTERNATIVES {
        problems.invalid(path, format!("gives more than {MAX_ALTERNATIVES} alternatives"), node.span);
        return Alternatives::default();
    }
    if all.iter().any(|one| one.priority != all[0].priority) {
        problems.invalid(path, "have different `priority`: it is the task's, the same for all alternatives", node.span);
    }
    if name == "any_of" { any_of_these(all) } else { in_order(all) }
}

fn of_accelerators(base: Resources, choice: Option<Choice>) -> Alternatives {
    match choice {
        None => Alternatives::One(Box::new(base)),
        Some(Choice::Set(_)) => any_of_these(each(&base, choice)),
        Some(Choice::List(_)) => in_order(each(&base, choice)),
    }
}

fn each(base: &Resources, choice: Option<Choice>) -> Vec<Resources> {
    match choice {
        None => vec![base.clone()],
        Some(Choice::Set(all) | Choice::List(all)) => {
            // A model that is there twice counts once.
            let mut models: Vec<Accelerator> = Vec::new();
            for one in all.into_iter().take(MAX_ALTERNATIVES + 1) {
                if !models.contains(&one) {
                    models.push(one);
                }
            }
            let with = |accelerator| Resources { accelerators: Some(accelerator), ..base.clone() };
            models.into_iter().map(with).collect()
        }
    }
}

/// A set: what is there twice counts once.
fn any_of_these(all: Vec<Resources>) -> Alternatives {
    let mut set: Vec<Resources> = Vec::new();
    for one in all {
        if !set.contains(&one) {
            set.push(one);
        }
    }
    if set.len() == 1 {
        set.pop().map(Box::new).map(Alternatives::One).unwrap_or_default()
    } else {
        Alternatives::AnyOf(set)
    }
}

fn in_order(mut all: Vec<Resources>) -> Alternatives {
    if all.len() == 1 {
        all.pop().map(Box::new).map(Alternatives::One).unwrap_or_default()
    } else {
        Alternatives::Ordered(all)
    }
}

/// Every entry laid over the fields around it. Each is checked alone first, so that a problem is told once and in its
/// place.
fn overridden(path: &str, base: &Node, entries: &[Node], problems: &mut Problems) -> Vec<Resources> {
    let mut all = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let may_be_null = |name: &str| matches!(name, "ports" | "image_id");
        let mut fields = Fields::with_nulls(&path, entry, &FIELDS, problems, may_be_null);
        one_model(&mut fields);
        resources::read(&mut fields);
        if problems.is_empty() && all.len() <= MAX_ALTERNATIVES {
            let merged = laid_over(base, entry);
            let (resources, choice) = resources::read(&mut Fields::new(&path, &merged, &FIELDS, problems));
            all.extend(each(&resources, choice));
        }
    }
    all
}

/// An alternative is one model with its count; several models are several alternatives.
fn one_model(fields: &mut Fields<'_, '_>) {
    for name in ["accelerators", "gpus"] {
        match fields.get(name).map(|node| &node.value) {
            Some(Value::List(_)) => fields.invalid(name, "of an alternative are one model: write an entry for each"),
            Some(Value::Map(entries)) if entries.len() > 1 => {
                fields.invalid(name, "of an alternative are one model: write an entry for each");
            }
            Some(Value::Map(entries)) if entries.iter().any(|(_, count)| count.is_null()) => {
                fields.invalid(name, "of an alternative have a count: write for example `{H100: 1}` or `H100`");
            }
            _ => {}
        }
    }
}

/// Labels are merged; everything else of the entry replaces what is around it.
fn laid_over(base: &Node, entry: &Node) -> Node {
    let mut merged = Node::new(Value::Map(Vec::new()));
    // Two names of one field.
    let models = ["accelerators", "gpus"];
    let has_models = models.iter().any(|name| entry.get(name).is_some());
    for (key, value) in base.as_map().unwrap_or_default() {
        let Some(name) = key.as_text() else { continue };
        let replaced = has_models && models.contains(&name);
        if !replaced && !matches!(name, "any_of" | "ordered") {
            merged.set(name, value.clone());
        }
    }
    for (key, value) in entry.as_map().unwrap_or_default() {
        let Some(name) = key.as_text() else { continue };
        match (name, merged.get(name).and_then(Node::as_map), value.as_map()) {
            ("labels", Some(around), Some(own)) => {
                let mut labels = Node::new(Value::Map(around.to_vec()));
                for (key, value) in own {
                    labels.set(&key.to_text(), value.clone());
                }
                merged.set(name, labels);
            }
            _ => merged.set(name, value.clone()),
        }
    }
    merged.span = entry.span;
    merged
}
