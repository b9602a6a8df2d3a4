//! The command line.

use std::net::{IpAddr, SocketAddr};

use clap::Parser;
use sky_runtime::telemetry::LogFormat;

/// REST API of SkyPilot-style tasks on Kubernetes.
///
/// The header X-User is believed as it is: expose this server only to clients that may act as anybody.
#[derive(Clone, Debug, Parser)]
#[command(name = "sky-api-gateway", version)]
pub struct Args {
    /// Address to listen on.
    #[arg(long, default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Port to listen on.
    #[arg(long, env = "K8S_CLI_API_PORT", default_value_t = 8000)]
    pub port: u16,
    /// Namespace of all tasks and volumes.
    #[arg(long, default_value = "default")]
    pub namespace: String,
    /// Address of the admin pages: /healthz, /readyz, /metrics.
    #[arg(long, default_value = "0.0.0.0:9091")]
    pub admin_address: SocketAddr,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}
