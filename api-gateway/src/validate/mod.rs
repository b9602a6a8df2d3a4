//! Request bodies and queries, checked as the original's FastAPI and pydantic check them.
//!
//! [`json`] reads the text, [`model`] holds one table per body and [`query`] one per query, [`check`] compares and gathers
//! every error at once, [`value`] is what is left, [`convert`] makes the wire type of it. A body that the original accepts is accepted with the same meaning; what it refuses
//! and SkyPilot gives a meaning is accepted too ([`model::Also`]); everything else is refused exactly as the original does.

pub mod also;
pub mod check;
pub mod convert;
pub mod entry;
pub mod json;
pub mod model;
pub mod query;
pub mod scalar;
pub mod since;
pub mod value;
