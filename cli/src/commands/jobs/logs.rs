//! `jobs logs`: the log of a task that runs or has run.

use crate::{
    args::Logs,
    commands::Context,
    error::Error,
    follow::{self, Detach},
};

pub(crate) fn logs(context: &Context, args: &Logs) -> Result<(), Error> {
    let detach = Detach::on_interrupt(context.printer);
    follow::log(&context.api()?, context.printer, &args.task_id, &detach)
}
