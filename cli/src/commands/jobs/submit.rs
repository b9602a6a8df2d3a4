//! `jobs submit`: a file becomes a task, whose log is followed to its end.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    process::ExitCode,
};

use sky_taskfile::Overrides;

use super::dry_run;
use crate::{
    api::LogQuery,
    args::Submit,
    commands::Context,
    error::Error,
    follow::{self, Detach, Followed},
    printer::Style,
    tail::{self, Wish},
};

pub(crate) fn submit(context: &Context, args: Submit) -> Result<ExitCode, Error> {
    let overrides = Overrides { name: args.name, num_nodes: args.num_nodes, envs: args.env.into_iter().collect() };
    let (text, source) = read(&args.task_file)?;
    let task = sky_taskfile::parse_with(&text, &source, overrides).map_err(Error::TaskFile)?;
    for warning in &task.warnings {
        context.printer.warning(warning);
    }
    if args.dry_run {
        return dry_run::show(context.printer, task.request).map(|()| ExitCode::SUCCESS);
    }
    let (api, printer) = (context.api()?, context.printer);
    let follows = !args.detach && !printer.is_data();
    // Before the task exists: an interrupt that comes just after must still say which task there is.
    let detach = follows.then(|| Detach::on_interrupt(printer, Followed::Log));
    let answer = api.submit(&task.request)?;
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

/// The file's text and its name in messages.
fn read(path: &Path) -> Result<(String, String), Error> {
    let refuse = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Error::NoTaskFile(path.to_owned()),
        _ => Error::UnreadableTaskFile(path.to_owned(), error),
    };
    let mut bytes = Vec::new();
    let name = if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes).map_err(refuse)?;
        "stdin".to_owned()
    } else {
        bytes = fs::read(path).map_err(refuse)?;
        path.display().to_string()
    };
    let text = String::from_utf8(bytes).map_err(|error| refuse(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    Ok((text, name))
}
