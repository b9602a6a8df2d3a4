//! A SkyTask: what its children are, what state they are in, and what to do next.

mod absent;
mod agent;
mod alternative;
mod attempt;
mod checkout;
mod child;
mod conditions;
mod deadline;
mod ending;
pub mod entry;
mod environment;
pub mod expose;
mod git;
mod image;
mod job;
mod literal;
mod lost;
mod news;
mod node;
mod observed;
mod own;
mod plan;
mod pod;
pub mod pod_config;
pub mod ports;
mod progress;
mod rerun;
pub mod resources;
mod restart;
mod retention;
mod scripts;
mod security;
mod service;
mod shell;
mod signal;
mod status;
mod stragglers;
mod tail;
mod termination;
mod unschedulable;
mod validate;
mod volumes;
mod waiting;
mod waits;

#[cfg(test)]
mod expose_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod life_properties;
#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod plan_properties;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod world;

pub use absent::{named_config_maps, named_secrets};
pub use agent::TOKEN_KEY;
pub use checkout::Checkout;
pub use observed::{ObservedTask, Warning};
pub use own::KEPT_ATTEMPTS;
pub use plan::{invalid, is_finished, is_suspended, plan};
pub use security::PodSecurity;
pub use validate::{InvalidTask, Policy, ValidTask, validate};
