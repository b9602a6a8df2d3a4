//! `k8s-cli jobs …`

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

use super::{Changes, List, Output, ShortUrl, Variables};
use crate::complete;

#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// Submit a task from a YAML file and follow its log
    Submit(Submit),
    /// Run a task again, as a new task
    Rerun(Rerun),
    /// Check task files without submitting them
    Validate(Validate),
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
#[command(
    override_usage = "k8s-cli jobs submit [OPTIONS] TASK_FILE\n       k8s-cli jobs submit [OPTIONS] -- COMMAND...",
    after_help = "\
Without --detach, the log is followed from its first line, and the exit code is the task's own.
Ctrl-C detaches; the task keeps running.

Of a variable, --env wins over --env-file, which wins over the file; of a secret, --secret wins
over --secret-file, that over --env-file, and that over the file. A secret wins over a variable of
the same name. Values of secrets are never printed.

Examples:
  k8s-cli jobs submit task.yaml
  k8s-cli jobs submit task.yaml --detach
  k8s-cli jobs submit task.yaml --num-nodes 4 --gpus H100:8 --env EPOCHS=100
  k8s-cli jobs submit task.yaml --env-file .env --secret HF_TOKEN
  k8s-cli jobs submit task.yaml --gpus none --cpus 2       # without the GPUs that the file asks for
  k8s-cli jobs submit -- python -c 'print(1 + 1)'          # a command, its words kept as they are
  k8s-cli jobs submit 'echo $NODE_RANK; hostname'          # a script
  id=$(k8s-cli jobs submit task.yaml -o name)
  k8s-cli jobs submit - < task.yaml
  k8s-cli jobs submit task.yaml --dry-run | kubectl create -f -"
)]
pub(crate) struct Submit {
    /// Path to task YAML file; `-` reads standard input; a text with blanks is a script
    #[arg(required_unless_present = "command")]
    pub(crate) task_file: Option<PathBuf>,
    /// Command in place of a file: one word is a script, several are a program and its arguments
    #[arg(last = true, conflicts_with = "task_file")]
    pub(crate) command: Vec<String>,
    /// Submit job without tailing logs
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Print the SkyTask that the file describes, without an id, and submit nothing; needs no gateway
    #[arg(long, conflicts_with = "detach")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) short: ShortUrl,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The new task runs what the old one runs, under an id of its own; the old one stays as it is. Without --detach, the log
is followed from its first line, and the exit code is the task's own. Values of secrets are never read: those of the old
task must be given again, with --secret or --secret-file.

Examples:
  k8s-cli jobs rerun abc12345
  k8s-cli jobs rerun abc12345 --name sweep-2 --env LR=0.01 --detach
  k8s-cli jobs rerun abc12345 --secret HF_TOKEN
  id=$(k8s-cli jobs rerun abc12345 -o name)")]
pub(crate) struct Rerun {
    /// Task ID to run again
    #[arg(value_parser = NonEmptyStringValueParser::new(), add = complete::tasks())]
    pub(crate) task_id: String,
    /// Submit job without tailing logs
    #[arg(short, long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) short: ShortUrl,
    /// Name of the new task
    #[arg(short, long)]
    pub(crate) name: Option<String>,
    /// Number of nodes
    #[arg(long, value_name = "COUNT")]
    pub(crate) num_nodes: Option<u32>,
    #[command(flatten)]
    pub(crate) variables: Variables,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Everything that is wrong is shown at once, with its line. Exit code 0 means that `jobs submit`
would send all of the files; no gateway is asked, so what the cluster has is not looked at. With
-o json or yaml, the findings are a list with an entry for each file; with -o name, the files that
are right are printed.

Examples:
  k8s-cli jobs validate task.yaml
  k8s-cli jobs validate tasks/*.yaml -o json | jq '.[].problems[]'
  k8s-cli jobs validate task.yaml --env MODEL=llama --gpus H100:8
  k8s-cli jobs validate - < task.yaml")]
pub(crate) struct Validate {
    /// Task YAML files; `-` reads standard input
    #[arg(required = true, value_name = "TASK_FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) changes: Changes,
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
    #[arg(value_parser = NonEmptyStringValueParser::new(), add = complete::tasks())]
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
    #[arg(value_parser = NonEmptyStringValueParser::new(), add = complete::live_tasks())]
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
    #[arg(value_parser = NonEmptyStringValueParser::new(), add = complete::tasks())]
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
    #[arg(value_parser = NonEmptyStringValueParser::new(), add = complete::live_tasks())]
    pub(crate) task_id: String,
    /// Give up after so many seconds, with exit code 1
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}
