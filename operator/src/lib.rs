//! The controller: watches SkyTasks and SkyVolumes and makes them true.
//!
//! One pass is the same for both kinds ([`reconcile`]): observe, validate, plan, apply, record, tell. Everything that
//! decides is in `sky-operator-core`; this crate reads ([`scope`], [`watch`]) and writes ([`apply`], [`delete`],
//! [`record`], [`tell`]), each in one file.

mod apply;
mod args;
mod delete;
mod error;
mod exists;
mod fence;
mod index;
mod kinds;
mod lead;
mod machines;
mod memory;
mod metrics;
mod own_image;
mod reconcile;
mod record;
mod request;
mod run;
mod scope;
mod stores;
mod tell;
mod watch;

pub use args::{Args, ExposeArgs};
pub use own_image::UnknownImage;
pub use run::{RunError, run};
