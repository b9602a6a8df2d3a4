//! The command line as it is written; nothing is resolved here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};

/// SkyPilot-compatible Kubernetes task launcher CLI
#[derive(Debug, Parser)]
#[command(
    name = "k8s-cli",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Examples:
  k8s-cli auth login alice
  k8s-cli jobs submit task.yaml
  k8s-cli jobs list
  k8s-cli volumes create data 10Gi

Exit codes: 0 success, the task's own when following it, 1 error, 2 usage, 4 no permission, 130 interrupted"
)]
pub(crate) struct Cli {
    /// Address of the gateway [default: http://localhost:8000]
    #[arg(long, global = true, env = "K8S_CLI_API_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Authentication commands
    #[command(subcommand, arg_required_else_help = true)]
    Auth(Auth),
    /// Manage jobs (tasks)
    #[command(subcommand, arg_required_else_help = true)]
    Jobs(Jobs),
    /// Manage volumes (PVCs)
    #[command(subcommand, arg_required_else_help = true)]
    Volumes(Volumes),
    /// Print the completion script of a shell
    #[command(after_help = "Example:\n  source <(k8s-cli completions bash)")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Log in as a user
    Login {
        /// Username to log in as
        username: String,
    },
    /// Show current logged-in user
    Whoami,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// Submit a task from a YAML file and follow its log
    Submit(Submit),
    /// List all tasks
    List(List),
    /// Get status of a specific task
    Status(Status),
    /// Stop a running task or all tasks
    Stop(Stop),
    /// Tail logs from a running or completed task
    Logs(Logs),
    /// Wait until a task has ended; the exit code is the task's own
    Wait(Wait),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Volumes {
    /// Create a new volume (PVC)
    Create(CreateVolume),
    /// List all volumes
    List(List),
    /// Delete a volume
    Delete(DeleteVolume),
}

/// How answers are printed: for people, or the API's answer as data, or its ids only, one a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Output format: table, wide, json, yaml or name; the last three print the answer and nothing else
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        hide_possible_values = true
    )]
    pub(crate) format: Format,
}

/// The original gives `-u` to `--api-url` on some commands and to `--all-users` on others.
#[derive(Debug, Args)]
pub(crate) struct ShortUrl {
    /// Short form of --api-url
    #[arg(short = 'u', value_name = "URL", id = "short_url")]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without --detach, the log is followed from its first line, and the exit code is the task's own.
Ctrl-C detaches; the task keeps running.

Examples:
  k8s-cli jobs submit task.yaml
  k8s-cli jobs submit task.yaml --detach
  k8s-cli jobs submit task.yaml --num-nodes 4 --env EPOCHS=100
  id=$(k8s-cli jobs submit task.yaml -o name)")]
pub(crate) struct Submit {
    /// Path to task YAML file; `-` reads standard input
    pub(crate) task_file: PathBuf,
    /// Submit job without tailing logs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Name of the task, instead of the file's
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    /// Number of nodes, instead of the file's
    #[arg(long, value_name = "COUNT")]
    pub(crate) num_nodes: Option<u32>,
    /// Environment variable, instead of the file's; `KEY` alone takes the value from this environment; repeatable
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = env_pair)]
    pub(crate) env: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) short: ShortUrl,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Show detailed information
    #[arg(short, long)]
    pub(crate) details: bool,
    /// Of all users
    #[arg(short = 'u', long)]
    pub(crate) all_users: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Task ID to check
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: String,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) short: ShortUrl,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  k8s-cli jobs stop abc12345            # one task
  k8s-cli jobs stop --all               # all of yours
  k8s-cli jobs stop --all --all-users   # all of everybody's")]
pub(crate) struct Stop {
    /// Task ID to stop
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: Option<String>,
    /// Stop all tasks for current user
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Stop tasks for all users (requires --all)
    #[arg(short = 'u', long)]
    pub(crate) all_users: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Task ID to view logs for
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: String,
    #[command(flatten)]
    pub(crate) short: ShortUrl,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Task ID to wait for
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: String,
    /// Give up after so many seconds, with exit code 1
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  k8s-cli volumes create data 10Gi
  k8s-cli volumes create data 5Gi --storage-class fast-ssd
  k8s-cli volumes create shared 20Gi -a ReadWriteMany")]
pub(crate) struct CreateVolume {
    /// Volume name
    pub(crate) name: String,
    /// Volume size (e.g., '10Gi', '1Ti')
    pub(crate) size: String,
    /// Storage class name
    #[arg(short, long, value_name = "CLASS")]
    pub(crate) storage_class: Option<String>,
    /// Access modes (comma-separated)
    #[arg(short, long, value_name = "MODES", default_value = "ReadWriteOnce")]
    pub(crate) access_modes: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteVolume {
    /// Volume ID to delete
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) volume_id: String,
    /// Skip confirmation
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// `KEY=VALUE`, or `KEY` with the value that it has here.
fn env_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value.to_owned()),
        None => (text, std::env::var(text).map_err(|_| format!("`{text}` has no value here: write `{text}=VALUE`"))?),
    };
    if key.is_empty() { Err("the name is missing: write `KEY=VALUE`".to_owned()) } else { Ok((key.to_owned(), value)) }
}
