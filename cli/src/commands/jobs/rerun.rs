//! `jobs rerun`: a task is run again as another one.

use std::process::ExitCode;

use sky_crd::api::{RerunRequest, SecretValue};

use super::submit::send;
use crate::{args::Rerun, commands::Context, error::Error, given};

pub(crate) fn rerun(context: &Context, args: Rerun) -> Result<ExitCode, Error> {
    let (envs, secrets) = given::beside(args.variables)?;
    let secrets = secrets.into_iter().map(|(name, value)| (name, SecretValue::from(value))).collect();
    let changes = RerunRequest { name: args.name, num_nodes: args.num_nodes, envs, secrets };
    send(context, args.detach, |api| api.rerun(&args.task_id, &changes))
}
