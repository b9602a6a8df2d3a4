//! What to do for a SkyTask or SkyVolume, decided without any IO.
//!
//! One reconcile is observe → validate → [`plan`](task::plan()) → apply → status. The shell around this crate does the
//! first and the last two; everything that is a decision is here, a pure function of its arguments: the clock and the
//! randomness are arguments too.

pub mod backoff;
pub mod class;
pub mod lease;
pub mod owner;
pub mod plan;
pub mod settle;
pub mod task;
pub mod volume;
