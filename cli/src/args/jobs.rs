//! `k8s-cli jobs …`

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

use super::{List, Output, ShortUrl};

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// Submit a task from a YAML file and follow its log
    Submit(Submit),
    /// List all tasks
    List(ListJobs),
    /// Get status of a specific task
    Status(Status),
    /// Stop a running task or all tasks
    Stop(Stop),
    /// Tail logs from a running or completed task
    Logs(Logs),
    /// Wait until a task has ended; the exit code is the task's own
    Wait(Wait),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without --detach, the log is followed from its first line, and the exit code is the task's own.
Ctrl-C detaches; the task keeps running.

Examples:
  k8s-cli jobs submit task.yaml
  k8s-cli jobs submit task.yaml --detach
  k8s-cli jobs submit task.yaml --num-nodes 4 --env EPOCHS=100
  id=$(k8s-cli jobs submit task.yaml -o name)
  k8s-cli jobs submit - < task.yaml
  k8s-cli jobs submit task.yaml --dry-run | kubectl create -f -")]
pub(crate) struct Submit {
    /// Path to task YAML file; `-` reads standard input
    pub(crate) task_file: PathBuf,
    /// Submit job without tailing logs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Print the SkyTask that the file describes, without an id, and submit nothing; needs no gateway
    #[arg(long, conflicts_with = "detach")]
    pub(crate) dry_run: bool,
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
#[command(after_help = "\
With --watch, a terminal shows the table as it changes; elsewhere every change is a line (with -o json a JSON object, \
with -o yaml a YAML document). A task that was stopped or deleted has the status `gone`. Ctrl-C ends it, with exit \
code 130.

Examples:
  k8s-cli jobs list
  k8s-cli jobs list -o wide
  k8s-cli jobs list --watch
  k8s-cli jobs list --watch -o json | jq --unbuffered -r .status")]
pub(crate) struct ListJobs {
    #[command(flatten)]
    pub(crate) list: List,
    /// Show the changes too, until Ctrl-C
    #[arg(short, long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  k8s-cli jobs status abc12345
  k8s-cli jobs status abc12345 -o json | jq .metadata.exit_code")]
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
#[command(after_help = "\
The log is followed from its first line until the task ends. A connection that breaks is opened again, without a \
line lost or repeated. Ctrl-C detaches; the task keeps running. With --no-follow, nothing but the log is printed.

Examples:
  k8s-cli jobs logs abc12345
  k8s-cli jobs logs abc12345 --tail 20
  k8s-cli jobs logs abc12345 --no-follow --since 10m --timestamps
  k8s-cli jobs logs abc12345 --node 0 --node 3")]
pub(crate) struct Logs {
    /// Task ID to view logs for
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: String,
    /// Follow the log until the task ends; the default
    #[arg(short, long, overrides_with = "no_follow")]
    pub(crate) follow: bool,
    /// End with the last line that there is now
    #[arg(long, overrides_with = "follow")]
    pub(crate) no_follow: bool,
    /// Begin with so many of the last lines of each node
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
    /// Begin with the lines that are not older: `10m`, a number of seconds, or a time as in `2026-11-24T10:00:00Z`
    #[arg(long, value_name = "DURATION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) since: Option<String>,
    /// Put before each line when it was written
    #[arg(long)]
    pub(crate) timestamps: bool,
    /// Only the node of this rank; repeatable
    #[arg(long, value_name = "RANK")]
    pub(crate) node: Vec<u32>,
    #[command(flatten)]
    pub(crate) short: ShortUrl,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  k8s-cli jobs wait abc12345 && echo done
  k8s-cli jobs wait abc12345 --timeout 600")]
pub(crate) struct Wait {
    /// Task ID to wait for
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) task_id: String,
    /// Give up after so many seconds, with exit code 1
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

/// `KEY=VALUE`, or `KEY` with the value that it has here.
fn env_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value.to_owned()),
        None => (text, std::env::var(text).map_err(|_| format!("`{text}` has no value here: write `{text}=VALUE`"))?),
    };
    if key.is_empty() { Err("the name is missing: write `KEY=VALUE`".to_owned()) } else { Ok((key.to_owned(), value)) }
}
