//! Tasks of several nodes: what their scripts may rely on, and what becomes of all when one fails.

mod blows;
mod contract;
mod failures;
mod hold;
mod stranger;
mod waits;
