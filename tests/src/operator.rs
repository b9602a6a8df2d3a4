//! A private operator: a process that watches one namespace only, and that a test may kill.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::cluster::{image, kubeconfig, required};

/// The process. It is killed when this is dropped.
pub struct Operator {
    process: Child,
}

impl Operator {
    /// Starts one for a namespace.
    pub fn start(namespace: &str) -> Self {
        let output = File::options().create(true).append(true).open(log_file(namespace)).expect("a log file");
        let process = Command::new(required("SKY_TEST_OPERATOR"))
            .args(["--namespace", namespace, "--admin-address", "127.0.0.1:0", "--agent-image", &image("sky")])
            .env("KUBECONFIG", kubeconfig())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .expect("the operator starts");
        Self { process }
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

/// What all operators of a namespace have logged.
pub fn log(namespace: &str) -> String {
    std::fs::read_to_string(log_file(namespace)).unwrap_or_default()
}

fn log_file(namespace: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sky-operator-{namespace}.log"))
}
