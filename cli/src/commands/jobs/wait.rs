//! `jobs wait`: until the task has ended.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use crate::{
    args::Wait,
    commands::Context,
    error::Error,
    follow::{Detach, Followed, look},
    waiting::{StatusLine, state_word},
};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);

pub(crate) fn wait(context: &Context, args: &Wait) -> Result<ExitCode, Error> {
    let (api, printer, id) = (context.api()?, context.printer, &args.task_id);
    // An id that is wrong is an error; a task that goes away while it is waited for has been stopped.
    api.task(id)?;
    let deadline = args.timeout.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
    let line = StatusLine::new(printer);
    Detach::on_interrupt(printer, Followed::End).follows(id, &line);
    line.watch(&api, id);
    let end = loop {
        match look(&api, id) {
            Ok(Ok(end)) => break Ok(end),
            Ok(Err(state)) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                break Err(Error::WaitedTooLong { task_id: id.clone(), state: state_word(state) });
            }
            Ok(Err(_)) => thread::sleep(PERIOD),
            Err(error) => break Err(error),
        }
    };
    line.erase();
    Ok(end?.tell(printer))
}
