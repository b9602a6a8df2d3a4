//! The command line, as close to what was typed as possible.

use std::net::SocketAddr;

use clap::Parser;
use sky_runtime::telemetry::LogFormat;

/// Makes SkyTasks and SkyVolumes true: one Job per node, one claim per volume.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Args {
    /// Namespace to watch; may be given several times. Without it, all namespaces.
    #[arg(long = "namespace", env = "SKY_NAMESPACES", value_delimiter = ',', value_name = "NAMESPACE")]
    pub namespaces: Vec<String>,

    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, default_value = "0.0.0.0:9090", value_name = "ADDRESS:PORT")]
    pub admin_address: SocketAddr,

    /// Image of tasks that name none.
    #[arg(long, default_value = sky_crd::DEFAULT_IMAGE, value_name = "IMAGE")]
    pub default_image: String,

    /// Image that brings the agent into tasks of several nodes. Without it, the image of the pod that the operator runs in.
    #[arg(long, env = "SKY_AGENT_IMAGE", value_name = "IMAGE")]
    pub agent_image: Option<String>,

    /// Namespace of the operator's own pod.
    #[arg(long, env = "POD_NAMESPACE", hide = true, requires = "own_pod")]
    pub own_namespace: Option<String>,

    /// Name of the operator's own pod.
    #[arg(long, env = "POD_NAME", hide = true, requires = "own_namespace")]
    pub own_pod: Option<String>,

    /// How many objects of a kind are worked on at the same time.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,

    /// Of all operators with this flag that share a lease, one works and the others wait for its end.
    #[arg(long)]
    pub leader_election: bool,

    /// Name of the lease.
    #[arg(long, default_value = "sky-operator", value_name = "NAME")]
    pub lease_name: String,

    /// Namespace of the lease. Without it, the operator's own.
    #[arg(long, value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,

    /// Seconds without a renewal after which another operator takes over. Renewed three times as often; a holder that
    /// cannot renew ends after two thirds of it.
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(3..=3600))]
    pub lease_duration: u16,

    /// Form of the log.
    #[arg(long, default_value = "text", value_name = "text|json")]
    pub log_format: LogFormat,
}
