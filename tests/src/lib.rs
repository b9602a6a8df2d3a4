//! The tests against a real cluster.
