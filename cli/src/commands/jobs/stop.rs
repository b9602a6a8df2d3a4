//! `jobs stop`: one task or all.

use crate::{args::Stop, commands::Context, error::Error, printer::Style};

pub(crate) fn stop(context: &Context, args: &Stop) -> Result<(), Error> {
    let printer = context.printer;
    match &args.task_id {
        _ if args.all_users && !args.all => Err(Error::Options("--all-users requires --all flag")),
        Some(_) if args.all => Err(Error::Options("Cannot specify task ID with --all flag")),
        None if !args.all => Err(Error::Options("Either provide a task ID or use --all flag")),
        None => {
            let stopped = context.api()?.stop_all(args.all_users)?.view;
            printer.line(&printer.styled(Style::Good, "✓ Tasks stopped successfully"))?;
            printer.pair("Count", &stopped.count.to_string())?;
            printer.pair("Status", &stopped.status)
        }
        Some(id) => {
            let stopped = context.api()?.stop(id)?.view;
            printer.line(&printer.styled(Style::Good, "✓ Task stopped successfully"))?;
            printer.pair("Task ID", &stopped.task_id)?;
            printer.pair("Status", &stopped.status)
        }
    }
}
