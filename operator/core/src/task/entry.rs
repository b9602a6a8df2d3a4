//! The entry script: what a container of a task runs, whatever its image and its user's scripts are.

use super::shell;

/// The script as written. Kubernetes gets it without its comments: see [`entry_script`].
pub const ENTRY: &str = include_str!("entry.sh");

/// What `$0` is for the entry script: the name that its own messages begin with.
const NAME: &str = "sky-task";

/// Where the entry script finds the user's `setup` or `run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptSource<'a> {
    /// The task has no such script.
    Absent,
    /// The text of the script.
    Text(&'a str),
    /// The absolute path of a file in the container that holds the script.
    File(&'a str),
}

impl ScriptSource<'_> {
    fn arg(self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Text(text) => format!("text:{text}"),
            Self::File(path) => format!("file:{path}"),
        }
    }
}

/// [`ENTRY`] as it travels.
pub fn entry_script() -> String {
    shell::without_comments(ENTRY)
}

/// The arguments after `sh -c`: the entry script and what it is told. One more may follow: where the task's repository is.
///
/// Every one is as the script shall see it. Kubernetes expands `$(X)` in arguments, so the caller doubles each `$`.
pub fn entry_args(workdir: Option<&str>, setup: ScriptSource<'_>, run: ScriptSource<'_>) -> Vec<String> {
    vec![entry_script(), NAME.to_owned(), workdir.unwrap_or_default().to_owned(), setup.arg(), run.arg()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_passed_as_they_are() {
        let text = "echo $(X) $$ 'ü'\r\n#!";
        let args = entry_args(Some("~/my work"), ScriptSource::Absent, ScriptSource::Text(text));
        assert_eq!(args, [entry_script().as_str(), "sky-task", "~/my work", "", &format!("text:{text}")]);
        let args = entry_args(None, ScriptSource::File("/s/setup"), ScriptSource::File("/s/run"));
        assert_eq!(args[1..], ["sky-task", "", "file:/s/setup", "file:/s/run"]);
        assert_eq!(ScriptSource::Text("").arg(), "text:");
    }
}
