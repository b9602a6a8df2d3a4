//! What the handlers share.

use std::{fmt, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use sky_crd::TaskId;

use crate::{logs::slots::Slots, metrics::Metrics, store::Store};

/// Log streams that one user may have open at a time.
pub const STREAMS_PER_USER: usize = 64;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Tasks and volumes.
    pub store: Store,
    /// Open log streams.
    pub slots: Slots,
    /// Counters.
    pub metrics: Metrics,
    /// Random bits for ids.
    pub random: Arc<dyn Fn() -> u32 + Send + Sync>,
    /// The time of day.
    pub clock: fn() -> Timestamp,
}

impl App {
    /// A fresh id.
    pub fn fresh_id(&self) -> TaskId {
        TaskId::from_bits((self.random)())
    }
}

impl fmt::Debug for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("App").field("store", &self.store).finish_non_exhaustive()
    }
}
