//! Usage errors, in the words of the Python original, whose scripts may read them.

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use clap::{
    Command, CommandFactory as _, Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::args::Cli;

/// What the arguments ask for, or the exit code after help or a usage error was printed.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    Cli::try_parse_from(&args).map_err(|error| match error.kind() {
        // `--help` and `--version`. When nobody reads them, that is no error.
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        // Not the error's own text: an address in the environment makes the parser think that something was given.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let _ = command_of(&args).print_help();
            ExitCode::from(2)
        }
        _ => {
            let _ = write!(std::io::stderr(), "{}", message(&error, &args));
            ExitCode::from(2)
        }
    })
}

fn message(error: &clap::Error, args: &[OsString]) -> String {
    let mut command = command_of(args);
    let path = command.get_bin_name().unwrap_or("k8s-cli").to_owned();
    let usage = command.render_usage().to_string().replace(['<', '>'], "");
    let hint = context(error, ContextKind::SuggestedArg)
        .or_else(|| context(error, ContextKind::SuggestedSubcommand))
        .map(|near| format!("hint: did you mean '{near}'?\n"))
        .unwrap_or_default();
    format!("{usage}\nTry '{path} --help' for help.\nError\n{}\n{hint}", what(error))
}

fn what(error: &clap::Error) -> String {
    let argument = context(error, ContextKind::InvalidArg).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => format!("No such option: {argument}"),
        ErrorKind::UnknownArgument => format!("Got unexpected extra argument ({argument})"),
        ErrorKind::InvalidSubcommand => {
            format!("No such command '{}'.", context(error, ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingRequiredArgument => format!("Missing argument '{}'.", argument.replace(['<', '>'], "")),
        _ => {
            let text = error.render().to_string();
            let first = text.split("\n\nUsage:").next().unwrap_or_default();
            first.split("\n\nFor more").next().unwrap_or_default().trim_start_matches("error: ").trim_end().to_owned()
        }
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

/// The deepest command that the arguments name: the error does not say which one it is about.
fn command_of(args: &[OsString]) -> Command {
    let mut root = Cli::command();
    root.build();
    let mut command = &root;
    for argument in args.iter().skip(1).filter_map(|argument| argument.to_str()) {
        command = command.find_subcommand(argument).unwrap_or(command);
    }
    command.clone()
}
