//! Completion in the shell: the script that a shell loads asks this program, which asks the gateway for ids.

use std::{io, time::Duration};

use clap::CommandFactory as _;
use clap_complete::{ArgValueCandidates, CompleteEnv, CompletionCandidate, Shell, env::Shells};
use sky_crd::api::{TaskState, VolumeView};

use crate::{api::Api, args::Cli, config, text::one_line, waiting::state_word};

/// Set by the script, so that the program completes instead of running a command.
const VARIABLE: &str = "K8S_CLI_COMPLETE";
/// How long somebody who pressed a key waits for the gateway.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers the shell and ends the process, if it is the shell that asks.
pub(crate) fn answer_the_shell() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
}

/// What the shell loads.
///
/// # Errors
/// If there is none for this shell.
pub(crate) fn script(shell: Shell) -> io::Result<Vec<u8>> {
    let mut script = Vec::new();
    let name = shell.to_string();
    let shells = Shells::builtins();
    let of_shell = shells.completer(&name).ok_or_else(|| io::Error::other(format!("no completions for {name}")))?;
    of_shell.write_registration(VARIABLE, "k8s-cli", "k8s-cli", "k8s-cli", &mut script)?;
    Ok(script)
}

/// Ids of the user's tasks.
pub(crate) fn tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_tasks(|_| true))
}

/// Ids of the user's tasks that have not ended.
pub(crate) fn live_tasks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_tasks(|state| matches!(state, TaskState::Pending | TaskState::Running)))
}

/// Ids of the user's volumes.
pub(crate) fn volumes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let volumes = api().and_then(|api| api.volumes(false).ok()).map(|answer| answer.view.volumes);
        let candidate = |volume: VolumeView| candidate(volume.volume_id, &volume.name, &volume.size);
        volumes.unwrap_or_default().into_iter().map(candidate).collect()
    })
}

fn of_tasks(offered: impl Fn(TaskState) -> bool) -> Vec<CompletionCandidate> {
    let tasks = api().and_then(|api| api.tasks(false).ok()).map(|answer| answer.view.tasks).unwrap_or_default();
    let tasks = tasks.into_iter().filter(|task| offered(task.status));
    tasks.map(|task| candidate(task.task_id, &task.name, state_word(task.status))).collect()
}

fn candidate(id: String, name: &str, more: &str) -> CompletionCandidate {
    CompletionCandidate::new(id).help(Some(format!("{}, {more}", one_line(name)).into()))
}

/// The gateway as the logged-in user. What the line being written says of an address is not known here.
fn api() -> Option<Api> {
    let url = std::env::var("K8S_CLI_API_URL").ok();
    Some(Api::new(config::api_url([url.as_ref()]), config::current_user()?).within(PATIENCE))
}
