//! A private operator: a process that watches one namespace only, and that a test may kill.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    DEADLINE,
    cluster::{image, kubeconfig, required},
};

/// Names of operators that share a lease.
pub const ONE: &str = "-one";
/// The other.
pub const TWO: &str = "-two";

/// The process. It is killed when this is dropped.
pub struct Operator {
    process: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts one for a namespace.
    pub fn start(namespace: &str) -> Self {
        Self::spawn(&program(), namespace, "", &[])
    }

    /// Starts this program, of another version, for a namespace.
    pub fn start_program(program: &Path, namespace: &str) -> Self {
        Self::spawn(program, namespace, "", &[])
    }

    /// Starts one with further flags.
    pub fn start_with(namespace: &str, flags: &[&str]) -> Self {
        Self::spawn(&program(), namespace, "", flags)
    }

    /// Starts one that works only while it holds the namespace's lease, in which it is called `name`.
    pub fn start_elected(namespace: &str, name: &str) -> Self {
        let lease = ["--leader-election", "--lease-namespace", namespace];
        Self::spawn(&program(), namespace, name, &lease)
    }

    fn spawn(program: &Path, namespace: &str, name: &str, flags: &[&str]) -> Self {
        let log = log_file(&format!("{namespace}{name}"));
        let output = File::options().create(true).append(true).open(&log).expect("a log file");
        let process = Command::new(program)
            .args(["--namespace", namespace, "--admin-address", "127.0.0.1:0", "--agent-image", &image("sky")])
            .args(["--git-image", &image("git")])
            .args(flags)
            .env("KUBECONFIG", kubeconfig())
            .env("HOSTNAME", name)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .expect("the operator starts");
        Self { process, log }
    }

    /// What it has logged so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// One of its admin pages, such as `/metrics`.
    pub fn page(&self, path: &str) -> String {
        let log = self.said();
        let address = log.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let answer = agent.get(format!("http://{address}{path}")).call();
        answer.expect("an answer").body_mut().read_to_string().expect("text")
    }

    /// Stops or continues the process, or asks it to end.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, signal).expect("the process is there");
    }

    /// Waits until it has ended by itself; whether it called that a success.
    pub async fn ended(&mut self) -> bool {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status.success();
            }
            assert!(tokio::time::Instant::now() < deadline, "the operator goes on: {}", self.said());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself, which the test then notices otherwise.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}

/// The operator under test.
fn program() -> PathBuf {
    required("SKY_TEST_OPERATOR").into()
}

/// What all operators of a namespace have logged.
pub fn log(namespace: &str) -> String {
    let read = |name: &str| std::fs::read_to_string(log_file(&format!("{namespace}{name}"))).unwrap_or_default();
    ["", ONE, TWO].map(read).concat()
}

fn log_file(namespace: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sky-operator-{namespace}.log"))
}
