//! Real agents under the real entry script: what a task of several nodes can rely on.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]
#![allow(clippy::print_stdout, reason = "output of a test that ran in another process; measurements")]

#[path = "task/dns.rs"]
mod dns;
#[path = "task/hostile.rs"]
mod hostile;
#[path = "task/together.rs"]
mod together;
#[path = "task/trouble.rs"]
mod trouble;
#[path = "task/world.rs"]
mod world;
