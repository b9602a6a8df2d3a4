//! The harness of the tests against a real cluster: where it is, a namespace per test, histories of what happened there.
//!
//! `make test` starts the cluster and says by environment variables where everything is.

pub mod audit;
pub mod cli;
pub mod cluster;
pub mod ending;
pub mod explained;
pub mod fault;
pub mod gateway;
pub mod history;
pub mod kstatus;
pub mod objects;
pub mod operator;
pub mod own_gateway;
pub mod space;

use std::time::Duration;

/// How long anything may take that the cluster has to do.
pub const DEADLINE: Duration = Duration::from_secs(90);
