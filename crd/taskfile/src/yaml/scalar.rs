//! What a scalar is: PyYAML's rules for YAML 1.1.

use super::{
    Value, number,
    time::{self, Time},
};

pub(crate) const NO_TAGS: &str = "tags (`!name`) have no meaning in a task file";

/// The value of a scalar. Quoted text stays text unless a tag says otherwise.
pub(crate) fn resolve(text: String, tag: Option<&str>, plain: bool) -> Result<Value, String> {
    let kind = match tag {
        None | Some("!") if plain => return implicit(text),
        None | Some("!") => return Ok(Value::Text(text)),
        Some(tag) => tag.strip_prefix("tag:yaml.org,2002:").ok_or(NO_TAGS)?,
    };
    let wrong = || format!("`{text}` does not fit its tag `!!{kind}`");
    match kind {
        "str" => Ok(Value::Text(text)),
        "null" => Ok(Value::Null),
        "bool" => boolean(&text.to_ascii_lowercase()).map(Value::Bool).ok_or_else(wrong),
        "int" => number::integer(&text).ok_or_else(wrong)?,
        "float" => number::float(&text)
            .or_else(|| text.replace('_', "").trim().parse().ok().filter(|value: &f64| value.is_finite()))
            .map(Value::Float)
            .ok_or_else(wrong),
        "timestamp" => time::parse(&text).ok_or_else(wrong)?.map(Value::Time),
        _ => Err(NO_TAGS.to_owned()),
    }
}

fn implicit(text: String) -> Result<Value, String> {
    let Some(first) = text.bytes().next() else { return Ok(Value::Null) };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => Ok(word(text)),
        b'0'..=b'9' | b'+' | b'-' | b'.' => {
            if let Some(value) = number::float(&text) {
                return Ok(Value::Float(value));
            }
            if let Some(value) = number::integer(&text) {
                return value;
            }
            let time: Option<Result<Time, String>> = time::parse(&text);
            time.map_or(Ok(Value::Text(text)), |time| time.map(Value::Time))
        }
        // PyYAML knows the types of these and has no values for them.
        b'=' if text == "=" => Err(format!("`{text}` alone is no value: write it in quotes")),
        _ => Ok(Value::Text(text)),
    }
}

fn word(text: String) -> Value {
    let (lower, mut letters) = (text.to_ascii_lowercase(), text.bytes().skip(1));
    // `True` and `TRUE` are words, `tRue` is text.
    let small = text == lower;
    let capital = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && (letters.clone().all(|b| b.is_ascii_lowercase()) || letters.all(|b| b.is_ascii_uppercase()));
    if !(small || capital) {
        return Value::Text(text);
    }
    match (boolean(&lower), &*lower) {
        (Some(value), _) => Value::Bool(value),
        (None, "null" | "~") => Value::Null,
        _ => Value::Text(text),
    }
}

fn boolean(word: &str) -> Option<bool> {
    match word {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}
