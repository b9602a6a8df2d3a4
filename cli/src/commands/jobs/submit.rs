//! `jobs submit`: a file becomes a task, whose log is followed to its end.

use std::{fs, io, path::Path, process::ExitCode};

use sky_taskfile::TaskFile;

use crate::{
    args::Submit,
    commands::Context,
    error::Error,
    follow::{self, Detach},
    printer::Style,
};

pub(crate) fn submit(context: &Context, args: &Submit) -> Result<ExitCode, Error> {
    let task = read(&args.task_file)?;
    let (api, printer) = (context.api()?, context.printer);
    let follows = !args.detach && !printer.is_data();
    // Before the task exists: an interrupt that comes just after must still say which task there is.
    let detach = follows.then(|| Detach::on_interrupt(printer));
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
            follow::log(&api, printer, id, &detach)?;
            follow::end(&api, printer, id)
        }
    }
}

fn read(path: &Path) -> Result<TaskFile, Error> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::NoTaskFile(path.to_owned()),
        _ => Error::UnreadableTaskFile(path.to_owned(), error),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Error::UnreadableTaskFile(path.to_owned(), io::Error::new(io::ErrorKind::InvalidData, error))
    })?;
    sky_taskfile::parse(&text, &path.display().to_string()).map_err(Error::TaskFile)
}
