//! Compares JSON: ours may have more keys, never fewer and never other types.
//!
//! Where an answer may vary, the expected value is one of: `{"$any": true}`, `{"$one_of": […]}`, `{"$at_least": 1}`,
//! `{"$absent": true}`, `{"$contains": …}` (an item of the list), `{"$superset": …}` (lists may have more, in any order),
//! and for texts `{"$says": …}` (a part), `{"$lines": …}` (in any order) and `{"$lines_by_node": …}` (lines of different
//! nodes may interleave).

use serde_json::Value;

use super::{masks, text};

/// What makes up an entry of a 422. Of these none may be more either.
const ENTRY: [&str; 5] = ["type", "loc", "msg", "input", "ctx"];

#[derive(Clone, Copy)]
struct Rules {
    more_keys: bool,
    more_items: bool,
}

/// The differences, one a line.
pub(super) fn compare(expected: &Value, actual: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    values(expected, actual, "body", Rules { more_keys: true, more_items: false }, &mut differences);
    differences
}

fn values(expected: &Value, actual: &Value, at: &str, rules: Rules, out: &mut Vec<String>) {
    let before = out.len();
    let fits = match (expected, actual) {
        (Value::Object(one), _) if is_rule(one) => rule(one, actual, at, rules, out),
        (Value::Object(expected), Value::Object(actual)) => {
            keys(expected, actual, at, rules, out);
            true
        }
        (Value::Array(expected), Value::Array(actual)) if rules.more_items => expected.iter().all(|item| {
            let fits = |other| same(item, other, rules);
            actual.iter().any(fits)
        }),
        (Value::Array(entries), Value::Array(found)) if at.ends_with("/detail") && entries.len() == found.len() => {
            entries.iter().zip(found).enumerate().for_each(|(index, (entry, found))| {
                let found =
                    found.as_object().map(|found| found.iter().filter(|(key, _)| ENTRY.contains(&key.as_str())));
                let found =
                    found.map_or(Value::Null, |found| found.map(|(key, value)| (key.clone(), value.clone())).collect());
                values(entry, &found, &format!("{at}/{index}"), Rules { more_keys: false, ..rules }, out);
            });
            true
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                values(expected, actual, &format!("{at}/{index}"), rules, out);
            }
            true
        }
        (Value::String(mask), Value::String(text)) if mask == "<time>" => masks::is_time(text),
        (Value::String(expected), Value::String(actual)) => masks::fits(expected, actual),
        _ => expected == actual,
    };
    if !fits && out.len() == before {
        out.push(format!("{at}: expected {}, got {}", text::short(expected), text::short(actual)));
    }
}

fn same(expected: &Value, actual: &Value, rules: Rules) -> bool {
    let mut differences = Vec::new();
    values(expected, actual, "", rules, &mut differences);
    differences.is_empty()
}

type Object = serde_json::Map<String, Value>;

fn keys(expected: &Object, actual: &Object, at: &str, rules: Rules, out: &mut Vec<String>) {
    for (key, value) in expected {
        match actual.get(key) {
            None if value.get("$absent").is_some() => (),
            Some(actual) => values(value, actual, &format!("{at}/{key}"), rules, out),
            None => out.push(format!("{at}/{key}: missing, expected {}", text::short(value))),
        }
    }
    if !rules.more_keys {
        let more = actual.keys().filter(|key| !expected.contains_key(*key));
        out.extend(more.map(|key| format!("{at}/{key}: not in the recording: {}", text::short(&actual[key]))));
    }
}

fn is_rule(object: &Object) -> bool {
    // Also a key of schemas; an expected one is never a rule.
    object.len() == 1 && object.keys().all(|key| key.starts_with('$') && key != "$ref")
}

fn rule(one: &Object, actual: &Value, at: &str, rules: Rules, out: &mut Vec<String>) -> bool {
    let (name, wanted) = one.iter().next().expect("a rule");
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let lines = |by: fn(&str) -> String| wanted.as_str().map(by) == actual.as_str().map(by);
    match name.as_str() {
        "$any" => true,
        "$absent" => actual.is_null(),
        "$says" => actual.as_str().zip(wanted.as_str()).is_some_and(|(text, part)| text.contains(part)),
        "$one_of" => items(wanted).iter().any(|wanted| same(wanted, actual, rules)),
        "$at_least" => actual.as_u64() >= wanted.as_u64() && actual.is_u64(),
        "$contains" => items(actual).iter().any(|actual| same(wanted, actual, rules)),
        "$superset" => {
            values(wanted, actual, at, Rules { more_items: true, ..rules }, out);
            true
        }
        "$lines" => lines(text::sorted),
        "$lines_by_node" => lines(text::by_node),
        other => panic!("no such rule: {other}"),
    }
}

#[test]
fn more_is_allowed_and_less_is_not() {
    use serde_json::json;
    let differ = |expected: Value, actual: Value| !compare(&expected, &actual).is_empty();
    assert!(!differ(json!({"a": [1]}), json!({"a": [1], "b": 2})));
    for (expected, actual) in [
        (json!({"a": 1}), json!({})),
        (json!({"a": 1}), json!({"a": 1.0})),
        (json!({"a": 1}), json!({"a": "1"})),
        (json!([1]), json!([1, 2])),
        (json!(null), json!({})),
        (json!({"detail": [{"type": "missing"}]}), json!({"detail": [{"type": "missing", "ctx": {}}]})),
        (json!({"detail": [{"input": {}}]}), json!({"detail": [{"input": {"a": 1}}]})),
        (json!({"$lines_by_node": "node-0 | a\nnode-0 | b\n"}), json!("node-0 | b\nnode-0 | a\n")),
        (json!({"$superset": {"a": [1, 3]}}), json!({"a": [3, 2]})),
    ] {
        assert!(differ(expected.clone(), actual.clone()), "{expected} {actual}");
    }
    assert!(!differ(json!({"detail": [{"type": "missing"}]}), json!({"detail": [{"type": "missing", "url": "x"}]})));
    assert!(!differ(json!({"$lines_by_node": "node-0 | a\nnode-1 | b\n"}), json!("node-1 | b\nnode-0 | a\n")));
    assert!(!differ(json!({"$superset": {"a": [1, {"b": 3}]}}), json!({"a": [{"b": 3, "c": 4}, 2, 1]})));
}
