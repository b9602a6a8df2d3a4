//! What a task asks for, in each of its alternatives: texts turned into amounts.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sky_crd::{
    accelerator::Accelerator,
    quantity::{Amount, InvalidAmount, int_or_string_text},
    task::{Alternative, Resources},
};

/// SkyPilot's size of a disk when none is given: giving it is the same as giving none.
const DEFAULT_DISK: &str = "256";
/// More is a mistake, and each costs a look at every machine.
const MAX_WANTS: usize = 256;

/// One alternative: what each node asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Want {
    /// Cores.
    pub cpus: Option<Amount>,
    /// Memory.
    pub memory: Option<Amount>,
    /// Disk.
    pub disk: Option<Amount>,
    /// Devices.
    pub accelerator: Option<Accelerator>,
    /// Type of machine.
    pub instance_type: Option<String>,
    /// Whether spot machines are asked for.
    pub spot: bool,
    /// Container image, if one is named.
    pub image: Option<String>,
    /// Labels of the pods beyond the task's.
    pub labels: BTreeMap<String, String>,
}

/// What cannot be read of the resources. The sentences go to the user as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResources {
    /// Cores, memory or disk.
    #[error("spec.resources{at}.{field}: {error}")]
    Amount {
        /// Which alternative, as part of a path; empty for the task's own fields.
        at: String,
        /// Which field.
        field: &'static str,
        /// What is wrong.
        error: InvalidAmount,
    },
    /// Devices by memory from somebody who makes none.
    #[error("spec.resources.accelerators: `{0}` makes no GPUs that are known here: write `nvidia` or `amd`")]
    Vendor(String),
    /// The product of alternatives and their accelerators.
    #[error("spec.resources: {0} alternatives are too many: at most {MAX_WANTS}")]
    TooMany(usize),
}

/// All alternatives in order of preference; at least one. Each accelerator of an alternative is one of its own.
///
/// # Errors
/// The first text that means nothing.
pub fn wants(resources: &Resources) -> Result<Vec<Want>, InvalidResources> {
    let own = [Alternative::default()];
    let alternatives = if resources.alternatives.is_empty() { own.as_slice() } else { &resources.alternatives };
    let mut all = Vec::new();
    for (index, alternative) in alternatives.iter().enumerate() {
        let at = if resources.alternatives.is_empty() { String::new() } else { format!(".alternatives[{index}]") };
        let one = resources.with(alternative);
        let want = Want {
            cpus: amount(&at, "cpus", one.cpus.as_ref(), Amount::cpus)?,
            memory: amount(&at, "memory", one.memory.as_ref(), Amount::memory)?,
            disk: amount(&at, "diskSize", one.disk_size.as_ref().filter(|size| !is_default(size)), Amount::memory)?,
            accelerator: None,
            instance_type: one.instance_type.clone(),
            spot: one.use_spot == Some(true),
            image: one.image_id.clone(),
            labels: alternative.labels.clone(),
        };
        for accelerator in &one.accelerators {
            check_vendor(accelerator)?;
            all.push(Want { accelerator: Some(accelerator.clone()), ..want.clone() });
        }
        if one.accelerators.is_empty() {
            all.push(want);
        }
    }
    if all.len() > MAX_WANTS { Err(InvalidResources::TooMany(all.len())) } else { Ok(all) }
}

fn amount(
    at: &str,
    field: &'static str,
    value: Option<&IntOrString>,
    read: fn(&str) -> Result<Amount, InvalidAmount>,
) -> Result<Option<Amount>, InvalidResources> {
    let refuse = |error| InvalidResources::Amount { at: at.to_owned(), field, error };
    value.map(|value| read(&int_or_string_text(value))).transpose().map_err(refuse)
}

fn is_default(size: &IntOrString) -> bool {
    int_or_string_text(size).trim() == DEFAULT_DISK
}

fn check_vendor(accelerator: &Accelerator) -> Result<(), InvalidResources> {
    match accelerator.vendor.as_deref() {
        None | Some("nvidia" | "amd") => Ok(()),
        Some(other) => Err(InvalidResources::Vendor(other.to_owned())),
    }
}

impl Want {
    /// Devices per node.
    pub fn devices(&self) -> u32 {
        self.accelerator.as_ref().map_or(0, |accelerator| accelerator.count)
    }

    /// In one line: `H100:8, 4 cpus, 16G memory, spot`.
    pub fn summary(&self) -> String {
        let with = |amount: &Option<Amount>, what: &str| amount.as_ref().map(|amount| format!("{amount} {what}"));
        let parts = [
            self.accelerator.as_ref().map(ToString::to_string),
            with(&self.cpus, "cpus"),
            with(&self.memory, "memory"),
            with(&self.disk, "disk"),
            self.instance_type.clone(),
            self.spot.then(|| "spot".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "nothing in particular".to_owned() } else { parts.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(resources: Value) -> Result<Vec<Want>, InvalidResources> {
        wants(&serde_json::from_value(resources).unwrap())
    }

    fn summaries(resources: Value) -> Vec<String> {
        read(resources).unwrap().iter().map(Want::summary).collect()
    }

    #[test]
    fn every_accelerator_of_every_alternative() {
        assert_eq!(summaries(json!({})), ["nothing in particular"]);
        assert_eq!(summaries(json!({"cpus": 4, "memory": 16, "diskSize": 256})), ["4 cpus, 16G memory"]);
        assert_eq!(summaries(json!({"diskSize": 100, "useSpot": true})), ["100G disk, spot"]);
        let several = json!({
            "cpus": "500m", "accelerators": [{"name": "H100", "count": 8}],
            "alternatives": [
                {},
                {"cpus": 2, "accelerators": [{"count": 1}, {"memory": "40GB+", "count": 2}]},
                {"instanceType": "m5.large", "useSpot": true},
            ],
        });
        let expected = ["H100:8, 500m cpus", "1, 2 cpus", "40GB+:2, 2 cpus", "H100:8, 500m cpus, m5.large, spot"];
        assert_eq!(summaries(several), expected);
    }

    #[test]
    fn refusals_name_their_field() {
        for (resources, field) in [
            (json!({"cpus": "many"}), "spec.resources.cpus: "),
            (json!({"diskSize": "big"}), "spec.resources.diskSize: "),
            (json!({"alternatives": [{}, {"memory": "x"}]}), "spec.resources.alternatives[1].memory: "),
            (
                json!({"accelerators": [{"memory": "1GB", "vendor": "acme", "count": 1}]}),
                "spec.resources.accelerators: ",
            ),
        ] {
            let error = read(resources).unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
