//! Whatever a client sends, the fault is never ours: random requests against a Kubernetes API that does its part.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod support;

use std::{convert::Infallible, sync::LazyLock};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, Uri},
};
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::{Client, runtime::watcher::Event};
use proptest::prelude::*;
use serde_json::{Value, json};
use sky_api_gateway::store::Store;
use sky_crd::{
    TaskId, User,
    api::TaskRequest,
    task::{SkyTask, SkyTaskStatus},
};
use tokio::{runtime::Runtime, time::Instant};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A task that ended without having run: its log is empty and ends at once.
fn task() -> SkyTask {
    let user: User = "u".parse().unwrap();
    let mut task = TaskRequest::default().into_task(&TaskId::from_bits(1), &user, "default").unwrap();
    task.metadata.uid = Some("uid".to_owned());
    let finished = Condition {
        type_: "Finished".to_owned(),
        status: "True".to_owned(),
        reason: "X".to_owned(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    };
    task.status = Some(SkyTaskStatus { conditions: vec![finished], ..SkyTaskStatus::default() });
    task
}

/// Creates whatever it is given; has one task, and no other object.
async fn answer(request: Request<kube::client::Body>) -> Result<axum::http::Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let (status, body) = if parts.method == Method::POST {
        let mut object: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
        object["metadata"]["uid"] = json!("new");
        (201, object)
    } else if parts.method == Method::GET && path.ends_with("-00000001") {
        (200, serde_json::to_value(task()).unwrap())
    } else if parts.method == Method::GET && (path.ends_with("/skytasks") || path.ends_with("/skyvolumes")) {
        (200, json!({"apiVersion": "skytask.dev/v1alpha1", "kind": "List", "metadata": {}, "items": []}))
    } else {
        (404, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"}))
    };
    Ok(axum::http::Response::builder().status(status).body(Body::from(body.to_string())).unwrap())
}

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let _inside = RUNTIME.enter();
    let store = Store::new(Client::new(tower::service_fn(answer), "default"), "default");
    for event in [Event::Init, Event::InitApply(task()), Event::InitDone] {
        store.tasks.cache().apply(event, Instant::now());
    }
    for event in [Event::Init, Event::InitDone] {
        store.volumes.cache().apply(event, Instant::now());
    }
    support::over(store).0
});

/// The status, which must not be 5xx, and must come with an id and, if it is an error, with FastAPI's shape.
fn check(request: Request<Body>) -> Result<u16, TestCaseError> {
    let asked = format!("{request:?}");
    let answer = RUNTIME.block_on(support::ask(ROUTER.clone(), request));
    let status = answer.status.as_u16();
    prop_assert!(status < 500, "{asked}: {answer:?}");
    prop_assert!(answer.header("x-request-id").is_some(), "{asked}");
    let is_head = asked.contains("HEAD");
    prop_assert!(status < 400 || is_head || answer.json().get("detail").is_some(), "{asked}: {answer:?}");
    Ok(status)
}

/// Keys that mean something, at any depth, and others.
fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "name",
        "workdir",
        "num_nodes",
        "resources",
        "envs",
        "file_mounts",
        "volumes",
        "setup",
        "run",
        "cpus",
        "memory",
        "accelerators",
        "instance_type",
        "use_spot",
        "job_recovery",
        "strategy",
        "max_restarts_on_errors",
        "recover_on_exit_codes",
        "disk_size",
        "ports",
        "image_id",
        "infra",
        "labels",
        "priority",
        "any_of",
        "ordered",
        "config",
        "kubernetes",
        "pod_config",
        "provision_timeout",
        "size",
        "storage_class",
        "access_modes",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

fn scalar() -> impl Strategy<Value = Value> {
    let telling = prop::sample::select(vec![
        "",
        "x",
        "4",
        "4+",
        "1Gi",
        "10GB",
        "1e9",
        "0",
        "-1",
        "H100:8",
        "8080",
        "80-90",
        "true",
        "/data",
        "~/x",
        "a b",
        "ReadWriteOnce",
        "docker:x",
        "9999999999999999999999",
        "NaN",
        "\u{0}",
        "é€😀",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3i64..20).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        telling.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    let tree = scalar().prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..8).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    });
    // Most have what is required, so that what is behind the validation is reached too.
    (tree, any::<bool>()).prop_map(|(mut tree, complete)| {
        if let Some(object) = tree.as_object_mut().filter(|_| complete) {
            object.insert("run".to_owned(), json!("x"));
            object.entry("name").or_insert(json!("n"));
            object.entry("size").or_insert(json!("1Gi"));
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn random_bodies(body in body(), path in prop::sample::select(vec!["/tasks/submit", "/tasks/00000001/rerun", "/volumes/create"])) {
        let request = Request::post(path).header("X-User", "u").header("content-type", "application/json");
        check(request.body(Body::from(body.to_string())).unwrap())?;
    }

    #[test]
    fn random_bytes_as_bodies(
        body in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200, json_type: bool,
    ) {
        let valid = br#"{"run": "\u00e9 \ud83d\ude00 x", "num_nodes": 1.0, "envs": {"A": "b"}, "resources": {"cpus": 4}}"#;
        let kind = if json_type { "application/json" } else { "text/plain" };
        for body in [body.clone(), [&valid[..cut.min(valid.len())], &body].concat()] {
            let request = Request::post("/tasks/submit").header("X-User", "u").header("content-type", kind);
            check(request.body(Body::from(body)).unwrap())?;
        }
    }

    #[test]
    fn random_headers(
        headers in prop::collection::vec((
            prop::sample::select(vec!["x-user", "content-type", "x-request-id", "host", "accept", "content-length", "x"]),
            prop::collection::vec(any::<u8>(), 0..300),
        ), 0..6),
        path in prop::sample::select(vec!["/tasks", "/tasks/", "/tasks/00000001", "/tasks/00000001/logs", "/volumes", "/docs"]),
    ) {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        check(request)?;
    }

    #[test]
    fn random_paths_and_queries(
        steps in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(vec!["tasks", "volumes", "submit", "stop", "rerun", "logs", "create", "00000001", "docs", "", "redoc"])
                .prop_map(str::to_owned),
            2 => "[ -~]{0,12}",
            1 => any::<String>(),
        ], 0..5),
        query in prop::collection::vec((
            prop_oneof![
                4 => prop::sample::select(vec!["all_users", "follow", "tail", "since", "timestamps", "node"]).prop_map(str::to_owned),
                1 => any::<String>(),
            ],
            prop_oneof![Just("0".to_owned()), Just("true".to_owned()), "[0-9a-zTZ:.+-]{0,24}", any::<String>()],
        ), 0..5),
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "BREW"]),
        raw: bool,
    ) {
        let encode = |text: &str| -> String {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || (raw && b"-._~!$'()*+,;:@%".contains(&byte));
            let byte = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
            text.bytes().map(byte).collect()
        };
        let path: String = steps.iter().flat_map(|step| ["/".to_owned(), encode(step)]).collect();
        let query: Vec<_> = query.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
        let Ok(uri) = format!("/{}?{}", path.trim_start_matches('/'), query.join("&")).parse::<Uri>() else {
            return Ok(());
        };
        let request = Request::builder().method(method).uri(uri).header("X-User", "u").header("Host", "h");
        check(request.body(Body::empty()).unwrap())?;
    }
}

/// The requests above must get behind the validation, or they prove nothing.
#[test]
fn good_requests_arrive() {
    let post = |path: &str, body: &Value| {
        let request = Request::post(path).header("X-User", "u").header("content-type", "application/json");
        check(request.body(Body::from(body.to_string())).unwrap()).unwrap()
    };
    let get = |path: &str| check(Request::get(path).header("X-User", "u").body(Body::empty()).unwrap()).unwrap();
    assert_eq!(post("/tasks/submit", &json!({"run": "x", "resources": {"cpus": 4}})), 200);
    assert_eq!(post("/volumes/create", &json!({"name": "v", "size": "1Gi"})), 200);
    assert_eq!(post("/tasks/00000001/rerun", &json!({"name": "n", "secrets": {"A": 1}})), 200);
    assert_eq!(get("/tasks"), 200);
    assert_eq!(get("/tasks/00000001"), 200);
    assert_eq!(get("/tasks/00000001/logs?follow=0&tail=3&since=5m&node=0&timestamps=1"), 200);
    assert_eq!(get("/tasks/00000001/logs?node=1"), 422);
}
