//! `sky-agent`
fn main() {}
