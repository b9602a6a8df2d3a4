//! The reference of the resources for people: `docs/reference.md`, written from the same schema as the definitions.

use std::fmt::Write as _;

use serde_json::{Map, Value};

const HEADER: &str = "\
<!-- Generated from the Rust types in crd/ by `make generate`. Do not edit. -->
# Reference of the resources

Both are namespaced and of `apiVersion: skytask.dev/v1alpha1`. `kubectl explain skytask.spec --recursive` says the same.
What phases, reasons and conditions mean is in [status.md](status.md). A field marked *fixed* cannot be changed once the
object exists.
";

/// The reference of these CustomResourceDefinitions, as Markdown.
pub fn markdown(crds: &[Value]) -> String {
    let mut out = HEADER.to_owned();
    for crd in crds {
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        section(&mut out, "##", &text(&crd["spec"]["names"]["kind"]), schema);
        for part in ["spec", "status"] {
            let schema = &schema["properties"][part];
            section(&mut out, "###", &format!("{} {part}", text(&crd["spec"]["names"]["kind"])), schema);
            out.push_str("\n| field | type | |\n|---|---|---|\n");
            fields(&mut out, "", schema);
        }
    }
    out
}

fn section(out: &mut String, level: &str, title: &str, schema: &Value) {
    let _ = write!(out, "\n{level} {title}\n\n{}\n", in_table(&text(&schema["description"])));
}

/// A row for every field below, in the order of the schema, with its path.
fn fields(out: &mut String, path: &str, schema: &Value) {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, field) in schema["properties"].as_object().into_iter().flat_map(Map::iter) {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let what = in_table(&text(&field["description"]));
        let notes = notes(field, required(name));
        let _ = writeln!(out, "| `{here}` | {} | {what}{notes} |", kind(field));
        match (&field["items"], &field["additionalProperties"]) {
            (items, _) if items.is_object() => fields(out, &format!("{here}[]"), items),
            (_, values) if values.is_object() => fields(out, &format!("{here}.*"), values),
            _ => fields(out, &here, field),
        }
    }
}

fn kind(field: &Value) -> String {
    if field["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match field["type"].as_str() {
        Some("array") => format!("list of {}", kind(&field["items"])),
        Some("object") if field["additionalProperties"].is_object() => {
            format!("map of {}", kind(&field["additionalProperties"]))
        }
        Some("string") if field["format"] == "date-time" => "time".to_owned(),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

/// What a value may be, after the description.
fn notes(field: &Value, required: bool) -> String {
    let mut notes = Vec::new();
    if required {
        notes.push("*required*".to_owned());
    }
    if field["x-kubernetes-validations"].to_string().contains("self == oldSelf") {
        notes.push("*fixed*".to_owned());
    }
    if let Some(allowed) = field["enum"].as_array() {
        let words: Vec<_> =
            allowed.iter().filter(|word| !word.is_null()).map(|word| format!("`{}`", text(word))).collect();
        notes.push(format!("one of {}", words.join(", ")));
    }
    let bound = |low: &str, high: &str, what: &str| match (&field[low], &field[high]) {
        (Value::Null, Value::Null) => None,
        (low, Value::Null) => Some(format!("{what} from {}", number(low))),
        (Value::Null, high) => Some(format!("{what} at most {}", number(high))),
        (low, high) => Some(format!("{what} {} to {}", number(low), number(high))),
    };
    notes.extend(bound("minimum", "maximum", "value").map(|bound| bound.trim_start_matches("value ").to_owned()));
    notes.extend(bound("minItems", "maxItems", "entries:"));
    notes.extend(bound("minProperties", "maxProperties", "entries:"));
    if !field["default"].is_null() {
        notes.push(format!("default `{}`", in_table(&text(&field["default"]))));
    }
    if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) }
}

/// Bounds are floating-point numbers in a schema, and mostly whole.
fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One line, and no column more than there are.
fn in_table(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_of_every_field_where_it_is_what_it_is_and_what_it_may_be() {
        let crd = serde_json::json!({"spec": {"names": {"kind": "Thing"}, "versions": [{"schema": {"openAPIV3Schema": {
        "description": "A thing.", "properties": {
            "spec": {"description": "S.", "required": ["user"], "properties": {
                "user": {"type": "string", "description": "Whose\n\nit is, a|b.", "default": "x",
                    "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
                "ports": {"type": "array", "maxItems": 4, "description": "P.", "items": {
                    "type": "object", "properties": {"number": {"type": "integer", "minimum": 1.0, "description": "N."}}}},
                "mode": {"type": "string", "enum": ["A", "B"], "description": "M."},
            }},
            "status": {"description": "T."},
        }}}}]}});
        let written = markdown(&[crd]);
        let rows: Vec<_> = written.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(
            rows,
            [
                "| `user` | string | Whose it is, a\\|b. (*required*; *fixed*; default `x`) |",
                "| `ports` | list of object | P. (entries: at most 4) |",
                "| `ports[].number` | integer | N. (from 1) |",
                "| `mode` | string | M. (one of `A`, `B`) |",
            ]
        );
    }
}
