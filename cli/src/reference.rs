//! `docs/cli.md` is what the parser says of itself. This test fails when it is not, and writes it to
//! the file that `WRITE_REFERENCE` names.

use std::{fmt::Write as _, fs, path::Path};

use clap::{Command, CommandFactory as _};

use crate::args::Cli;

/// Columns of the help texts.
const WIDTH: usize = 100;

const HEAD: &str = "\
# k8s-cli

<!-- Generated from cli/src/args. Do not edit: `make generate` writes it. -->

Submits SkyPilot-style tasks to a Kubernetes cluster through the gateway, follows their logs and manages their volumes.

## What holds for every command

| exit code | when |
|---|---|
| 0 | it worked; the reader of the output went away |
| the task's own | `jobs submit` that follows, and `jobs wait`: the first failing node's, 1 where there is none |
| 1 | an error; `jobs validate`: a file that `jobs submit` would refuse |
| 2 | the command line is wrong |
| 4 | the gateway answers 401 or 403 |
| 130 | Ctrl-C; a task that is followed or waited for keeps running |

| variable | what |
|---|---|
| `K8S_CLI_API_URL` | address of the gateway; `--api-url` wins; default `http://localhost:8000` |
| `NO_COLOR` | no colours, if not empty |
| `TERM=dumb` | no colours, no status line, no redrawing |

`--api-url` may stand before or after the command. The user of `auth login` is kept in `~/.config/k8s-cli/user.json`.

Results and errors go to standard output, as in the Python original; hints, the status line and the reason why a task failed
go to standard error, and so does what is wrong with a file of a task or volume: all of it at once, each with file, line and
column, the path of the field, and the line with a caret under the text. Of such a file, only what the original refuses too
has words on standard output. What a file asks for and will not get, though its task runs, is a `warning:` there. With `-o json`, `-o yaml` and `-o name`, standard output is the answer and nothing else: errors go to
standard error too. JSON and YAML are the API's answer as it came; `name` prints ids, one a line. `wide` adds to `table`: of
tasks the Job, the namespace, how many nodes run or have succeeded, their machines, the exit code and the reason why the task
waits or failed; of volumes the storage class, the access modes and the PVC.

A log is copied byte for byte, a line of several nodes with its node in front: `node-1 | text`. While it has not begun, and
while a broken connection is opened again, a terminal shows the phase of each node and the reason why it waits.
";

#[test]
fn the_reference_is_what_the_parser_says() {
    let mut root = Cli::command().term_width(WIDTH).disable_help_subcommand(true);
    root.build();
    let mut text = HEAD.to_owned();
    describe(&mut root, &mut text);
    if let Some(path) = std::env::var_os("WRITE_REFERENCE") {
        return fs::write(path, &text).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/cli.md is out of date: run `make generate`");
}

#[test]
fn every_command_has_examples() {
    fn check(command: &Command) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example") && help.contains("k8s-cli "), "{}", command.get_name());
        command.get_subcommands().filter(|command| command.get_name() != "help").for_each(check);
    }
    check(&Cli::command());
}

/// A section for the command, then one for each of its commands.
fn describe(command: &mut Command, text: &mut String) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_help().to_string();
    let help = help.strip_prefix(&about).unwrap_or(&help).trim();
    let _ = write!(text, "\n## {name}\n\n{about}\n\n```text\n{help}\n```\n");
    for command in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        // The width is not handed down.
        *command = std::mem::take(command).term_width(WIDTH);
        describe(command, text);
    }
}
