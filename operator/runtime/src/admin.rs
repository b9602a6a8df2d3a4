//! The admin port: `/healthz`, `/readyz` and `/metrics`, apart from what users reach.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The media type of the metrics page.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What has to be ready before the process takes work; cheap to clone, all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    components: Arc<Mutex<Vec<(String, ReadyFlag)>>>,
}

/// One component's own switch, not ready at first.
#[derive(Clone, Debug, Default)]
pub struct ReadyFlag(Arc<AtomicBool>);

impl ReadyFlag {
    /// This component takes work from now on.
    pub fn set_ready(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// This component cannot work at the moment.
    pub fn set_not_ready(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether it takes work.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Readiness {
    /// Nothing to wait for yet. A process without components is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component that holds readiness back until its flag is set. `name` is what `/readyz` shows, e.g. `tasks cache`.
    pub fn component(&self, name: impl Into<String>) -> ReadyFlag {
        let flag = ReadyFlag::default();
        self.lock().push((name.into(), flag.clone()));
        flag
    }

    /// The names of what is not ready, in the order in which they were added.
    pub fn missing(&self) -> Vec<String> {
        self.lock().iter().filter(|(_, flag)| !flag.is_ready()).map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, ReadyFlag)>> {
        // A list of names and flags has no state between two consistent ones, so a poisoned lock is still good.
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The three pages as a router.
#[derive(Clone, Debug)]
pub struct AdminServer {
    registry: Arc<Registry>,
    readiness: Readiness,
}

impl AdminServer {
    /// Pages over these metrics and this readiness.
    pub fn new(registry: Arc<Registry>, readiness: Readiness) -> Self {
        Self { registry, readiness }
    }

    /// The routes; for tests, or to be served by somebody else.
    pub fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

/// Serves the admin pages until `shutdown`, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> io::Result<()> {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "admin pages: /healthz /readyz /metrics");
    }
    axum::serve(listener, AdminServer::new(registry, readiness).router())
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

async fn readyz(State(server): State<AdminServer>) -> (StatusCode, String) {
    let missing = server.readiness.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
    }
}

async fn metrics(State(server): State<AdminServer>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &server.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use prometheus_client::metrics::counter::Counter;
    use tower::ServiceExt as _;

    use super::*;

    async fn get_page(readiness: &Readiness, registry: Registry, path: &str) -> (StatusCode, String) {
        let router = AdminServer::new(Arc::new(registry), readiness.clone()).router();
        let request = axum::http::Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_names_what_is_missing_until_all_are_ready() {
        let readiness = Readiness::new();
        let tasks = readiness.component("tasks cache");
        let volumes = readiness.component("volumes cache");
        assert_eq!(
            get_page(&readiness, Registry::default(), "/readyz").await,
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: tasks cache, volumes cache\n".to_owned())
        );
        tasks.set_ready();
        assert_eq!(readiness.missing(), ["volumes cache"]);
        volumes.set_ready();
        assert_eq!(get_page(&readiness, Registry::default(), "/readyz").await, (StatusCode::OK, "ok\n".to_owned()));
        tasks.set_not_ready();
        assert_eq!(readiness.missing(), ["tasks cache"]);
    }

    #[tokio::test]
    async fn alive_does_not_wait_for_ready() {
        let readiness = Readiness::new();
        let _flag = readiness.component("never");
        assert_eq!(get_page(&readiness, Registry::default(), "/healthz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_open_metrics_text() {
        let mut registry = Registry::default();
        let counter = Counter::<u64>::default();
        registry.register("writes", "Writes to the API server", counter.clone());
        counter.inc();
        let (status, text) = get_page(&Readiness::new(), registry, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("writes_total 1\n") && text.ends_with("# EOF\n"), "{text}");
    }
}
