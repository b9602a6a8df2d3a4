//! The REST API: HTTP to wire types to resources and back.

fn main() {}
