//! Values as Python's `str()` and `repr()` show them: what SkyPilot hands to the task.

use std::fmt::Write as _;

use super::{Node, Value};

impl Node {
    /// Python's `str()`.
    pub(crate) fn to_text(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::Time(time) => time.to_text(),
            _ => self.to_repr(),
        }
    }

    /// Python's `repr()`.
    fn to_repr(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match &self.value {
            Value::Null => "None".to_owned(),
            Value::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            Value::Int(value) => value.to_string(),
            Value::BigInt(digits) => digits.clone(),
            Value::Float(value) => float(*value),
            Value::Text(text) => quoted(text),
            Value::Time(time) => time.to_repr(),
            Value::List(items) => format!("[{}]", list(items.iter().map(Self::to_repr).collect())),
            Value::Map(entries) => {
                let pair = |(key, value): &(Self, Self)| format!("{}: {}", key.to_repr(), value.to_repr());
                format!("{{{}}}", list(entries.iter().map(pair).collect()))
            }
        }
    }
}

/// Python's `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let magnitude = value.abs();
    if value.is_infinite() || magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(negative) => format!("{digits}e-{negative:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// Single quotes, unless the text has some and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => drop(match u32::from(c) {
                code @ ..=0xff => write!(out, "\\x{code:02x}"),
                code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            }),
        }
    }
    out.push(quote);
    out
}

/// Rust's own idea of it. The letter in front lets combining marks through, as Python does.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && String::from_iter(['a', c]).escape_debug().count() == 2)
}
