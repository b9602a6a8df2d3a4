//! What waits or fails says why, in words that somebody can act on: every failure of a list that users meet, seeded, and
//! told by status, Events, REST API, command line and kubectl. Machines that are lost are in `tests/faults/`.

mod elsewhere;
mod placing;
mod refused;
mod running;
mod stand_ins;

use serde_json::{Value, json};
use sky_tests::{
    explained::{Case, Witness},
    space::Space,
};

/// Creates the tasks together, then hears everybody about each.
async fn explain(space: &Space, witness: &Witness, seeds: Vec<(Case, Value)>) {
    for (case, spec) in &seeds {
        space.task(case.name, spec.clone()).await;
    }
    for (case, _) in &seeds {
        witness.check(space, case).await;
    }
}

fn with(resources: &Value) -> Value {
    json!({"run": "true", "resources": resources})
}
