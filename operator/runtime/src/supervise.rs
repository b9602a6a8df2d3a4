//! Long-lived tasks under one roof: none is detached, the first that ends ends the process.
//!
//! A watch that died silently leaves a process that looks healthy and does nothing. So every long-lived future is given
//! to a [`Supervisor`]; when one ends, the others are asked to stop and the process exits with that task's name.

use std::{collections::HashMap, fmt::Display, future::Future, io, pin::pin, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::{Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Why the process ends other than by a request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SuperviseError {
    /// A task returned although nobody asked it to.
    #[error("{task} ended although it should run for ever")]
    Ended {
        /// The task's name.
        task: &'static str,
    },
    /// A task returned an error.
    #[error("{task} failed: {reason}")]
    Failed {
        /// The task's name.
        task: &'static str,
        /// The error's text.
        reason: String,
    },
    /// A task panicked: a bug.
    #[error("{task} panicked: {reason}")]
    Panicked {
        /// The task's name.
        task: &'static str,
        /// The panic's message.
        reason: String,
    },
    /// A second signal came before the tasks had stopped.
    #[error("aborted by a second signal while stopping")]
    Aborted,
    /// The process cannot listen for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(String),
}

/// Owns the long-lived tasks of a process.
#[derive(Debug)]
pub struct Supervisor {
    tasks: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
    shutdown: CancellationToken,
    drain: Duration,
}

impl Supervisor {
    /// `drain` is how long tasks may take to stop once asked; keep it below the pod's `terminationGracePeriodSeconds`.
    pub fn new(drain: Duration) -> Self {
        Self { tasks: JoinSet::new(), names: HashMap::new(), shutdown: CancellationToken::new(), drain }
    }

    /// Cancelled when the process is to stop: every task must then end by itself.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts a task. `name` is what logs and the final error call it, e.g. `"task controller"`.
    ///
    /// The future is expected to run until the shutdown token is cancelled and then to return `Ok`.
    pub fn spawn<F, E>(&mut self, name: &'static str, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let handle = self.tasks.spawn(async move { future.await.map_err(|error| error.to_string()) });
        self.names.insert(handle.id(), name);
    }

    /// Runs until SIGTERM or SIGINT (then `Ok`), or until a task ends (then the error that names it).
    pub async fn run(self) -> Result<(), SuperviseError> {
        let signals = shutdown_signal().map_err(|error| SuperviseError::Signals(error.to_string()))?;
        self.run_until(signals).await
    }

    /// As [`Self::run`], with the requests to stop given: the first drains, the second aborts.
    pub async fn run_until(mut self, signals: impl Stream<Item = &'static str>) -> Result<(), SuperviseError> {
        // A stream that ends without an item is no request to stop.
        let mut signals = pin!(signals.chain(stream::pending()));
        let outcome = tokio::select! {
            biased;
            Some(signal) = signals.next() => {
                tracing::info!(signal, "stopping");
                Ok(())
            }
            Some(ended) = self.tasks.join_next_with_id() => Err(self.explain(ended)),
        };
        if let Err(error) = &outcome {
            tracing::error!(%error, "a task ended, stopping the process");
        }
        self.shutdown.cancel();
        let drain = self.drain;
        tokio::select! {
            biased;
            Some(signal) = signals.next() => {
                tracing::warn!(signal, "second signal, aborting");
                self.tasks.abort_all();
                outcome.and(Err(SuperviseError::Aborted))
            }
            drained = timeout(drain, self.drain()) => {
                if drained.is_err() {
                    let late: Vec<_> = self.names.values().collect();
                    tracing::warn!(?late, "tasks did not stop in time");
                }
                outcome
            }
        }
    }

    async fn drain(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            match ended {
                Ok((id, Ok(()))) => drop(self.names.remove(&id)),
                other => {
                    let error = self.explain(other);
                    tracing::warn!(%error, "while stopping");
                }
            }
        }
    }

    fn explain(&mut self, ended: Result<(Id, Result<(), String>), JoinError>) -> SuperviseError {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let task = self.names.remove(&id).unwrap_or("a task");
        match ended {
            Ok((_, Ok(()))) => SuperviseError::Ended { task },
            Ok((_, Err(reason))) => SuperviseError::Failed { task, reason },
            Err(error) => SuperviseError::Panicked { task, reason: panic_message(error) },
        }
    }
}

fn panic_message(error: JoinError) -> String {
    let text = error.to_string();
    let Ok(payload) = error.try_into_panic() else { return text };
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().map_or(text, |message| (*message).to_owned()),
    }
}

/// The requests to stop this process: an item for every SIGTERM and SIGINT from now on. Never ends.
///
/// Takes both signals over from their default action, so whoever calls this must act on the items.
pub fn shutdown_signal() -> io::Result<impl Stream<Item = &'static str> + Send> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    Ok(stream::unfold((terminate, interrupt), |(mut terminate, mut interrupt)| async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        Some((name, (terminate, interrupt)))
    }))
}

#[cfg(test)]
#[path = "supervise_tests.rs"]
mod tests;
