//! What the admin port shows of the gateway.

use std::sync::Arc;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{logs::slots::Slots, store::Store};

/// Labels of a request: a closed set, whatever strangers ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Method, `other` for those that no route has.
    pub method: &'static str,
    /// Pattern of the route, `none` without one.
    pub route: String,
    /// Status.
    pub status: u16,
}

/// Labels of a latency.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// Pattern of the route.
    pub route: String,
}

/// The gateway's own counters.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

/// From a millisecond to four seconds: a cached list takes one, a write to a busy cluster hundreds.
fn buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 13))
}

impl Metrics {
    /// New counters, registered.
    pub fn register(registry: &mut Registry) -> Self {
        let new: fn() -> Histogram = buckets;
        let metrics = Self { requests: Family::default(), latency: Family::new_with_constructor(new) };
        registry.register("requests", "Requests answered", metrics.requests.clone());
        let help = "Time until the answer's head";
        registry.register_with_unit("request_duration", help, Unit::Seconds, metrics.latency.clone());
        metrics
    }

    /// A request has been answered after so many seconds.
    pub fn observe(&self, labels: &RequestLabels, seconds: f64) {
        self.latency.get_or_create(&RouteLabels { route: labels.route.clone() }).observe(seconds);
        self.requests.get_or_create(labels).inc();
    }
}

/// Sizes that are read when they are asked for.
#[derive(Debug)]
pub struct Sizes {
    /// Whose caches.
    pub store: Store,
    /// Whose open streams.
    pub slots: Slots,
}

#[derive(Debug, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

impl Collector for Sizes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let streams = ConstGauge::new(i64::try_from(self.slots.open()).unwrap_or(i64::MAX));
        let descriptor = encoder.encode_descriptor("log_streams", "Open log streams", None, streams.metric_type())?;
        streams.encode(descriptor)?;
        let tasks = self.store.tasks.cache();
        let sizes = [("SkyTask", tasks.len()), ("SkyVolume", self.store.volumes.cache().len())];
        let help = "Objects in the cache";
        let mut family = encoder.encode_descriptor("cached_objects", help, None, streams.metric_type())?;
        for (kind, size) in sizes {
            let size = ConstGauge::new(i64::try_from(size).unwrap_or(i64::MAX));
            size.encode(family.encode_family(&KindLabel { kind })?)?;
        }
        Ok(())
    }
}

/// Registers everything the gateway shows.
pub fn register(store: &Store, slots: &Slots) -> (Metrics, Arc<Registry>) {
    let mut registry = Registry::with_prefix("sky_gateway");
    let metrics = Metrics::register(&mut registry);
    registry.register_collector(Box::new(Sizes { store: store.clone(), slots: slots.clone() }));
    (metrics, Arc::new(registry))
}
