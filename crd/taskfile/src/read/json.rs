//! What is passed on as it is.

use serde_json::{Map, Number, Value as Json};

use crate::{
    fields::Read,
    yaml::{Node, Value},
};

/// A mapping as JSON. What JSON cannot hold becomes text.
pub(super) fn map(node: &Node) -> Read<Map<String, Json>> {
    match json(node) {
        Json::Object(map) => Ok(map),
        _ => Err(format!("must be a mapping, not {}", node.kind())),
    }
}

pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(small), _) => Json::from(small),
            (_, Ok(large)) => Json::from(large),
            _ => Json::String(node.to_text()),
        },
        Value::Float(value) => Number::from_f64(*value).map_or_else(|| Json::String(node.to_text()), Json::Number),
        Value::Text(_) | Value::BigInt(_) | Value::Time(_) => Json::String(node.to_text()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => Json::Object(entries.iter().map(|(key, value)| (key.to_text(), json(value))).collect()),
    }
}
