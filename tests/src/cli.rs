//! The command line, as a user types it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{process::Command, time::timeout};

use crate::{DEADLINE, cluster::required};

/// What a command did.
#[derive(Clone, Debug)]
pub struct Run {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A user with a home of her own, logged in.
pub struct Shell {
    home: PathBuf,
    gateway: String,
}

impl Shell {
    /// Not logged in yet; the name keeps homes apart.
    pub fn new(name: &str) -> Self {
        Self::of(name, &required("SKY_TEST_API_URL"))
    }

    /// The same, beside a gateway of one's own.
    pub fn of(name: &str, gateway: &str) -> Self {
        let home = std::env::temp_dir().join(format!("sky-home-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&home).expect("a home");
        Self { home, gateway: gateway.to_owned() }
    }

    /// Logs in.
    pub async fn login(user: &str) -> Self {
        let shell = Self::new(user);
        shell.ok(&["auth", "login", user]).await;
        shell
    }

    /// The command, ready to be changed and started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(required("SKY_TEST_CLI"));
        command.args(args).current_dir(&self.home).env("HOME", &self.home).env_remove("XDG_CONFIG_HOME");
        command.env("K8S_CLI_API_URL", &self.gateway).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The home, which is the working directory too.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Runs a command to its end.
    pub async fn run(&self, args: &[&str]) -> Run {
        Self::finish(self.command(args), args).await
    }

    /// Runs a changed command to its end.
    pub async fn finish(mut command: Command, args: &[&str]) -> Run {
        let output = timeout(DEADLINE, command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("k8s-cli {args:?} did not end")).expect("k8s-cli starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command that must succeed, and returns its output.
    pub async fn ok(&self, args: &[&str]) -> String {
        let run = self.run(args).await;
        assert_eq!(run.code, Some(0), "k8s-cli {args:?}: {run:#?}");
        run.stdout
    }

    /// Writes a file into the home.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(Path::new(&self.home)));
    }
}

/// The eight hex digits after a word, such as `Task ID:`.
pub fn id_after(word: &str, text: &str) -> String {
    let rest = text.split_once(word).unwrap_or_else(|| panic!("no {word} in {text}")).1;
    let id: String = rest.trim_start().chars().take(8).collect();
    assert!(id.parse::<sky_crd::TaskId>().is_ok(), "no id after {word} in {text}");
    id
}
