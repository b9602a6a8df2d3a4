//! One file per part of the API. Handlers are thin: input, store, answer.
//!
//! Summaries, ids and descriptions are the original's, so that clients made from its document fit ours.

pub mod health;
pub mod logs;
pub mod task;
pub mod volume;
