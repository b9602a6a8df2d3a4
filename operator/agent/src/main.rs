//! `sky-agent`: see `PROTOCOL.md`.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match sky_agent::command::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // The entry script keeps stdout and shows it; its stderr leads nowhere.
            let text = format!("{why}\n");
            let is_usage = matches!(why, sky_agent::error::Error::Usage);
            let _ = if arguments.first().is_some_and(|word| word == "serve") {
                Ok(())
            } else if is_usage || arguments.first().is_some_and(|word| word == "install") {
                std::io::stderr().write_all(text.as_bytes())
            } else {
                std::io::stdout().write_all(text.as_bytes())
            };
            ExitCode::FAILURE
        }
    }
}
