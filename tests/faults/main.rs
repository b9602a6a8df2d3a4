//! Machines, and what runs on them, die under running tasks. On a cluster of its own with four nodes; run by `make test`
//! after everything else.
//!
//! Each test breaks a node, which it has alone meanwhile; its task has one node there and one on `node-0`, which stays whole.

mod dns;
mod machine;
mod pair;
