//! The connection to the Kubernetes API.

use std::{env, time::Duration};

use kube::{
    Client, Config,
    config::{InferConfigError, KubeConfigOptions},
};

/// How to talk to the API server.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Sent with every request and shown in the API server's audit log, for example `sky-operator/0.1.0`.
    pub user_agent: String,
    /// How long an answer may take to begin.
    pub connect_timeout: Duration,
    /// How long a connection may be silent before it counts as dead; `None` for clients that hold long quiet streams
    /// (logs). Watches have their own time limit.
    pub read_timeout: Option<Duration>,
    /// Whether requests that the API server turned away (429, 503, 504) are repeated, POST included: only with names
    /// that make the second attempt harmless.
    pub retry: bool,
}

impl ClientOptions {
    /// Sensible limits: 10 s to connect, quiet streams allowed, retries on.
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: None,
            retry: true,
        }
    }
}

/// Why there is no Kubernetes client. The texts say what was tried and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a kubeconfig nor a pod's service account was found.
    #[error(
        "no Kubernetes cluster is configured. Tried ~/.kube/config and the pod's service account: {source}. \
         Set KUBECONFIG to a kubeconfig file, or run inside a cluster"
    )]
    NoConfig {
        /// What went wrong with each of the two.
        source: Box<InferConfigError>,
    },
    /// `KUBECONFIG` names a file that cannot be used. Falling back to another cluster would be a surprise.
    #[error("the kubeconfig named by KUBECONFIG={path} cannot be used: {source}. Correct the file or unset KUBECONFIG")]
    Kubeconfig {
        /// The value of the variable.
        path: String,
        /// What is wrong with it.
        source: Box<kube::config::KubeconfigError>,
    },
    /// The configuration was found and is unusable (certificates, proxy, credentials).
    #[error("the Kubernetes client for {url} cannot be set up: {source}")]
    Client {
        /// The API server.
        url: String,
        /// What is wrong with the configuration.
        source: Box<kube::Error>,
    },
}

/// A client for the cluster of `KUBECONFIG`, else of `~/.kube/config`, else of the pod that this runs in.
///
/// Sends nothing yet: an API server that cannot be reached shows with the first request.
pub async fn connect(options: ClientOptions) -> Result<Client, ConnectError> {
    let mut config = load_config(env::var("KUBECONFIG").ok().filter(|path| !path.is_empty())).await?;
    config.connect_timeout = Some(options.connect_timeout);
    config.read_timeout = options.read_timeout;
    config.default_retry = options.retry;
    if let Ok(value) = options.user_agent.parse() {
        config.headers.push((axum::http::header::USER_AGENT, value));
    }
    let url = config.cluster_url.to_string();
    tracing::info!(%url, "using Kubernetes cluster");
    Client::try_from(config).map_err(|source| ConnectError::Client { url, source: Box::new(source) })
}

async fn load_config(kubeconfig: Option<String>) -> Result<Config, ConnectError> {
    match kubeconfig {
        Some(path) => Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .map_err(|source| ConnectError::Kubeconfig { path, source: Box::new(source) }),
        None => Config::infer().await.map_err(|source| ConnectError::NoConfig { source: Box::new(source) }),
    }
}
