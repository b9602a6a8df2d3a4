//! Volumes that are asked to grow.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod support;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use kube::Client;
use serde_json::{Value, json};

/// An API server with one volume of 2Gi; what it is sent, as method and body.
struct Cluster {
    volume: Value,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Cluster {
    fn new(annotations: &Value) -> Self {
        let volume = json!({
            "apiVersion": "skytask.dev/v1alpha1", "kind": "SkyVolume",
            "metadata": {
                "name": "data-0000000a", "namespace": "default", "uid": "u", "resourceVersion": "7",
                "labels": {"volume-id": "0000000a"}, "annotations": annotations,
            },
            "spec": {"name": "data", "size": "2Gi", "user": "ann", "volumeId": "0000000a"},
        });
        Self { volume, seen: Arc::default() }
    }

    async fn grow(&self, body: &Value) -> (u16, Value) {
        let (volume, seen) = (self.volume.clone(), Arc::clone(&self.seen));
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (volume, seen) = (volume.clone(), Arc::clone(&seen));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                if parts.method != "GET" {
                    let body = serde_json::from_slice(&body).unwrap();
                    seen.lock().unwrap().push((format!("{} {}", parts.method, parts.uri.path()), body));
                }
                let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [volume]});
                let is_one = parts.uri.path().ends_with("data-0000000a");
                let answer = if is_one { &volume } else { &list };
                Ok::<_, Infallible>(axum::http::Response::new(Body::from(answer.to_string())))
            }
        });
        let request =
            Request::post("/volumes/0000000a/grow").header("X-User", "ann").header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answer = support::ask(support::build(Client::new(service, "default")).0, request).await;
        (answer.status.as_u16(), answer.json())
    }

    fn writes(&self) -> Vec<(String, Value)> {
        self.seen.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn what_is_larger_is_asked_for_of_this_very_volume() {
    let cluster = Cluster::new(&json!({}));
    let (status, body) = cluster.grow(&json!({"size": "3Gi"})).await;
    assert_eq!((status, &body["status"], &body["volume_id"]), (200, &json!("growing"), &json!("0000000a")), "{body}");
    let (call, sent) = cluster.writes().remove(0);
    assert!(call.starts_with("PATCH ") && call.ends_with("/skyvolumes/data-0000000a"), "{call}");
    assert_eq!(sent, json!({"spec": {"size": "3Gi"}, "metadata": {"uid": "u", "resourceVersion": "7"}}));
}

#[tokio::test]
async fn everything_else_changes_nothing() {
    let flux = json!({"kustomize.toolkit.fluxcd.io/name": "apps"});
    for (marks, sent, status, words) in [
        (json!({}), json!({"size": "2048Mi"}), 200, "has 2Gi already"),
        (json!({}), json!({"size": "1Gi"}), 409, "it can grow, not shrink to 1Gi"),
        (json!({}), json!({"size": "much"}), 422, "`much` is not a size"),
        (json!({}), json!({}), 422, "Field required"),
        (flux, json!({"size": "3Gi"}), 409, "managed by Flux: change it at its source"),
    ] {
        let cluster = Cluster::new(&marks);
        let (code, body) = cluster.grow(&sent).await;
        assert!(code == status && body.to_string().contains(words), "{sent}: {code} {body}");
        assert_eq!(cluster.writes(), [], "{sent}");
    }
}
