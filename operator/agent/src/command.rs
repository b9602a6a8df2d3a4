//! The commands of `sky-agent`.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::config::{Config, PREFIX};
use crate::error::Error;
use crate::local::{Request, ask};
use crate::node::Phase;
use crate::serve::{say, serve};

/// Does what the arguments after the program's name say.
pub fn run(arguments: &[String]) -> Result<(), Error> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // Whoever waits for its answer cannot see why there is none: the log shows it.
        ["serve", ref main @ ..] if main.len() < 2 => {
            let main = main.first().map(|pid| pid.parse().map_err(|_| Error::Usage)).transpose()?;
            config().and_then(|config| serve(&config, main)).inspect_err(|why| say(&why.to_string()))
        }
        ["install", directory] => install(Path::new(directory)),
        _ => {
            let request = Request::parse(&words).ok_or(Error::Usage)?;
            let answer = ask(&config()?, request)?;
            let text = match request {
                Request::Wait(phase) => variables(phase, &answer, std::env::vars_os().map(|(name, _)| name)),
                Request::Done(..) => answer,
                Request::Waiting => answer.replace(", ", "\n"),
            };
            writeln!(io::stdout(), "{text}").map_err(Error::System)
        }
    }
}

fn config() -> Result<Config, Error> {
    Config::new(|name| std::env::var(name).ok())
}

/// For the shell to `eval`: the addresses of all nodes, and nothing that is only the agent's business.
fn variables(phase: Phase, addresses: &str, set: impl Iterator<Item = OsString>) -> String {
    let name = match phase {
        Phase::Setup => "SKYPILOT_SETUP_NODE_IPS",
        Phase::Run => "SKYPILOT_NODE_IPS",
    };
    let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let ours = set.filter_map(|name| name.into_string().ok());
    let mut ours: Vec<String> = ours.filter(|name| name.starts_with(PREFIX) && is_name(name)).collect();
    ours.sort();
    format!("export {name}='{}'; unset {}", addresses.replace(' ', "\n"), ours.join(" "))
}

/// Copies this program, for the image that it comes in has no `cp`.
fn install(directory: &Path) -> Result<(), Error> {
    let target = directory.join("sky-agent");
    let copy = || {
        // Under another name first: nobody may see half of it.
        let part = directory.join("sky-agent.part");
        fs::copy("/proc/self/exe", &part)?;
        fs::set_permissions(&part, fs::Permissions::from_mode(0o755))?;
        fs::rename(&part, &target)
    };
    copy().map_err(|why| Error::Install(target.clone(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_and_unset() {
        let set = ["PATH", "SKY_AGENT_RANK", "SKY_AGENT", "SKY_AGENT_$(x)", "MY_SKY_AGENT"].map(OsString::from);
        let text = variables(Phase::Run, "10.0.0.1 fd00::2", set.into_iter());
        assert_eq!(text, "export SKYPILOT_NODE_IPS='10.0.0.1\nfd00::2'; unset SKY_AGENT SKY_AGENT_RANK");
    }
}
