//! The command line as it is written; nothing is resolved here.

mod changes;
mod jobs;
mod volumes;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use changes::{Changes, Variables};
pub(crate) use jobs::{Jobs, Logs, Rerun, Status, Stop, Submit, Validate, Wait};
pub(crate) use volumes::{ApplyVolume, CreateVolume, DeleteVolume, Volumes};

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
#[allow(clippy::large_enum_variant, reason = "a process has one of them")]
pub(crate) enum Command {
    /// Authentication commands
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Examples:\n  k8s-cli auth login alice\n  k8s-cli auth whoami"
    )]
    Auth(Auth),
    /// Manage jobs (tasks)
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  k8s-cli jobs submit task.yaml
  k8s-cli jobs validate task.yaml
  k8s-cli jobs list --watch
  k8s-cli jobs logs abc12345 --tail 20
  k8s-cli jobs stop abc12345"
    )]
    Jobs(Jobs),
    /// Manage volumes (PVCs)
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  k8s-cli volumes create data 10Gi
  k8s-cli volumes apply -f data.yaml
  k8s-cli volumes list
  k8s-cli volumes delete abc12345"
    )]
    Volumes(Volumes),
    /// Print the completion script of a shell
    #[command(after_help = "\
Ids of tasks and volumes are completed too: those of the gateway of K8S_CLI_API_URL, if it answers within two seconds.

Examples:
  source <(k8s-cli completions bash)
  source <(k8s-cli completions zsh)                        # after compinit
  k8s-cli completions fish | source

Write it into the file that the shell reads at its start: what is printed belongs to this version of the program.")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Log in as a user
    #[command(after_help = "\
The name is kept in ~/.config/k8s-cli/user.json and sent with every request.

Example:
  k8s-cli auth login alice@example.com")]
    Login {
        /// Username to log in as
        username: String,
    },
    /// Show current logged-in user
    #[command(after_help = "Example:\n  k8s-cli auth whoami")]
    Whoami,
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
