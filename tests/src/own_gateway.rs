//! A private gateway: a process that serves the tasks of one namespace.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    DEADLINE,
    cluster::{kubeconfig, required},
};

/// The process. It is killed when this is dropped.
pub struct OwnGateway {
    process: Child,
    log: PathBuf,
    url: String,
}

impl OwnGateway {
    /// Starts one for a namespace; returns when it serves.
    pub async fn start(namespace: &str) -> Self {
        let log = std::env::temp_dir().join(format!("sky-gateway-{namespace}.log"));
        let process = Command::new(required("SKY_TEST_GATEWAY"))
            .args(["--namespace", namespace, "--host", "127.0.0.1", "--port", "0"])
            .args(["--admin-address", "127.0.0.1:0", "--log-format", "text"])
            .env("KUBECONFIG", kubeconfig())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log file"))
            .spawn()
            .expect("the gateway starts");
        let mut gateway = Self { process, log, url: String::new() };
        let port = tokio::time::timeout(DEADLINE, gateway.port()).await;
        gateway.url = format!("http://127.0.0.1:{}", port.expect("the gateway serves in time"));
        gateway
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// As its log names it, once its caches can have been read.
    async fn port(&mut self) -> u16 {
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let line = log.lines().find(|line| line.contains("serving the API"));
            let port = line.and_then(|line| line.split("port=").nth(1)?.split_whitespace().next()?.parse().ok());
            if let Some(port) = port {
                return port;
            }
            let ended = self.process.try_wait().expect("a child");
            assert!(ended.is_none(), "the gateway has ended: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for OwnGateway {
    fn drop(&mut self) {
        // It may have ended by itself, which the test then notices otherwise.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
