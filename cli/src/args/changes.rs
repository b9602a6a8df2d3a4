//! What `jobs submit` and `jobs validate` take beside a file: SkyPilot's options, by SkyPilot's names.

use std::path::PathBuf;

use clap::Args;

/// A value here wins over the file's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Instead of what the file says (`none` takes it away)")]
pub(crate) struct Changes {
    /// Name of the task
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    /// Number of nodes
    #[arg(long, value_name = "COUNT")]
    pub(crate) num_nodes: Option<u32>,
    /// Cores of each node: `4`, `0.5`, `500m`, `4+`
    #[arg(long, value_name = "CORES")]
    pub(crate) cpus: Option<String>,
    /// Memory of each node: `32` (gigabytes), `32+`, `8Gi`
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// GPUs of each node: `H100:8`, `1`
    #[arg(long, value_name = "TYPE:COUNT")]
    pub(crate) gpus: Option<String>,
    /// Container image
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image_id: Option<String>,
    /// Where to run: `kubernetes`, `k8s/context`
    #[arg(long)]
    pub(crate) infra: Option<String>,
    /// On spot machines
    #[arg(long, overrides_with = "no_use_spot")]
    pub(crate) use_spot: bool,
    /// Not on spot machines
    #[arg(long, overrides_with = "use_spot")]
    pub(crate) no_use_spot: bool,
    /// Disk of each node, in gigabytes
    #[arg(long, value_name = "SIZE")]
    pub(crate) disk_size: Option<String>,
    /// Port, or range of ports, that the task serves; repeatable
    #[arg(long, value_name = "PORT")]
    pub(crate) ports: Vec<String>,
    /// Directory in which the scripts start
    #[arg(long, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// Git repository to check out, in which the scripts start; a private one is read with `--secret GIT_TOKEN`
    #[arg(long, value_name = "URL", conflicts_with = "workdir")]
    pub(crate) git_url: Option<String>,
    /// Branch, tag or commit of the repository
    #[arg(long, value_name = "REF", conflicts_with = "workdir")]
    pub(crate) git_ref: Option<String>,
    #[command(flatten)]
    pub(crate) variables: Variables,
}

/// Environment variables and secrets.
#[derive(Debug, Args)]
pub(crate) struct Variables {
    /// Environment variable; `KEY` alone takes the value from this environment; repeatable
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = env_pair)]
    pub(crate) env: Vec<(String, String)>,
    /// File of environment variables, as `KEY=VALUE` lines; loses to --env. What the task declares as a secret becomes
    /// that secret's value, unless --secret or --secret-file gives it
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Secret; `NAME` alone takes the value from this environment, out of sight of other users; repeatable
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) secret: Vec<String>,
    /// File of secrets, as `NAME=VALUE` lines; loses to --secret
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

/// `KEY=VALUE`, or `KEY` with the value that it has here.
fn env_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value.to_owned()),
        None => (text, std::env::var(text).map_err(|_| format!("`{text}` has no value here: write `{text}=VALUE`"))?),
    };
    if key.is_empty() { Err("the name is missing: write `KEY=VALUE`".to_owned()) } else { Ok((key.to_owned(), value)) }
}
