//! Data as YAML 1.1 that PyYAML and this package read back as the same data.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::yaml;

/// A document in block style.
pub(crate) fn document(map: &Map<String, Json>) -> String {
    let mut out = String::new();
    block_map(map, 0, &mut out);
    out
}

fn block_map(map: &Map<String, Json>, indent: usize, out: &mut String) {
    for (key, value) in map {
        out.push_str(&" ".repeat(indent));
        // A long key must be announced.
        let key = text(key);
        if key.len() > 100 {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            out.push_str(&" ".repeat(indent));
        } else {
            out.push_str(&key);
        }
        out.push(':');
        block_value(value, indent, out);
    }
}

fn block_value(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            out.push('\n');
            block_map(map, indent + 2, out);
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&" ".repeat(indent));
                out.push('-');
                block_value(item, indent + 2, out);
            }
        }
        scalar => {
            out.push(' ');
            out.push_str(&flow(scalar, indent));
            out.push('\n');
        }
    }
}

fn flow(value: &Json, indent: usize) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(value) if value.is_f64() => float(value.as_f64().unwrap_or_default()),
        Json::Number(value) => value.to_string(),
        Json::String(value) => literal(value, indent).unwrap_or_else(|| text(value)),
        Json::Array(_) => "[]".to_owned(),
        Json::Object(_) => "{}".to_owned(),
    }
}

/// A float needs a point: `1e20` is text in YAML 1.1.
fn float(value: f64) -> String {
    let text = yaml::float_text(value);
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

/// A script as it was written: several lines that end in one line break, of characters that need no escapes.
fn literal(value: &str, indent: usize) -> Option<String> {
    let body = value.strip_suffix('\n')?;
    let plain = |c: char| c == '\n' || c == '\t' || (' '..='~').contains(&c);
    let first = body.chars().next()?;
    if body.ends_with('\n') || first.is_whitespace() || !value.chars().all(plain) {
        return None;
    }
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{}{line}", " ".repeat(indent + 2)) };
    Some(format!("|\n{}", body.split('\n').map(line).collect::<Vec<_>>().join("\n")))
}

/// Plain if that reads back as the same text, else in double quotes.
fn text(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') && text.chars().all(plain);
    if is_plain && yaml::is_text(text) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
