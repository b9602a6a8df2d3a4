//! The router without a cluster, for tests.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![allow(dead_code, reason = "no test uses all of it")]

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use k8s_openapi::jiff::Timestamp;
use kube::{Client, Config};
use prometheus_client::registry::Registry;
use serde_json::Value;
use sky_api_gateway::{app::App, logs::slots::Slots, metrics::Metrics, router, store::Store};
use tower::ServiceExt as _;

/// A client of a port where nothing listens.
pub(crate) fn nowhere() -> Client {
    sky_runtime::tls::install_crypto_provider();
    let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// The router and its document over this client.
pub(crate) fn build(client: Client) -> (Router, Value) {
    over(Store::new(client, "default"))
}

/// The router and its document over this store.
pub(crate) fn over(store: Store) -> (Router, Value) {
    router::build(App {
        store,
        slots: Slots::new(64),
        metrics: Metrics::register(&mut Registry::default()),
        random: Arc::new(|| 0xabcd),
        clock: || Timestamp::UNIX_EPOCH,
    })
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// Asks this router.
pub(crate) async fn ask(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned() }
}
