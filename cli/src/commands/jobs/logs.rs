//! `jobs logs`: the log of a task that runs or has run.

use crate::{
    api::LogQuery,
    args::Logs,
    commands::Context,
    error::Error,
    follow::{Detach, Followed},
    tail::{self, Wish},
};

pub(crate) fn logs(context: &Context, args: Logs) -> Result<(), Error> {
    let detach = Detach::on_interrupt(context.printer, Followed::Log);
    let query = LogQuery { follow: !args.no_follow, tail: args.tail, since: args.since, nodes: args.node };
    let wish = Wish { query, timestamps: args.timestamps, patient: false };
    tail::log(&context.api()?, context.printer, &args.task_id, &wish, &detach)
}
