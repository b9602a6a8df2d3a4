//! The OpenAPI document: paths from the handlers' declarations, schemas from the validator's tables.

use serde_json::{Map, Value, json};

use crate::{
    identity,
    validate::{
        model::{self, Field, Kind, Model, Need},
        query::{self, Param, ParamKind},
    },
};

const TITLE: &str = "SkyPilot-Compatible Kubernetes Task Launcher";
const DESCRIPTION: &str = "API server for launching tasks on Kubernetes with SkyPilot YAML compatibility";

/// The document for these paths, which are JSON objects as OpenAPI has them.
pub fn document(paths: Value) -> Value {
    let mut paths = paths;
    for (path, item) in paths.as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete(operation);
                add_refusals(path, method, operation);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": TITLE, "description": DESCRIPTION, "version": "1.0.0"},
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

/// What every operation has alike: a schema for every answer, titles of parameters, and the 422 of those that take any.
fn complete(operation: &mut Map<String, Value>) {
    if let Some(content) = operation["responses"]["200"]["content"]["application/json"].as_object_mut() {
        content.entry("schema").or_insert_with(|| json!({}));
    }
    if let Some(body) = operation.get_mut("requestBody") {
        let schema = body["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
        let model = model::ALL.iter().find(|model| schema.rsplit('/').next() == Some(model.name));
        body["required"] = json!(!model.is_some_and(|model| model.may_be_absent()));
    }
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return };
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let param = query::find(&name).filter(|_| parameter["in"] == "query");
        if let Some(param) = param {
            parameter["schema"] = query_schema(param);
            parameter["description"] = json!(param.description);
        }
        if name == identity::HEADER {
            // A name as `identity` takes it.
            parameter["schema"]["pattern"] = json!("^[!-~]([ -~]*[!-~])?$");
            parameter["schema"]["maxLength"] = json!(253);
        }
        parameter["schema"]["title"] = json!(if name == identity::HEADER { "X-User".to_owned() } else { title(&name) });
        parameter["required"] = json!(param.is_none());
    }
    let schema = json!({"$ref": "#/components/schemas/HTTPValidationError"});
    operation["responses"]["422"] =
        json!({"description": "Validation Error", "content": {"application/json": {"schema": schema}}});
}

/// Every other status that an operation may answer with, and what it means.
fn add_refusals(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let (has_body, writes) = (operation.contains_key("requestBody"), method != "get");
    let (one, log, any) = (path.contains('{'), path.ends_with("/logs"), path != "/");
    let refusals = [
        (has_body, "400", "The body cannot be read, or the cluster refuses it"),
        (writes, "403", "A rule of the cluster (quota, admission) forbids it, in the cluster's words"),
        (one, "404", "This user has no such thing"),
        (has_body, "408", "The body did not arrive in time"),
        (one || writes, "409", "The state of things forbids it"),
        (has_body, "413", "The body is too large"),
        (log, "429", "This user has too many log streams open"),
        (any, "500", "A fault of the gateway or its installation; the request id is in its log"),
        (any, "503", "The cluster does not answer; trying again helps"),
    ];
    let schema = json!({"$ref": "#/components/schemas/HTTPError"});
    for (_, status, meaning) in refusals.into_iter().filter(|(applies, ..)| *applies) {
        operation["responses"][status] =
            json!({"description": meaning, "content": {"application/json": {"schema": schema}}});
    }
    if log {
        operation["responses"]["200"]["content"]["text/plain"] = json!({"schema": {"type": "string"}});
    }
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
        "HTTPError".to_owned(),
        json!({
            "properties": {"detail": {"type": "string", "title": "Detail"}},
            "type": "object",
            "required": ["detail"],
            "title": "HTTPError",
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
