//! The OpenAPI document: paths from the handlers' declarations, schemas from the validator's tables.

use serde_json::{Map, Value, json};

use crate::validate::{
    model::{self, Field, Kind, Model, Need},
    query::{self, Param, ParamKind},
};

const TITLE: &str = "SkyPilot-Compatible Kubernetes Task Launcher";
const DESCRIPTION: &str = "API server for launching tasks on Kubernetes with SkyPilot YAML compatibility";

/// The document for these paths, which are JSON objects as OpenAPI has them.
pub fn document(paths: Value) -> Value {
    let mut paths = paths;
    for operation in operations(&mut paths) {
        complete(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": TITLE, "description": DESCRIPTION, "version": "1.0.0"},
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn operations(paths: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let items = paths.as_object_mut().into_iter().flat_map(Map::values_mut);
    items.filter_map(Value::as_object_mut).flat_map(Map::values_mut).filter_map(Value::as_object_mut)
}

/// What every operation has alike: a schema for every answer, titles of parameters, and the 422 of those that take any.
fn complete(operation: &mut Map<String, Value>) {
    if let Some(content) = operation["responses"]["200"]["content"]["application/json"].as_object_mut() {
        content.entry("schema").or_insert_with(|| json!({}));
    }
    if let Some(body) = operation.get_mut("requestBody") {
        body["required"] = json!(true);
    }
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let param = query::find(&name).filter(|_| parameter["in"] == "query");
        if let Some(param) = param {
            parameter["schema"] = query_schema(param);
            parameter["description"] = json!(param.description);
        }
        parameter["schema"]["title"] = json!(if name == "x-user" { "X-User".to_owned() } else { title(&name) });
        parameter["required"] = json!(param.is_none());
    }
    let schema = json!({"$ref": "#/components/schemas/HTTPValidationError"});
    operation["responses"]["422"] =
        json!({"description": "Validation Error", "content": {"application/json": {"schema": schema}}});
}

fn query_schema(param: &Param) -> Value {
    match param.kind {
        ParamKind::Bool { default } => json!({"type": "boolean", "default": default}),
        ParamKind::Int { min } => json!({"type": "integer", "minimum": min}),
        ParamKind::Ints { min } => json!({"type": "array", "items": {"type": "integer", "minimum": min}}),
        ParamKind::Since => json!({"type": "string", "examples": ["10m", "2026-11-24T10:00:00Z"]}),
    }
}

fn schemas() -> Value {
    let mut schemas: Map<String, Value> =
        model::ALL.iter().map(|model| (model.name.to_owned(), object(model))).collect();
    let items = json!({"$ref": "#/components/schemas/ValidationError"});
    schemas.insert(
        "HTTPValidationError".to_owned(),
        json!({
            "properties": {"detail": {"items": items, "type": "array", "title": "Detail"}},
            "type": "object",
            "title": "HTTPValidationError",
        }),
    );
    schemas.insert(
        "ValidationError".to_owned(),
        json!({
            "properties": {
                "loc": {
                    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "type": "array",
                    "title": "Location",
                },
                "msg": {"type": "string", "title": "Message"},
                "type": {"type": "string", "title": "Error Type"},
                "input": {"title": "Input"},
                "ctx": {"type": "object", "title": "Context"},
            },
            "type": "object",
            "required": ["loc", "msg", "type"],
            "title": "ValidationError",
        }),
    );
    Value::Object(schemas)
}

fn object(model: &Model) -> Value {
    let properties: Map<_, _> = model.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let is_required =
        |field: &&Field| matches!(field.need, Need::Required | Need::RequiredNullable | Need::RequiredUnless(_));
    let required: Vec<_> = model.fields.iter().filter(is_required).map(|field| field.name).collect();
    let mut schema = json!({"properties": properties, "type": "object"});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["title"] = json!(model.name);
    schema["description"] = json!(model.description);
    schema
}

fn property(field: &Field) -> Value {
    let reference = matches!(field.kind, Kind::Object(_));
    let mut schema = match field.need {
        Need::Nullable | Need::RequiredNullable => json!({"anyOf": [kind(field.kind), {"type": "null"}]}),
        Need::Required | Need::Default(_) | Need::RequiredUnless(_) => kind(field.kind),
    };
    if !reference {
        schema["title"] = json!(title(field.name));
    }
    if let Need::Default(value) = field.need {
        schema["default"] = json!(value);
    }
    schema
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Int { min, .. } => match min {
            // pydantic writes bounds as floats.
            Some(min) => json!({"type": "integer", "minimum": f64::from(i32::try_from(min).unwrap_or(0))}),
            None => json!({"type": "integer"}),
        },
        Kind::Bool => json!({"type": "boolean"}),
        Kind::TextMap => json!({"additionalProperties": {"type": "string"}, "type": "object"}),
        Kind::Ints => json!({"items": {"type": "integer"}, "type": "array"}),
        Kind::Texts => json!({"items": {"type": "string"}, "type": "array"}),
        Kind::Object(model) => json!({"$ref": format!("#/components/schemas/{}", model.name)}),
        Kind::AnyObject => json!({"additionalProperties": true, "type": "object"}),
        Kind::Objects(model) => {
            json!({"items": {"$ref": format!("#/components/schemas/{}", model.name)}, "type": "array"})
        }
    }
}

/// `task_id` → `Task Id`.
fn title(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split(['_', '-']).map(word).collect::<Vec<_>>().join(" ")
}
