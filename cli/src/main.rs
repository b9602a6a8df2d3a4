//! `k8s-cli`: submits SkyPilot-style tasks to a Kubernetes cluster, follows their logs and manages their volumes.

use std::process::ExitCode;

mod api;
mod args;
mod changes;
mod commands;
mod complete;
mod config;
mod dotenv;
mod entry;
mod error;
mod follow;
mod given;
mod printer;
mod python;
#[cfg(test)]
mod reference;
mod splice;
mod table;
mod tail;
mod text;
mod usage;
mod waiting;

fn main() -> ExitCode {
    complete::answer_the_shell();
    match usage::parse(std::env::args_os()) {
        Ok(cli) => commands::run(cli),
        Err(code) => code,
    }
}
