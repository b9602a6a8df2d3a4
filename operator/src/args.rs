//! The command line, as close to what was typed as possible.

mod expose;

use std::net::SocketAddr;

use clap::{ArgAction, Parser, ValueEnum, builder::PossibleValuesParser};
use sky_operator_core::task;
use sky_runtime::telemetry::LogFormat;

pub use self::expose::ExposeArgs;

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

    /// Image by which the git repositories of work directories are checked out: one with `git` and `sh`.
    #[arg(long, default_value = sky_crd::GIT_IMAGE, value_name = "IMAGE")]
    pub git_image: String,

    /// Namespace of the operator's own pod.
    #[arg(long, env = "POD_NAMESPACE", hide = true, requires = "own_pod")]
    pub own_namespace: Option<String>,

    /// Name of the operator's own pod.
    #[arg(long, env = "POD_NAME", hide = true, requires = "own_namespace")]
    pub own_pod: Option<String>,

    /// Whether the cluster's machines and container runtime classes are read, which needs the right to list and watch
    /// them. Without that, a task that names a GPU model gets any GPU.
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "true|false")]
    pub read_machines: bool,

    /// A label of spot machines beside those of the known clouds; may be given several times. Such machines are taken to
    /// come when they are asked for.
    #[arg(long = "spot-label", value_delimiter = ',', value_name = "KEY=VALUE", value_parser = key_value)]
    pub spot_labels: Vec<(String, String)>,

    /// An extended resource that counts as a GPU beside `nvidia.com/gpu` and `amd.com/gpu`, as SkyPilot's
    /// CUSTOM_GPU_RESOURCE_KEY; may be given several times. A task that asks for GPUs gets them by any of these.
    #[arg(long = "gpu-resource", value_delimiter = ',', value_name = "DOMAIN/NAME", value_parser = extended_resource)]
    pub gpu_resources: Vec<String>,

    /// The priority class of tasks whose `priority` is this or higher; may be given several times.
    #[arg(long = "priority-class", value_delimiter = ',', value_name = "PRIORITY=CLASS", value_parser = rank_class)]
    #[arg(allow_hyphen_values = true)]
    pub priority_classes: Vec<(i32, String)>,

    /// A field of `podConfig` that is allowed although it gives a pod power over its machine, the cluster or others; may be
    /// given several times.
    #[arg(long = "allow-pod-config", value_delimiter = ',', value_name = "FIELD")]
    #[arg(value_parser = PossibleValuesParser::new(sky_operator_core::task::pod_config::FIELDS))]
    pub allow_pod_config: Vec<String>,

    /// What the pods of tasks may do if their `podConfig` says nothing else, as in Kubernetes' Pod Security Standards.
    #[arg(long, value_enum, default_value_t = PodSecurity::Baseline, value_name = "STANDARD")]
    pub pod_security: PodSecurity,

    /// How ports are reached.
    #[command(flatten)]
    pub expose: ExposeArgs,

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

/// [`task::PodSecurity`] as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PodSecurity {
    /// As the image says, which mostly is as root.
    Baseline,
    /// As user 1000 and without any capability, which every namespace lets in.
    Restricted,
}

impl From<PodSecurity> for task::PodSecurity {
    fn from(standard: PodSecurity) -> Self {
        match standard {
            PodSecurity::Baseline => Self::Baseline,
            PodSecurity::Restricted => Self::Restricted,
        }
    }
}

/// What Kubernetes takes as the name of an extended resource: a label's key, whose domain is not its own.
fn extended_resource(text: &str) -> Result<String, String> {
    let own =
        |domain: &str| domain.split('.').rev().take(2).eq(["io", "kubernetes"]) || domain.starts_with("requests.");
    let fits = |part: &str, more: &[char]| {
        let within = |c: char| c.is_ascii_alphanumeric() || more.contains(&c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        ends(part.chars().next()) && ends(part.chars().last()) && part.chars().all(within)
    };
    match text.split_once('/') {
        Some((domain, name)) if own(domain) || name.len() > 63 || domain.len() > 253 => {
            Err("the domain must not be kubernetes.io, nor the name longer than 63 characters".to_owned())
        }
        Some((domain, name)) if fits(domain, &['-', '.']) && fits(name, &['-', '_', '.']) => Ok(text.to_owned()),
        _ => Err("write the name of an extended resource, such as example.com/gpu".to_owned()),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

fn rank_class(text: &str) -> Result<(i32, String), String> {
    let (rank, class) = key_value(text).map_err(|_| "write PRIORITY=CLASS, such as 0=normal".to_owned())?;
    let rank = rank.parse().ok().filter(|rank| (-1000..=1000).contains(rank));
    rank.map(|rank| (rank, class)).ok_or_else(|| "a priority is a whole number from -1000 to 1000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_extended_resources() {
        for name in ["example.com/gpu", "nvidia.com/gpu.shared", "a/b"] {
            assert_eq!(extended_resource(name), Ok(name.to_owned()));
        }
        for name in
            ["gpu", "", "/", "example.com/", "kubernetes.io/gpu", "x.kubernetes.io/gpu", "a b/c", "a/b/c", "-a/b"]
        {
            assert!(extended_resource(name).is_err(), "{name}");
        }
    }
}
