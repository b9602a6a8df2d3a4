//! Documents become tasks: the schema, field by field.

mod accelerators;
mod alternatives;
mod amounts;
pub(crate) mod documents;
mod envs;
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
