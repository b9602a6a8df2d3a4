//! The REST gateway: HTTP to wire types to resources and back. It only writes `SkyTasks` and `SkyVolumes`; the operator
//! does the rest.
//!
//! A request goes through [`middleware`], [`router`] (with [`resolve`]), [`inputs`] (with [`identity`] and [`validate`]),
//! a handler in [`routes`], and [`store`] or [`logs`].

pub mod app;
pub mod args;
mod docs;
pub mod error;
pub mod identity;
pub mod inputs;
pub mod logs;
pub mod metrics;
pub mod middleware;
pub mod openapi;
pub mod repeat;
pub mod resolve;
pub mod router;
pub mod routes;
pub mod serve;
mod stalled;
pub mod store;
pub mod validate;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use sky_runtime::{
    admin::{self, Readiness},
    client::{ClientOptions, ConnectError, connect},
    supervise::{SuperviseError, Supervisor},
    telemetry::TelemetryError,
};
use tokio::net::TcpListener;

use app::{App, STREAMS_PER_USER};
use args::Args;
use logs::slots::Slots;
use serve::Limits;
use store::Store;

/// Longer than the server's own drain time, shorter than a pod's default grace period of 30 s.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the gateway ends.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Logging cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// There is no cluster to talk to.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}. Choose another with --host and --port, or --admin-address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A part of it ended.
    #[error(transparent)]
    Ended(#[from] SuperviseError),
}

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// [`GatewayError`] when it cannot start or a part of it fails.
pub async fn run(args: Args) -> Result<(), GatewayError> {
    let api = listen(SocketAddr::new(args.host, args.port)).await?;
    // With `--port 0` the system has chosen one.
    let port = api.local_addr().map_or(args.port, |address| address.port());
    let admin_pages = listen(args.admin_address).await?;
    let client = connect(ClientOptions::new(concat!("sky-api-gateway/", env!("CARGO_PKG_VERSION")))).await?;
    tracing::warn!(
        "the header X-User is believed as it is: whoever reaches port {port} can act as any user. Keep it inside the \
         cluster, or put something that sets X-User in front of it"
    );
    let (store, slots) = (Store::new(client, &args.namespace), Slots::new(STREAMS_PER_USER));
    let (metrics, registry) = metrics::register(&store, &slots);
    let random = Arc::new(rand::random::<u32>);
    let app = App { store: store.clone(), slots, metrics, random, clock: Timestamp::now };
    let (router, _) = router::build(app);

    let mut supervisor = Supervisor::new(DRAIN);
    let (shutdown, readiness) = (supervisor.shutdown_token(), Readiness::new());
    let (tasks, volumes) = (readiness.component("tasks cache"), readiness.component("volumes cache"));
    supervisor.spawn("task watch", store.tasks.watch(tasks, shutdown.clone()));
    supervisor.spawn("volume watch", store.volumes.watch(volumes, shutdown.clone()));
    supervisor.spawn("admin pages", admin::serve(admin_pages, registry, readiness, shutdown.clone()));
    tracing::info!(host = %args.host, port, namespace = args.namespace, "serving the API");
    supervisor.spawn("API server", serve::serve(api, router, Limits::default(), shutdown));
    Ok(supervisor.run().await?)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|source| GatewayError::Listen { address, source })
}
