//! Requests that are made once, however often and by however many they are sent.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod support;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use kube::Client;
use serde_json::{Value, json};

type Objects = Arc<Mutex<BTreeMap<String, Value>>>;

/// An API server that knows creating and getting: a name is taken once.
async fn answer(objects: Objects, request: Request<kube::client::Body>) -> axum::http::Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let mut objects = objects.lock().unwrap();
    let (status, body) = if parts.method == "POST" {
        let mut object: Value = serde_json::from_slice(&body).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        match objects.entry(name.clone()) {
            Entry::Occupied(_) => (
                409,
                json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "AlreadyExists"}),
            ),
            Entry::Vacant(place) => {
                object["metadata"]["uid"] = json!(name);
                (201, place.insert(object).clone())
            }
        }
    } else {
        let name = parts.uri.path().rsplit('/').next().unwrap();
        let missing =
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"});
        objects.get(name).map_or((404, missing), |object| (200, object.clone()))
    };
    axum::http::Response::builder().status(status).body(Body::from(body.to_string())).unwrap()
}

struct Cluster(Objects);

impl Cluster {
    async fn create(&self, user: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        let objects = Arc::clone(&self.0);
        let service = tower::service_fn(move |request| {
            let objects = Arc::clone(&objects);
            async { Ok::<_, Infallible>(answer(objects, request).await) }
        });
        let mut request =
            Request::post("/volumes/create").header("X-User", user).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = support::ask(support::build(Client::new(service, "default")).0, request).await;
        (answer.status.as_u16(), answer.json())
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_key_makes_one_volume() {
    let cluster = Cluster(Objects::default());
    let data = json!({"name": "data", "size": "1Gi"});
    let same = json!({"name": "data", "size": "1024Mi"});
    let (first, second) =
        tokio::join!(cluster.create("ann", Some("apply"), &data), cluster.create("ann", Some("apply"), &same),);
    assert_eq!((first.0, second.0), (200, 200), "{first:?} {second:?}");
    assert_eq!(first.1["volume_id"], second.1["volume_id"]);
    let mut words = [&first.1["status"], &second.1["status"]];
    words.sort_by_key(ToString::to_string);
    assert_eq!(words, ["created", "exists"]);
    assert_eq!(cluster.count(), 1);
    // Of another user or name it is another volume, and without a key every request makes one.
    cluster.create("bob", Some("apply"), &data).await;
    cluster.create("ann", Some("apply"), &json!({"name": "more", "size": "1Gi"})).await;
    assert_eq!(cluster.count(), 3);
    assert_eq!(cluster.create("ann", None, &data).await.1["status"], "created");
    assert_eq!(cluster.count(), 4);
}

#[tokio::test]
async fn what_is_there_and_differs_is_a_conflict() {
    let cluster = Cluster(Objects::default());
    cluster.create("ann", Some("apply"), &json!({"name": "data", "size": "1Gi"})).await;
    let (status, body) = cluster.create("ann", Some("apply"), &json!({"name": "data", "size": "2Gi"})).await;
    assert_eq!(status, 409);
    assert!(body["detail"].as_str().unwrap().contains("asks for something else"), "{body}");
    let name = cluster.0.lock().unwrap().keys().next().unwrap().clone();
    cluster.0.lock().unwrap().get_mut(&name).unwrap()["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let (status, body) = cluster.create("ann", Some("apply"), &json!({"name": "data", "size": "1Gi"})).await;
    assert_eq!(status, 409);
    assert!(body["detail"].as_str().unwrap().contains("is being deleted"), "{body}");
    let (status, body) = cluster.create("ann", Some(""), &json!({"name": "data", "size": "1Gi"})).await;
    assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["header", "idempotency-key"])));
}
