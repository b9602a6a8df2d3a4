//! `/redoc`: the document as one page to read, written here and not in the browser.

use std::fmt::Write as _;

use serde_json::{Map, Value};

const STYLE: &str = include_str!("reference.css");

/// The page for this document.
pub(super) fn render(document: &Value) -> String {
    let title = text(&document["info"]["title"]);
    let (mut contents, mut body) = (String::new(), String::new());
    for (path, method, operation) in operations(document) {
        let id = text(&operation["operationId"]);
        let verb = verb(method);
        add(&mut contents, format_args!("<a href=\"#{id}\">{verb} {}</a>", escape(path)));
        add(&mut body, format_args!("<section id=\"{id}\">{}</section>", operation_html(path, method, operation)));
    }
    contents.push_str("<h2>Schemas</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        let name = escape(name);
        add(&mut contents, format_args!("<a href=\"#schema-{name}\">{name}</a>"));
        let description = text(&schema["description"]);
        add(
            &mut body,
            format_args!(
                "<section id=\"schema-{name}\"><h2>{name}</h2><p>{description}</p>{}</section>",
                properties(schema)
            ),
        );
    }
    let (description, version) = (text(&document["info"]["description"]), text(&document["info"]["version"]));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} - ReDoc</title>\n<link rel=\"icon\" type=\"image/png\" href=\"docs/favicon.png\">\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n\
         <nav><strong>{title}</strong><h2>Operations</h2>{contents}</nav>\n\
         <main><h1>{title}</h1><p>{description}</p>\
         <p>Version {version}. The document: <a href=\"openapi.json\">openapi.json</a>. \
         To try it: <a href=\"docs\">docs</a>.</p>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn operation_html(path: &str, method: &str, operation: &Value) -> String {
    let mut html = format!(
        "<h2>{}</h2><p>{} <code>{}</code></p><p>{}</p>",
        text(&operation["summary"]),
        verb(method),
        escape(path),
        text(&operation["description"]),
    );
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        html.push_str("<h3>Parameters</h3><table><tr><th>Name</th><th>In</th><th>Type</th><th></th></tr>");
        for parameter in parameters {
            let required = parameter["required"] == true;
            add(
                &mut html,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    text(&parameter["name"]),
                    text(&parameter["in"]),
                    type_of(&parameter["schema"]),
                    remark(&parameter["schema"], &parameter["description"], required),
                ),
            );
        }
        html.push_str("</table>");
    }
    for (media_type, content) in object(&operation["requestBody"]["content"]) {
        add(
            &mut html,
            format_args!("<h3>Body</h3><p><code>{}</code> {}</p>", escape(media_type), type_of(&content["schema"])),
        );
    }
    html.push_str("<h3>Answers</h3><table><tr><th>Status</th><th>Meaning</th><th>Body</th></tr>");
    for (status, response) in object(&operation["responses"]) {
        let bodies = object(&response["content"]).map(|(media_type, content)| {
            format!("<code>{}</code> {}", escape(media_type), type_of(&content["schema"]))
        });
        let (status, meaning) = (escape(status), text(&response["description"]));
        let bodies = bodies.collect::<Vec<_>>().join("<br>");
        add(&mut html, format_args!("<tr><td>{status}</td><td>{meaning}</td><td>{bodies}</td></tr>"));
    }
    html.push_str("</table>");
    html
}

fn properties(schema: &Value) -> String {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut html = String::from("<table><tr><th>Field</th><th>Type</th><th></th></tr>");
    for (name, property) in object(&schema["properties"]) {
        let is_required = required.iter().any(|required| required == name);
        add(
            &mut html,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escape(name),
                type_of(property),
                remark(property, &property["description"], is_required),
            ),
        );
    }
    html + "</table>"
}

/// What one may want to know beside the type.
fn remark(schema: &Value, description: &Value, required: bool) -> String {
    let bound = |key: &str, word: &str| schema.get(key).map(|bound| format!("{word} {bound}"));
    let default = schema.get("default").map(|value| format!("default <code>{}</code>", escape(&value.to_string())));
    let remarks = [
        required.then(|| "required".to_owned()),
        default,
        bound("minimum", "at least"),
        bound("maximum", "at most"),
        description.as_str().map(escape),
    ];
    remarks.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().map(type_of).collect::<Vec<_>>().join(" or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", type_of(&schema["additionalProperties"]))
        }
        Some(name) => escape(name),
        None => "any".to_owned(),
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    object(&document["paths"])
        .flat_map(|(path, item)| object(item).map(move |(method, operation)| (path, method, operation)))
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn verb(method: &str) -> String {
    let method = escape(method);
    format!("<span class=\"verb {method}\">{}</span>", method.to_ascii_uppercase())
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn add(html: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = html.write_fmt(text);
}

/// As text between tags or in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_word_of_the_document_is_text_and_never_markup() {
        let evil = "<script>\"&";
        let page = render(&json!({
            "info": {"title": evil, "description": evil, "version": evil},
            "paths": {evil: {"get": {
                "operationId": evil, "summary": evil, "description": evil,
                "parameters": [{"name": evil, "in": evil, "schema": {"type": evil, "default": evil}, "description": evil}],
                "requestBody": {"content": {evil: {"schema": {"$ref": evil}}}},
                "responses": {evil: {"description": evil, "content": {evil: {"schema": {"type": evil}}}}},
            }}},
            "components": {"schemas": {evil: {"description": evil, "properties": {evil: {"type": evil}}}}},
        }));
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn types_read_as_words() {
        for (schema, words) in [
            (json!({"type": "string"}), "string"),
            (json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}), "integer or null"),
            (json!({"type": "array", "items": {"type": "integer"}}), "list of integer"),
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), "map of string"),
            (json!({"type": "object", "additionalProperties": true}), "object"),
            (json!({"$ref": "#/components/schemas/Resources"}), "<a href=\"#schema-Resources\">Resources</a>"),
            (json!({}), "any"),
        ] {
            assert_eq!(type_of(&schema), words);
        }
    }
}
