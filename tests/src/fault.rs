//! Faults of the embedded cluster: a process of a pod, a component or a machine that dies.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use crate::cluster::required;

/// Whether there is an embedded cluster to break; says why a check is skipped otherwise.
pub fn possible() -> bool {
    let possible = std::env::var("SKY_TEST_FAULTS").is_ok();
    if !possible {
        println!("skipped: only the embedded cluster may be broken");
    }
    possible
}

/// One process of a pod.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number on this machine.
    pub pid: u32,
    /// Its container.
    pub container: String,
    /// Its number in the container.
    pub inner: u32,
    /// Its command line, arguments separated by blanks.
    pub command: String,
}

impl Process {
    /// Ends it without a warning.
    pub fn kill(&self) {
        let status = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status().expect("kill can be run");
        assert!(status.success(), "{self:?} could not be killed");
    }
}

/// The processes of the container `task` of a pod.
pub fn processes(namespace: &str, pod: &str) -> Vec<Process> {
    let table = sky_cluster(&["processes", &format!("{namespace}/{pod}/task")]).expect("the pod has processes");
    let process = |line: &str| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("a column is missing: {line}")).to_owned();
        let (pid, container, inner) = (word(), word(), word());
        let number = |text: String| text.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        Process { pid: number(pid), container, inner: number(inner), command: words.collect::<Vec<_>>().join(" ") }
    };
    table.lines().skip(1).map(process).collect()
}

/// The one process of a pod whose command line contains this.
pub fn process(namespace: &str, pod: &str, part: &str) -> Process {
    let all = processes(namespace, pod);
    let mut found = all.iter().filter(|process| process.command.contains(part));
    let first = found.next().unwrap_or_else(|| panic!("no process with {part:?}: {all:#?}"));
    assert!(found.next().is_none(), "several processes with {part:?}: {all:#?}");
    first.clone()
}

/// The first process of a pod's container, with which all others of it end.
pub fn first_process(namespace: &str, pod: &str) -> Process {
    processes(namespace, pod).into_iter().find(|process| process.inner == 1).expect("a container has a first process")
}

/// A component or a machine that is dead, until this is dropped.
pub struct Dead(String);

impl Dead {
    /// Kills it, for at most this long. Returns when it is gone.
    pub fn kill(target: &str, limit: Duration) -> Self {
        let seconds = format!("{}s", limit.as_secs());
        sky_cluster(&["fault", "kill", target, "--for", &seconds]).expect("it can be killed");
        Self(target.to_owned())
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        if let Err(error) = sky_cluster(&["fault", "end", &self.0]) {
            eprintln!("{} does not come back: {error}", self.0);
        }
    }
}

fn sky_cluster(arguments: &[&str]) -> Result<String, String> {
    let program: PathBuf = required("SKY_TEST_CLUSTER").into();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("sky-cluster can be run");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
