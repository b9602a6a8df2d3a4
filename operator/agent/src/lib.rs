//! What the nodes of one task agree on, from inside their pods. `PROTOCOL.md` is the description.
//!
//! What is decided (`node`), said (`wire`, `handshake`, `dns`) and reported has no IO. Around it: connections (`links`),
//! lookups, the entry script's commands (`local`), and the loop over all of them (`serve`).

pub mod command;
pub mod config;
mod connection;
pub mod dns;
pub mod error;
mod gate;
pub mod handshake;
mod lines;
mod links;
mod local;
mod lookup;
pub mod node;
mod random;
mod report;
pub mod resolv;
pub mod secret;
mod serve;
pub mod wire;
