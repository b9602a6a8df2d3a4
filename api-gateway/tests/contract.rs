//! The router against what the Python original answered, recorded over HTTP. No cluster: the Kubernetes client points at
//! a port where nothing listens, so whatever reaches the store shows as 503 and everything else is decided before.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod support;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use support::Answer;

const RECORDED: &str = include_str!("data/recorded.jsonl");
const DOCUMENT: &str = include_str!("data/openapi.json");

fn build() -> (Router, Value) {
    support::build(support::nowhere())
}

async fn ask(request: Request<Body>) -> Answer {
    support::ask(build().0, request).await
}

async fn submit(body: &'static str) -> Answer {
    let request = Request::post("/tasks/submit").header("X-User", "u").header("content-type", "application/json");
    ask(request.body(Body::from(body)).unwrap()).await
}

fn recorded_request(recorded: &Value) -> Request<Body> {
    let mut builder = Request::builder()
        .method(recorded["method"].as_str().unwrap())
        .uri(recorded["path"].as_str().unwrap())
        .header("Host", "127.0.0.1:8000");
    for (name, value) in recorded["headers"].as_object().unwrap() {
        builder = builder.header(name, value.as_str().unwrap());
    }
    let body = match (recorded.get("json"), recorded.get("raw")) {
        (Some(json), _) => {
            builder = builder.header("Content-Type", "application/json");
            Body::from(json.to_string())
        }
        (None, Some(raw)) => Body::from(raw.as_str().unwrap().to_owned()),
        (None, None) => Body::empty(),
    };
    builder.body(body).unwrap()
}

#[tokio::test]
async fn answers_as_recorded() {
    let mut compared = 0;
    for line in RECORDED.lines() {
        let scenario: Value = serde_json::from_str(line).unwrap();
        let id = scenario["id"].as_str().unwrap();
        if scenario.get("ours").is_some() {
            continue;
        }
        let answer = ask(recorded_request(&scenario["request"])).await;
        let expected = &scenario["response"];
        assert_eq!(json!(answer.status.as_u16()), expected["status"], "{id}: {}", answer.text);
        assert_eq!(answer.header("content-type"), expected["content_type"].as_str(), "{id}");
        assert_eq!(answer.header("location"), expected["location"].as_str(), "{id}");
        if let Some(allow) = expected["allow"].as_str() {
            assert!(answer.header("allow").unwrap().split(", ").any(|method| method == allow), "{id}");
        }
        if expected["body"] == "" {
            assert_eq!(answer.text, "", "{id}");
        } else {
            assert_eq!(answer.json(), expected["body"], "{id}");
        }
        compared += 1;
    }
    assert!(compared >= 38, "only {compared} recordings were compared");
}

/// Where ours accepts more than the original: the request gets as far as the cluster, which is not there.
#[tokio::test]
async fn accepts_what_skypilot_gives_a_meaning() {
    let mut compared = 0;
    for line in RECORDED.lines() {
        let scenario: Value = serde_json::from_str(line).unwrap();
        let Some(ours) = scenario["ours"].as_str().filter(|ours| ours.starts_with("accepted")) else { continue };
        let answer = ask(recorded_request(&scenario["request"])).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}: {ours}: {}", scenario["id"], answer.text);
        compared += 1;
    }
    assert!(compared >= 6, "only {compared} recordings were compared");
}

#[tokio::test]
async fn of_many_errors_only_those_that_nobody_gives_a_meaning() {
    let body = r#"{"num_nodes": 0, "envs": {"A": 1, "B": 2}, "resources": {"cpus": 1}}"#;
    let detail = submit(body).await.json()["detail"].clone();
    let locs: Vec<_> = detail.as_array().unwrap().iter().map(|entry| entry["loc"].clone()).collect();
    assert_eq!(locs, [json!(["body", "num_nodes"]), json!(["body", "run"])]);
}

#[tokio::test]
async fn a_setup_excuses_a_missing_run() {
    for (body, status) in [
        (r#"{"setup": "x"}"#, 503),
        (r#"{"setup": "x", "run": null}"#, 503),
        (r#"{"setup": ""}"#, 422),
        (r#"{"setup": null}"#, 422),
        (r#"{"setup": "x", "run": 1}"#, 422),
    ] {
        assert_eq!(submit(body).await.status.as_u16(), status, "{body}");
    }
}

/// SkyPilot's words for what happens when a task fails or finds no machine.
#[tokio::test]
async fn recovery_and_waiting_are_taken_in_skypilot_s_forms() {
    for body in [
        r#"{"run": "x", "resources": {"job_recovery": "EAGER_NEXT_REGION"}}"#,
        r#"{"run": "x", "resources": {"job_recovery": null}}"#,
        r#"{"run": "x", "resources": {"job_recovery": {"max_restarts_on_errors": 3, "recover_on_exit_codes": 33}}}"#,
        r#"{"run": "x", "config": {"kubernetes": {"provision_timeout": -1}}}"#,
    ] {
        assert_eq!(submit(body).await.status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    }
}

/// It needs no body; what is in one is checked as in a submit.
#[tokio::test]
async fn a_rerun_s_body_may_be_absent() {
    let rerun = |body: &'static str, kind: &str| {
        let request = Request::post("/tasks/abcdef01/rerun").header("X-User", "u").header("content-type", kind);
        ask(request.body(Body::from(body)).unwrap())
    };
    for body in ["", "{}", r#"{"name": null, "num_nodes": null, "envs": {"A": 1}, "other": 1}"#] {
        assert_eq!(rerun(body, "application/json").await.status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    }
    assert_eq!(rerun("", "text/plain").await.status, StatusCode::SERVICE_UNAVAILABLE, "as curl -X POST");
    let answer = rerun(r#"{"name": 1, "num_nodes": 0, "envs": [], "secrets": {"A": []}}"#, "application/json").await;
    let locs: Vec<_> = answer.json()["detail"].as_array().unwrap().iter().map(|entry| entry["loc"].clone()).collect();
    let body = |field: &str| json!(["body", field]);
    assert_eq!(locs, [body("name"), body("num_nodes"), body("envs"), json!(["body", "secrets", "A"])]);
    let request = Request::get("/tasks/abcdef01/rerun").header("X-User", "u").body(Body::empty()).unwrap();
    let answer = ask(request).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")));
    // The original's document, which is compared whole, has the bodies that are required.
    assert_eq!(build().1["paths"]["/tasks/{task_id}/rerun"]["post"]["requestBody"]["required"], json!(false));
}

#[tokio::test]
async fn texts_that_mean_nothing_are_refused_at_their_field() {
    for (body, loc, input) in [
        (r#"{"run": "x", "resources": {"cpus": "four"}}"#, json!(["body", "resources", "cpus"]), json!("four")),
        (r#"{"run": "x", "resources": {"memory": "lots"}}"#, json!(["body", "resources", "memory"]), json!("lots")),
        (r#"{"run": "x", "volumes": {"a": "v"}}"#, json!(["body", "volumes", "a"]), json!("v")),
        (
            r#"{"run": "x", "resources": {"job_recovery": {"recover_on_exit_codes": [256]}}}"#,
            json!(["body", "resources", "job_recovery", "recover_on_exit_codes"]),
            json!([256]),
        ),
        (
            r#"{"run": "x", "config": {"kubernetes": {"provision_timeout": "600"}}}"#,
            json!(["body", "config", "kubernetes", "provision_timeout"]),
            json!("600"),
        ),
        (r#"{"run": "x", "num_nodes": 1001}"#, json!(["body", "num_nodes"]), json!(1001)),
    ] {
        let answer = submit(body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let entry = &answer.json()["detail"][0];
        assert_eq!((&entry["loc"], &entry["input"]), (&loc, &input), "{body}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let post = || Request::post("/tasks/submit").header("X-User", "u").header("content-type", "application/json");
    let answer = ask(post().body(Body::from(&b"\"\xff\""[..])).unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (400, json!({"detail": "There was an error parsing the body"}))
    );
    let answer = ask(post().body(Body::from(vec![b' '; 1024 * 1024 + 1])).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn faults_tell_a_request_id_and_nothing_internal() {
    let request = Request::get("/tasks/abcdef01").header("X-User", "u").header("x-request-id", "my-id-1");
    let answer = ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("x-request-id"), Some("my-id-1"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["detail"], "The Kubernetes API does not answer: try again (request id my-id-1)");
}

#[tokio::test]
async fn ids_that_are_none_are_not_looked_up() {
    for path in ["/tasks/submit", "/tasks/ABCDEF01", "/tasks/a%20b", "/tasks/€", "/volumes/create"] {
        let uri: String = path.replace('€', "%E2%82%AC");
        let answer = ask(Request::get(uri).header("X-User", "u").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().ends_with(" not found"), "{path}: {}", answer.text);
    }
}

/// Everything of the original's document is in ours; ours may have more.
#[tokio::test]
async fn the_document_has_everything_of_the_original_s() {
    let original: Value = serde_json::from_str(DOCUMENT).unwrap();
    contains(&build().1, &original, "document");
}

fn contains(ours: &Value, original: &Value, at: &str) {
    match (ours, original) {
        (Value::Object(ours), Value::Object(original)) => {
            for (key, value) in original {
                let found = ours.get(key).unwrap_or_else(|| panic!("{at}.{key} is missing"));
                contains(found, value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(ours), Value::Array(original)) => {
            assert!(ours.len() >= original.len(), "{at}: {ours:?} and {original:?}");
            for (index, (ours, original)) in ours.iter().zip(original).enumerate() {
                contains(ours, original, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(ours, original, "{at}"),
    }
}

#[tokio::test]
async fn a_log_s_query_is_checked_with_everything_else() {
    let uri = "/tasks/abcdef01/logs?follow=maybe&tail=x&since=soon&node=-1&timestamps=";
    let answer = ask(Request::get(uri).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let locs: Vec<_> = answer.json()["detail"].as_array().unwrap().iter().map(|entry| entry["loc"].clone()).collect();
    let query = |name: &str| json!(["query", name]);
    assert_eq!(
        locs,
        [
            query("follow"),
            query("tail"),
            query("since"),
            query("timestamps"),
            json!(["query", "node", 0]),
            json!(["header", "x-user"]),
        ]
    );
}

#[tokio::test]
async fn every_query_parameter_of_the_tables_is_in_the_document_and_none_else() {
    use sky_api_gateway::validate::query::{LIST, LOGS};
    let document = build().1;
    for (path, method, table) in [
        ("/tasks", "get", LIST),
        ("/tasks/stop", "post", LIST),
        ("/volumes", "get", LIST),
        ("/tasks/{task_id}/logs", "get", LOGS),
        ("/tasks/{task_id}", "get", &[]),
    ] {
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap();
        let declared: Vec<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| (parameter["name"].as_str().unwrap(), parameter["required"] == false))
            .collect();
        assert_eq!(declared, table.iter().map(|param| (param.name, true)).collect::<Vec<_>>(), "{path}");
    }
}
