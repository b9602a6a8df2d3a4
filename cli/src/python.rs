//! JSON values as Python prints them: the original prints `str()` of lists and mappings, and its users' scripts read it.

use serde_json::Value;

/// Python's `str(value)`: text bare, the rest as [`repr`].
pub(crate) fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// Python's `repr(value)`.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), repr(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Single quotes, unless the text has one and no double quote.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let escape = |character: char| match character {
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        other if other == quote => format!("\\{other}"),
        other if other.is_control() => format!("\\x{:02x}", u32::from(other)),
        other => other.to_string(),
    };
    format!("{quote}{}{quote}", text.chars().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn as_python_prints_it() {
        for (value, text) in [
            (json!("bare"), "bare"),
            (json!(null), "None"),
            (json!(["a", 1, true, null, 1.5]), "['a', 1, True, None, 1.5]"),
            (json!({"a": {"b": []}}), "{'a': {'b': []}}"),
            (json!(["it's", "\"", "it's \"", "a\\\n\u{1b}é"]), r#"["it's", '"', 'it\'s "', 'a\\\n\x1bé']"#),
        ] {
            assert_eq!(display(&value), text);
        }
    }
}
