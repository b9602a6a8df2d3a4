//! Documents become tasks: the schema, field by field.

mod accelerators;
mod alternatives;
mod amounts;
mod bucket;
mod config;
mod disks;
pub(crate) mod documents;
mod envs;
mod hooks;
mod infra;
mod json;
mod mounts;
mod policies;
mod resources;
mod serving;
pub(crate) mod substitute;
mod task;
pub(crate) mod volume;

pub(crate) use resources::virtual_machine;
