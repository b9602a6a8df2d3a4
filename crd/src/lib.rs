//! The resources `SkyTask` and `SkyVolume`, their names, labels and quantities, and the wire types of the REST API.
//!
//! Everything here is pure: no IO, no clock, no randomness. Operator, gateway and command line share it, so that a
//! name, a label or a default is decided in one place.

pub mod accelerator;
pub mod api;
pub mod bounds;
pub mod brief;
pub mod condition;
pub mod git;
pub mod label;
pub mod name;
pub mod quantity;
pub mod reference;
pub mod schema;
pub mod task;
mod task_id;
mod user;
pub mod volume;

pub use task_id::{InvalidTaskId, TaskId};
pub use user::{InvalidUser, User};

/// API group of both kinds.
pub const GROUP: &str = "skytask.dev";
/// The one served and stored version. Shapes only grow, therefore there is never a conversion.
pub const VERSION: &str = "v1alpha1";
/// Field manager of every write of the operator.
pub const FIELD_MANAGER: &str = "sky-operator";
/// The specification's default container image.
pub const DEFAULT_IMAGE: &str = "python:3.13-slim";
/// The default image by which repositories are checked out: git and a shell, for every architecture.
pub const GIT_IMAGE: &str = "docker.io/alpine/git:2.49.1";

/// First eight lower-case hex digits of a SHA-256: the short stable hash of names and ids.
pub fn short_hash(text: &str) -> String {
    hex_prefix(text, 8)
}

/// First `digits` lower-case hex digits of the SHA-256 of `text`.
pub(crate) fn hex_prefix(text: &str, digits: usize) -> String {
    use sha2::{Digest, Sha256};
    let nibbles = |byte: &u8| [byte >> 4, byte & 15];
    let digit = |nibble| char::from_digit(u32::from(nibble), 16);
    Sha256::digest(text.as_bytes()).iter().flat_map(nibbles).filter_map(digit).take(digits).collect()
}
