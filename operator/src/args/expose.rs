//! How the ports of tasks are reached from outside of the cluster.

use clap::Args;
use sky_crd::task::ExposeType;
use sky_operator_core::task::expose::{HostPattern, HostTemplate, Ingresses, LoadBalancers, PathTemplate, Policy, Tls};

use super::key_value;

/// Nothing of it is reached from outside unless these say so.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Ports")]
pub struct ExposeArgs {
    /// How the ports of tasks are reached that do not say it.
    #[arg(long, default_value = "ClusterIP", value_name = "ClusterIP|LoadBalancer|Ingress", value_parser = kind)]
    pub expose: ExposeType,

    /// What tasks may choose for their ports, beside that and ClusterIP; may be given several times. Needs the right to
    /// list and watch Services (LoadBalancer), or to get, list, watch, create and delete Ingresses.
    #[arg(long = "allow-expose", value_delimiter = ',', value_name = "LoadBalancer|Ingress", value_parser = kind)]
    pub allow_expose: Vec<ExposeType>,

    /// Key of an annotation that tasks may set on their load balancer or ingress; may be given several times.
    #[arg(long = "allow-expose-annotation", value_delimiter = ',', value_name = "KEY")]
    pub allow_expose_annotations: Vec<String>,

    /// Class of load balancers. Without it, the cluster's default.
    #[arg(long, value_name = "CLASS")]
    pub load_balancer_class: Option<String>,

    /// Annotation of load balancers; may be given several times.
    #[arg(long = "load-balancer-annotation", value_name = "KEY=VALUE", value_parser = key_value)]
    pub load_balancer_annotations: Vec<(String, String)>,

    /// Addresses that may connect to load balancers; may be given several times. Without it, all.
    #[arg(long = "load-balancer-source-range", value_delimiter = ',', value_name = "CIDR")]
    pub load_balancer_source_ranges: Vec<String>,

    /// Class of ingresses that tasks may name; may be given several times. The first is that of tasks that name none.
    /// Without it, the cluster's default.
    #[arg(long = "ingress-class", value_delimiter = ',', value_name = "CLASS")]
    pub ingress_classes: Vec<String>,

    /// Host of a port, such as `{task}-{port}.apps.example.org`: the task's id, its `{namespace}` and the port are filled in.
    /// Without it, any host.
    #[arg(long, value_name = "HOST")]
    pub ingress_host: Option<HostTemplate>,

    /// Host that tasks may name, such as `*.apps.example.org`; may be given several times.
    #[arg(long = "allow-ingress-host", value_delimiter = ',', value_name = "HOST")]
    pub allow_ingress_hosts: Vec<HostPattern>,

    /// Path of a port, with the same places. Without it `/` where the host is the port's alone, else
    /// `/skytask/{namespace}/{task}/{port}`.
    #[arg(long, value_name = "PATH")]
    pub ingress_path: Option<PathTemplate>,

    /// Annotation of ingresses; may be given several times.
    #[arg(long = "ingress-annotation", value_name = "KEY=VALUE", value_parser = key_value)]
    pub ingress_annotations: Vec<(String, String)>,

    /// Whether ingresses are served by TLS, with the ingress controller's own certificate.
    #[arg(long)]
    pub ingress_tls: bool,

    /// The same, with the certificate in the Secret of this name in the task's namespace.
    #[arg(long, value_name = "SECRET")]
    pub ingress_tls_secret: Option<String>,
}

impl ExposeArgs {
    /// What they say.
    pub(crate) fn policy(&self) -> Policy {
        let tls = self.ingress_tls || self.ingress_tls_secret.is_some();
        Policy {
            default: self.expose,
            allowed: self.allow_expose.clone(),
            annotations: self.allow_expose_annotations.clone(),
            load_balancer: LoadBalancers {
                class: self.load_balancer_class.clone(),
                annotations: self.load_balancer_annotations.clone(),
                source_ranges: self.load_balancer_source_ranges.clone(),
            },
            ingress: Ingresses {
                classes: self.ingress_classes.clone(),
                host: self.ingress_host.clone(),
                allowed_hosts: self.allow_ingress_hosts.clone(),
                path: self.ingress_path.clone(),
                annotations: self.ingress_annotations.clone(),
                tls: tls.then(|| Tls { secret: self.ingress_tls_secret.clone() }),
            },
        }
    }
}

fn kind(text: &str) -> Result<ExposeType, String> {
    ExposeType::from_text(text).ok_or_else(|| "it is one of ClusterIP, LoadBalancer, Ingress".to_owned())
}
