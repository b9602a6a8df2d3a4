//! What a node needs, on the wire.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Serialize};

use super::{InvalidField, RecoveryRequest};
use crate::{
    accelerator::Accelerator,
    label,
    quantity::{Amount, InvalidAmount},
    task::{Alternative, Resources},
};

/// What every node needs, on the wire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourcesRequest {
    /// Where: `kubernetes`, `kubernetes/{context}`, `*`; of other clouds only in an alternative, which then does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra: Option<String>,
    /// Cores: `4`, `500m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// Memory: `8Gi`; a plain number counts as gigabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// GPUs: `1`, `H100:8`; several alternatives separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerators: Option<String>,
    /// Type of machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Spot machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_spot: Option<bool>,
    /// That, and how often, the task is started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_recovery: Option<RecoveryRequest>,
    /// Disk size in gigabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_size: Option<i64>,
    /// Ports that rank 0 serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<i64>,
    /// Container image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Labels of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Rank among tasks, from -1000 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Priority class of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class: Option<String>,
    /// Alternatives, each over the fields above: any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<ResourcesRequest>,
    /// Alternatives, each over the fields above: the first that can be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ordered: Vec<ResourcesRequest>,
}

impl ResourcesRequest {
    /// What the resource says. Labels, priorities and recovery have places of their own there.
    ///
    /// # Errors
    /// [`InvalidField`] for the first field whose text means nothing to Kubernetes.
    pub(super) fn to_resources(&self) -> Result<Resources, InvalidField> {
        let (name, entries) = self.entries()?;
        let fields = Reader { at: vec!["resources".to_owned()], from: self };
        let mut alternatives = Vec::new();
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.is_here(self)) {
            let at = ["resources", name, &index.to_string()].map(str::to_owned).to_vec();
            alternatives.push(Reader { at, from: entry }.alternative()?);
        }
        let elsewhere = if entries.is_empty() { !self.is_here(self) } else { alternatives.is_empty() };
        if elsewhere {
            let message = "other clouds are not supported: leave it out, or write `kubernetes`";
            return Err(fields.refuse("infra", &message));
        }
        let base = fields.alternative()?;
        Ok(Resources {
            cpus: base.cpus,
            memory: base.memory,
            accelerators: base.accelerators,
            instance_type: base.instance_type,
            use_spot: base.use_spot,
            disk_size: base.disk_size,
            ports: self.ports.iter().map(|port| IntOrString::String(port.to_string())).collect(),
            image_id: base.image_id,
            alternatives,
        })
    }

    /// When the task is started again, whichever alternative it has: what all of them say, each by itself or by what is
    /// around it.
    ///
    /// # Errors
    /// [`InvalidField`] where they differ, as for a task file.
    pub(super) fn recovery(&self) -> Result<Option<&RecoveryRequest>, InvalidField> {
        let (name, entries) = self.entries()?;
        let own = self.job_recovery.as_ref();
        let here = entries.iter().enumerate().filter(|(_, entry)| entry.is_here(self));
        let mut all = here.map(|(index, entry)| (index, entry.job_recovery.as_ref().or(own)));
        let first = all.next().map_or(own, |(_, recovery)| recovery);
        match all.find(|(_, recovery)| *recovery != first) {
            Some((index, _)) => {
                let message = "must be the same in all alternatives: it is the task's";
                Err(InvalidField::new(&["resources", name, &index.to_string(), "job_recovery"], &message))
            }
            None => Ok(first),
        }
    }

    /// The alternatives, and the field that they are in.
    fn entries(&self) -> Result<(&'static str, &[Self]), InvalidField> {
        match (self.any_of.as_slice(), self.ordered.as_slice()) {
            ([], entries) => Ok(("ordered", entries)),
            (entries, []) => Ok(("any_of", entries)),
            _ => Err(InvalidField::new(&["resources", "ordered"], &"does not go together with `any_of`")),
        }
    }

    /// Whether this may be in a Kubernetes cluster.
    fn is_here(&self, around: &Self) -> bool {
        let cloud = self.infra.as_deref().or(around.infra.as_deref()).map(|infra| infra.split('/').next());
        let cloud = cloud.flatten().unwrap_or_default().trim().to_ascii_lowercase();
        matches!(cloud.as_str(), "" | "*" | "k8s" | "kubernetes")
    }
}

/// One set of fields, and the way to it in the body.
struct Reader<'a> {
    at: Vec<String>,
    from: &'a ResourcesRequest,
}

impl Reader<'_> {
    fn refuse(&self, field: &str, message: &dyn ToString) -> InvalidField {
        let path: Vec<&str> = self.at.iter().map(String::as_str).chain([field]).collect();
        InvalidField::new(&path, message)
    }

    fn amount(
        &self,
        field: &str,
        text: Option<&String>,
        read: fn(&str) -> Result<Amount, InvalidAmount>,
    ) -> Result<Option<IntOrString>, InvalidField> {
        let amount = |text: &String| read(text).map(|amount| IntOrString::String(amount.to_string()));
        text.map(amount).transpose().map_err(|error| self.refuse(field, &error))
    }

    fn accelerators(&self) -> Result<Vec<Accelerator>, InvalidField> {
        let text = self.from.accelerators.iter().filter(|text| !text.is_empty());
        let all = text.flat_map(|text| text.split(',')).map(str::parse::<Accelerator>);
        all.collect::<Result<_, _>>().map_err(|error| self.refuse("accelerators", &error))
    }

    fn labels(&self) -> Result<BTreeMap<String, String>, InvalidField> {
        match self.from.labels.keys().find(|key| label::is_reserved(key)) {
            Some(key) => {
                Err(self.refuse("labels", &format!("`{key}` is reserved for the product or a queueing system")))
            }
            None => Ok(self.from.labels.clone()),
        }
    }

    fn alternative(&self) -> Result<Alternative, InvalidField> {
        let one = self.from;
        Ok(Alternative {
            cpus: self.amount("cpus", one.cpus.as_ref(), Amount::cpus)?,
            memory: self.amount("memory", one.memory.as_ref(), Amount::memory)?,
            accelerators: self.accelerators()?,
            instance_type: one.instance_type.clone().filter(|text| !text.is_empty()),
            use_spot: one.use_spot,
            disk_size: one.disk_size.map(|gigabytes| IntOrString::String(gigabytes.to_string())),
            // SkyPilot's prefix for container images; it is not part of the name.
            image_id: one.image_id.as_ref().map(|image| image.trim_start_matches("docker:").to_owned()),
            labels: self.labels()?,
        })
        .map(|one| Alternative { image_id: one.image_id.filter(|image| !image.is_empty()), ..one })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn resources(body: Value) -> Result<Resources, InvalidField> {
        serde_json::from_value::<ResourcesRequest>(body).unwrap().to_resources()
    }

    #[test]
    fn alternatives_of_both_kinds() {
        for name in ["any_of", "ordered"] {
            let read = resources(json!({
                "cpus": "4", "infra": "k8s/context",
                name: [
                    {"accelerators": "H100:8", "use_spot": true},
                    {"infra": "aws/us-east-1", "accelerators": "A100:8"},
                    {"accelerators": "40GB+:2,L4", "memory": "64", "labels": {"team": "x"}, "image_id": "docker:img"},
                ],
            }))
            .unwrap();
            assert_eq!(read.cpus, Some(IntOrString::String("4".to_owned())));
            let names = |one: &Alternative| one.accelerators.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(
                read.alternatives.iter().map(names).collect::<Vec<_>>(),
                [vec!["H100:8"], vec!["40GB+:2", "L4:1"]]
            );
            let second = read.with(&read.alternatives[1]);
            assert_eq!((second.cpus.is_some(), second.image_id.as_deref()), (true, Some("img")));
        }
    }

    #[test]
    fn recovery_is_one_for_all_alternatives() {
        for (body, found) in [
            (json!({"job_recovery": {"strategy": "a"}, "any_of": [{"cpus": "1"}, {"cpus": "2"}]}), Ok(Some("a"))),
            (json!({"any_of": [{"job_recovery": {"strategy": "a"}}]}), Ok(Some("a"))),
            (
                json!({"ordered": [{"job_recovery": {"strategy": "a"}}, {"job_recovery": {"strategy": "a"}, "cpus": "1"}]}),
                Ok(Some("a")),
            ),
            // One that this cluster cannot have does not count.
            (json!({"any_of": [{"job_recovery": {"strategy": "a"}}, {"infra": "aws"}]}), Ok(Some("a"))),
            (json!({"any_of": [{"cpus": "1"}]}), Ok(None)),
            (
                json!({"any_of": [{"job_recovery": {"strategy": "a"}}, {"cpus": "2"}]}),
                Err("resources.any_of.1.job_recovery"),
            ),
            (
                json!({"job_recovery": {"strategy": "b"}, "ordered": [{"cpus": "2"}, {"job_recovery": {"strategy": "a"}}]}),
                Err("resources.ordered.1.job_recovery"),
            ),
        ] {
            let request: ResourcesRequest = serde_json::from_value(body.clone()).unwrap();
            let read = request.recovery().map(|recovery| recovery.and_then(|one| one.strategy.clone()));
            let read = read.map_err(|error| error.path.join("."));
            assert_eq!(read, found.map(|name| name.map(str::to_owned)).map_err(str::to_owned), "{body}");
        }
    }

    #[test]
    fn refusals_name_the_field() {
        for (body, field) in [
            (json!({"infra": "aws"}), "resources.infra"),
            (json!({"infra": "gcp/*/zone", "any_of": [{"cpus": "1"}]}), "resources.infra"),
            (json!({"any_of": [{"cpus": "1"}, {"cpus": "x"}]}), "resources.any_of.1.cpus"),
            (json!({"any_of": [{"cpus": "1"}], "ordered": [{"cpus": "1"}]}), "resources.ordered"),
            (json!({"labels": {"kueue.x-k8s.io/queue-name": "q"}}), "resources.labels"),
        ] {
            assert_eq!(resources(body).unwrap_err().path.join("."), field);
        }
        for here in ["k8s", "Kubernetes", "*", "*/region", "kubernetes/a/b:c", ""] {
            assert!(resources(json!({ "infra": here })).is_ok(), "{here}");
        }
    }
}
