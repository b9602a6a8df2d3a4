//! The verdict of kstatus, by which Flux, Helm and others decide whether an applied object is done.
//!
//! The rules are those of its documentation for kinds that it does not know (sigs.k8s.io/cli-utils, pkg/kstatus); the long
//! tests ask kstatus itself about the same objects.

use serde_json::Value;

/// What kstatus calls the state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On its way.
    InProgress,
    /// As it was asked to be.
    Current,
    /// Not going to be.
    Failed,
    /// Being deleted.
    Terminating,
}

/// The verdict on an object as the API server has it.
pub fn verdict(object: &Value) -> Verdict {
    let (metadata, status) = (&object["metadata"], &object["status"]);
    if !metadata["deletionTimestamp"].is_null() {
        return Verdict::Terminating;
    }
    if !status["observedGeneration"].is_null() && status["observedGeneration"] != metadata["generation"] {
        return Verdict::InProgress;
    }
    let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let first =
        conditions.iter().find_map(|condition| match (condition["type"].as_str()?, condition["status"].as_str()?) {
            ("Reconciling", "True") => Some(Verdict::InProgress),
            ("Stalled", "True") => Some(Verdict::Failed),
            _ => None,
        });
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    let by_ready = || match ready {
        Some(condition) if condition["status"] != "True" => Verdict::InProgress,
        _ => Verdict::Current,
    };
    first.unwrap_or_else(by_ready)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::*;

    /// Objects recorded from a cluster, and what kstatus must say of each.
    #[test]
    fn every_recorded_object_has_the_verdict_that_gitops_needs() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("gitops");
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it is there");
        let verdicts: BTreeMap<String, Value> = serde_json::from_str(&read("verdicts.json")).expect("JSON");
        assert_eq!(verdicts.len(), fs::read_dir(folder.join("objects")).expect("a folder").count());
        for (name, expected) in verdicts {
            let object: Value = serde_json::from_str(&read(&format!("objects/{name}.json"))).expect("JSON");
            assert_eq!(format!("{:?}", verdict(&object)), expected["kstatus"], "{name}");
        }
    }
}
