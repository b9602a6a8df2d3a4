//! What the operator counts. All labels come from closed sets.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// Labels of a pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PassLabels {
    /// `SkyTask` or `SkyVolume`.
    pub(crate) kind: &'static str,
    /// `settled`, `changed`, or the class of the error.
    pub(crate) outcome: &'static str,
}

/// Labels of a write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WriteLabels {
    /// Resource written, such as `jobs`.
    pub(crate) resource: &'static str,
}

/// Labels of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WatchLabels {
    /// Resource watched.
    pub(crate) resource: &'static str,
}

/// The metrics of one process.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    passes: Family<PassLabels, Counter>,
    seconds: Family<PassLabels, Histogram>,
    writes: Family<WriteLabels, Counter>,
    watch_errors: Family<WatchLabels, Counter>,
    unreadable: Family<WatchLabels, Counter>,
}

impl Metrics {
    /// Registers all of them.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        // A pass without writes takes tens of microseconds, one that creates a thousand Jobs some seconds.
        let histogram = || Histogram::new(exponential_buckets(0.000_05, 4.0, 10));
        let metrics = Self {
            passes: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            writes: Family::default(),
            watch_errors: Family::default(),
            unreadable: Family::default(),
        };
        let sky = registry.sub_registry_with_prefix("sky_operator");
        sky.register("passes", "Reconcile passes by outcome; alert on a rate of bug", metrics.passes.clone());
        sky.register_with_unit("pass", "Duration of a reconcile pass", Unit::Seconds, metrics.seconds.clone());
        sky.register("writes", "Writes to the API server; none at rest", metrics.writes.clone());
        sky.register("watch_errors", "Broken watches; each is opened again", metrics.watch_errors.clone());
        sky.register(
            "unreadable_objects",
            "Objects that could not be read and are ignored",
            metrics.unreadable.clone(),
        );
        metrics
    }

    /// A pass has ended.
    pub(crate) fn passed(&self, kind: &'static str, outcome: &'static str, seconds: f64) {
        let labels = PassLabels { kind, outcome };
        self.passes.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(seconds);
    }

    /// A write was sent.
    pub(crate) fn wrote(&self, resource: &'static str) {
        self.writes.get_or_create(&WriteLabels { resource }).inc();
    }

    /// A watch broke.
    pub(crate) fn watch_broke(&self, resource: &'static str) {
        self.watch_errors.get_or_create(&WatchLabels { resource }).inc();
    }

    /// An object could not be read.
    pub(crate) fn could_not_read(&self, resource: &'static str) {
        self.unreadable.get_or_create(&WatchLabels { resource }).inc();
    }

    /// How many objects of a resource could not be read.
    #[cfg(test)]
    pub(crate) fn unreadable(&self, resource: &'static str) -> u64 {
        self.unreadable.get_or_create(&WatchLabels { resource }).get()
    }
}
