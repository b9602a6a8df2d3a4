//! What the nodes of one task agree on, from inside their pods. `PROTOCOL.md` is the description.

pub mod node;
