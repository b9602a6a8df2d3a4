//! GPUs in all their spellings.

use super::amounts::python_float;
use crate::{
    fields::Read,
    task::Accelerator,
    yaml::{Node, Value},
};

/// One model, a set of which any will do, or a list in order of preference.
pub(super) enum Choice {
    Set(Vec<Accelerator>),
    List(Vec<Accelerator>),
}

/// `H100:8`, `1`, `{H100: 8}`, `{A100: 1, H100: 1}`, `[A100, H100]`.
pub(super) fn choice(node: &Node) -> Read<Choice> {
    let empty = || "is empty: write for example `H100:8`, or leave the field out".to_owned();
    match &node.value {
        Value::Int(_) | Value::Text(_) => Ok(Choice::Set(vec![accelerator(&node.to_text())?])),
        Value::Map(entries) if entries.is_empty() => Err(empty()),
        Value::List(items) if items.is_empty() => Err(empty()),
        Value::Map(entries) => entries.iter().map(entry).collect::<Read<Vec<_>>>().map(Choice::Set),
        Value::List(items) => {
            let item = |node: &Node| accelerator(&crate::fields::text(node)?);
            items.iter().map(item).collect::<Read<Vec<_>>>().map(Choice::List)
        }
        _ => Err(format!("must be text such as `H100:8`, a mapping or a list, not {}", node.kind())),
    }
}

fn entry((model, count): &(Node, Node)) -> Read<Accelerator> {
    let model = model.to_text();
    match count.value {
        Value::Null => accelerator(&model),
        Value::Int(_) | Value::Float(_) => accelerator(&format!("{model}:{}", count.to_text())),
        _ => Err(format!("the count of `{model:.40}` must be a number, not {}", count.kind())),
    }
}

/// A model with its count, or, as the specification has it, a bare count of any model.
fn accelerator(text: &str) -> Read<Accelerator> {
    let refuse = || format!("`{text:.80}` is no accelerator: write a count (`1`), a model (`H100`) or both (`H100:8`)");
    let parts: Vec<&str> = text.splitn(4, ':').map(str::trim).collect();
    let by_memory = |name: String| Accelerator { name: Some(name), count: 1.0 }.is_by_memory();
    let (name, count) = match parts[..] {
        [count] if !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()) => (None, Some(count)),
        [name] => (Some(name.to_owned()), None),
        [vendor, memory] if by_memory(memory.to_owned()) => (Some(format!("{vendor}:{memory}")), None),
        [name, count] => (Some(name.to_owned()), Some(count)),
        [vendor, memory, count] if by_memory(memory.to_owned()) => (Some(format!("{vendor}:{memory}")), Some(count)),
        _ => return Err(refuse()),
    };
    let count = match count {
        None => 1.0,
        Some(count) => python_float(count).ok_or_else(refuse)?,
    };
    if !count.is_finite() || count <= 0.0 {
        return Err(format!("the count of `{text:.80}` must be greater than zero"));
    }
    if name.as_ref().is_some_and(String::is_empty) { Err(refuse()) } else { Ok(Accelerator { name, count }) }
}
