//! What the operator and the gateway share around their real work: the TLS provider, the Kubernetes client, logs,
//! the admin port (`/healthz`, `/readyz`, `/metrics`) and the supervision of their long-lived tasks.
//!
//! A `main` calls, in this order: [`tls::install_crypto_provider`], [`telemetry::init`], [`client::connect`], then gives
//! every long-lived future to one [`supervise::Supervisor`].

pub mod admin;
pub mod client;
pub mod supervise;
pub mod telemetry;
pub mod tls;
