//! A SkyTask: what its children are, what state they are in, and what to do next.

mod agent;
pub mod entry;
mod job;
mod literal;
mod lost;
mod node;
mod observed;
mod plan;
mod pod;
mod scripts;
mod service;
mod status;
mod termination;
mod validate;
mod volumes;
mod waiting;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod plan_properties;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod snapshots;

pub use agent::TOKEN_KEY;
pub use observed::{ObservedTask, Warning};
pub use plan::{invalid, is_finished, plan};
pub use validate::{InvalidTask, Policy, ValidTask, validate};
