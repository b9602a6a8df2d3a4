//! Following a task: Ctrl-C meanwhile, and how it ended.

use std::{
    process::{self, ExitCode},
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use signal_hook::{consts::SIGINT, iterator::Signals};
use sky_crd::api::{TaskState, TaskView};

use crate::{
    api::{Answer, Api},
    error::Error,
    printer::{Printer, Style},
    waiting::{StatusLine, state_word, why},
};

/// Exit code of a command that Ctrl-C ended, as in a shell.
pub(crate) const INTERRUPTED: u8 = 130;
/// How long after the end of the log the task's end may become known.
const END_LAG: Duration = Duration::from_secs(60);
/// Time between two looks at a task whose log has ended.
const END_PERIOD: Duration = Duration::from_millis(250);

/// Ctrl-C while a task is followed or waited for: leaves, and says how to come back.
#[derive(Clone)]
pub(crate) struct Detach {
    what: Followed,
    task_id: Arc<OnceLock<String>>,
    line: Arc<OnceLock<StatusLine>>,
}

/// What Ctrl-C ends, while the task keeps running.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Followed {
    Log,
    End,
}

impl Detach {
    /// From now on Ctrl-C detaches. If no handler can be set, Ctrl-C ends the process as it always does.
    pub(crate) fn on_interrupt(printer: Printer, what: Followed) -> Self {
        let detach = Self { what, task_id: Arc::default(), line: Arc::default() };
        if let Ok(mut signals) = Signals::new([SIGINT]) {
            let detach = detach.clone();
            thread::spawn(move || {
                if signals.forever().next().is_some() {
                    detach.leave(printer);
                }
            });
        }
        detach
    }

    /// Which task it is, and the status line that is to go. Both are set once, by the one task of a command.
    pub(crate) fn follows(&self, task_id: &str, line: &StatusLine) {
        let _ = self.task_id.set(task_id.to_owned());
        let _ = self.line.set(line.clone());
    }

    fn leave(&self, printer: Printer) -> ! {
        if let Some(line) = self.line.get() {
            line.erase();
        }
        let (words, verb, again) = match self.what {
            Followed::Log => ("Stopped tailing logs", "logs", "follows it again"),
            Followed::End => ("Stopped waiting", "wait", "waits again"),
        };
        match self.task_id.get() {
            Some(id) => {
                printer.verdict(Style::Note, words);
                printer.hint(&format!(
                    "the task keeps running: `k8s-cli jobs {verb} {id}` {again}, `k8s-cli jobs stop {id}` ends it"
                ));
            }
            None => printer.verdict(Style::Note, "Interrupted"),
        }
        process::exit(INTERRUPTED.into());
    }
}

/// How a task ended.
pub(crate) struct End {
    code: u8,
    verdict: Option<String>,
}

impl End {
    /// Says why it failed, if it did, and gives its exit code.
    pub(crate) fn tell(self, printer: Printer) -> ExitCode {
        if let Some(verdict) = &self.verdict {
            printer.verdict(Style::Bad, verdict);
        }
        ExitCode::from(self.code)
    }
}

/// The end of a task whose log has ended.
pub(crate) fn end(api: &Api, task_id: &str) -> Result<End, Error> {
    let deadline = Instant::now() + END_LAG;
    loop {
        match look(api, task_id)? {
            Ok(end) => return Ok(end),
            Err(_) if Instant::now() < deadline => thread::sleep(END_PERIOD),
            Err(state) => {
                let reason = format!("the log ended, but the task is {}", state_word(state));
                return Err(Error::LogBroke { task_id: task_id.to_owned(), reason });
            }
        }
    }
}

/// Looks at the task once: its end, or else its state.
pub(crate) fn look(api: &Api, task_id: &str) -> Result<Result<End, TaskState>, Error> {
    let task = match api.task(task_id) {
        Ok(Answer { view, .. }) => view,
        Err(Error::Refused { status: 404, .. }) => {
            let verdict = format!("Task {task_id} is gone: it was stopped or deleted");
            return Ok(Ok(End { code: 1, verdict: Some(verdict) }));
        }
        Err(error) => return Err(error),
    };
    Ok(match task.status {
        TaskState::Completed => Ok(End { code: 0, verdict: None }),
        TaskState::Failed => Ok(End { code: exit_code(&task), verdict: Some(failure(&task)) }),
        state => Err(state),
    })
}

/// The task's own exit code; 1 where it has none, or one that a process cannot have.
fn exit_code(task: &TaskView) -> u8 {
    task.metadata.exit_code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(1)
}

fn failure(task: &TaskView) -> String {
    let code = task.metadata.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let why = why(task).map(|why| format!(": {why}")).unwrap_or_default();
    format!("Task {} failed{code}{why}", task.task_id)
}
