//! `jobs submit`: a file becomes a task, whose log is followed to its end.

use std::process::ExitCode;

use super::dry_run;
use crate::{
    api::{Answer, Api, LogQuery, TaskChange},
    args::Submit,
    commands::Context,
    entry::Entry,
    error::Error,
    follow::{self, Detach, Followed},
    given,
    printer::Style,
    tail::{self, Wish},
};

pub(crate) fn submit(context: &Context, args: Submit) -> Result<ExitCode, Error> {
    let Entry { text, name } = match &args.task_file {
        Some(path) => Entry::of_path(path)?,
        None => Entry::of_words(&args.command),
    };
    let (overrides, secrets) = given::resolve(args.changes)?;
    let task = sky_taskfile::parse_with_secrets(&text, &name, overrides, &secrets).map_err(Error::TaskFile)?;
    for warning in &task.warnings {
        context.printer.warning(warning);
    }
    if args.dry_run {
        return dry_run::show(context.printer, task.request).map(|()| ExitCode::SUCCESS);
    }
    send(context, args.detach, |api| api.submit(&task.request))
}

/// Makes a task, and follows its log to its end unless it is detached.
pub(super) fn send(
    context: &Context,
    detached: bool,
    make: impl FnOnce(&Api) -> Result<Answer<TaskChange>, Error>,
) -> Result<ExitCode, Error> {
    let (api, printer) = (context.api()?, context.printer);
    let follows = !detached && !printer.is_data();
    // Before the task exists: an interrupt that comes just after must still say which task there is.
    let detach = follows.then(|| Detach::on_interrupt(printer, Followed::Log));
    let answer = make(&api)?;
    let id = &answer.view.task_id;
    if printer.is_data() {
        printer.data(&answer.raw, &[id])?;
    } else {
        printer.line(&printer.styled(Style::Good, "✓ Task submitted successfully"))?;
        printer.pair("Task ID", id)?;
        printer.pair("Status", &answer.view.status)?;
    }
    match detach {
        None => Ok(ExitCode::SUCCESS),
        Some(detach) => {
            let query = LogQuery { follow: true, tail: None, since: None, nodes: Vec::new() };
            tail::log(&api, printer, id, &Wish { query, timestamps: false, patient: true }, &detach)?;
            Ok(follow::end(&api, id)?.tell(printer))
        }
    }
}
