//! The commands: each asks the gateway once and prints its answer.

mod auth;
mod jobs;
mod volumes;

use std::process::ExitCode;

use crate::{
    api::Api,
    args::{Auth, Cli, Command, Format, Jobs, Volumes},
    complete, config,
    error::Error,
    printer::Printer,
};

/// What every command needs: where to print, and which gateway to ask.
struct Context {
    printer: Printer,
    url: String,
}

impl Context {
    /// The gateway as the logged-in user.
    fn api(&self) -> Result<Api, Error> {
        Ok(Api::new(self.url.clone(), config::require_user()?))
    }
}

/// Runs the command and gives its exit code.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let context = Context {
        printer: Printer::new(format(&cli.command)),
        url: config::api_url([short_url(&cli.command), cli.api_url.as_ref()]),
    };
    dispatch(&context, cli.command).unwrap_or_else(|error| {
        context.printer.error(&error);
        ExitCode::from(error.exit_code())
    })
}

fn dispatch(context: &Context, command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Auth(Auth::Login { username }) => auth::login(context, &username),
        Command::Auth(Auth::Whoami) => auth::whoami(context),
        Command::Jobs(Jobs::Submit(args)) => return jobs::submit(context, args),
        Command::Jobs(Jobs::Rerun(args)) => return jobs::rerun(context, args),
        Command::Jobs(Jobs::Validate(args)) => return jobs::validate(context, args),
        Command::Jobs(Jobs::List(args)) if args.watch => return jobs::watch(context, &args.list),
        Command::Jobs(Jobs::List(args)) => jobs::list(context, &args.list),
        Command::Jobs(Jobs::Status(args)) => jobs::status(context, &args),
        Command::Jobs(Jobs::Stop(args)) => jobs::stop(context, &args),
        Command::Jobs(Jobs::Logs(args)) => jobs::logs(context, args),
        Command::Jobs(Jobs::Wait(args)) => return jobs::wait(context, &args),
        Command::Volumes(Volumes::Create(args)) => volumes::create(context, args),
        Command::Volumes(Volumes::Apply(args)) => volumes::apply(context, &args),
        Command::Volumes(Volumes::List(args)) => volumes::list(context, &args),
        Command::Volumes(Volumes::Delete(args)) => volumes::delete(context, &args),
        Command::Completions { shell } => context.printer.raw(&complete::script(shell).map_err(Error::Output)?),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn format(command: &Command) -> Format {
    match command {
        Command::Jobs(Jobs::Submit(args)) => args.output.format,
        Command::Jobs(Jobs::Rerun(args)) => args.output.format,
        Command::Jobs(Jobs::List(args)) => args.list.output.format,
        Command::Volumes(Volumes::List(args)) => args.output.format,
        Command::Jobs(Jobs::Status(args)) => args.output.format,
        Command::Volumes(Volumes::Create(args)) => args.output.format,
        Command::Jobs(Jobs::Validate(args)) => args.output.format,
        Command::Volumes(Volumes::Apply(args)) => args.output.format,
        _ => Format::Table,
    }
}

fn short_url(command: &Command) -> Option<&String> {
    match command {
        Command::Jobs(Jobs::Submit(args)) => args.short.url.as_ref(),
        Command::Jobs(Jobs::Rerun(args)) => args.short.url.as_ref(),
        Command::Jobs(Jobs::Status(args)) => args.short.url.as_ref(),
        Command::Jobs(Jobs::Logs(args)) => args.short.url.as_ref(),
        _ => None,
    }
}

/// `2025-10-05T12:34:56`: lists show seconds, as the original.
fn to_seconds(time: &str) -> String {
    time.chars().take(19).collect()
}
