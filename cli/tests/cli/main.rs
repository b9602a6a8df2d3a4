//! The program as its users call it: words, data and exit codes, against a gateway with canned answers.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod address;
mod apply;
mod changes;
mod complete;
mod data;
mod files;
mod follow;
mod gateway;
mod logs;
mod plan;
mod program;
mod screen;
mod speed;
mod terminal;
mod watch;
mod words;
