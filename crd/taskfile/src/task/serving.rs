//! Serving and pools: understood, so that a file can be checked; not run.

use serde_json::{Map, Value};

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// How it is found out that a replica works.
    pub readiness_probe: ReadinessProbe,
    /// How many replicas.
    pub replicas: Replicas,
    /// The pool that it is, if it is no service.
    pub pool: Option<Pool>,
    /// Everything else, as it is.
    pub rest: Map<String, Value>,
}

/// How it is found out that a replica works.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadinessProbe {
    /// Path of the request.
    pub path: String,
    /// Seconds before the first.
    pub initial_delay_seconds: f64,
    /// Seconds until an answer.
    pub timeout_seconds: f64,
    /// Body and headers, as they are.
    pub rest: Map<String, Value>,
}

/// How many replicas.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicas {
    /// At least.
    pub min: i64,
    /// At most.
    pub max: Option<i64>,
    /// Everything else of the policy, as it is.
    pub rest: Map<String, Value>,
}

/// A pool of workers.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its fields, as they are.
    pub fields: Map<String, Value>,
}
