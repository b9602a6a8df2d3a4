//! What setup and run find in their environment: `docs/environment.md` is this file for users.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector, SecretEnvSource, SecretKeySelector,
};
use serde_json::json;
use sky_crd::task::{EnvFrom, SecretEnv};

use super::{ValidTask, agent, literal::literal, resources::Placement};

/// torch's default rendezvous port.
const MASTER_PORT: &str = "29500";

/// All variables of node `index`. The user's `secrets` win over `envs` (SkyPilot). Ours win over both, since scripts of others
/// rely on them, except for where rank 0 is to be found.
pub(super) fn variables(task: &ValidTask, placement: &Placement, index: u32, attempt: u32) -> Vec<EnvVar> {
    let mut all = BTreeMap::new();
    let mut add = |variable: EnvVar| drop(all.insert(variable.name.clone(), variable));
    if placement.hides_devices() {
        add(set("NVIDIA_VISIBLE_DEVICES", "none"));
    }
    if task.nodes > 1 {
        add(set("MASTER_ADDR", task.names.address(0)));
        add(set("MASTER_PORT", MASTER_PORT));
    }
    of_user(task).into_values().for_each(&mut add);
    of_task(task, placement, index).into_iter().for_each(&mut add);
    of_node(task).into_iter().for_each(&mut add);
    all.into_values().chain(agent::environment(task, index, attempt)).collect()
}

/// What the user names one by one.
pub(super) fn of_user(task: &ValidTask) -> BTreeMap<String, EnvVar> {
    let envs = task.spec.envs.iter().map(|(name, value)| set(name, value));
    let all = envs.chain(task.spec.secrets.iter().map(of_secret));
    all.map(|variable| (variable.name.clone(), variable)).collect()
}

/// Whole Secrets and ConfigMaps. What is named one by one wins over them.
pub(super) fn sources(task: &ValidTask) -> Option<Vec<EnvFromSource>> {
    let source = |from: &EnvFrom| EnvFromSource {
        prefix: from.prefix.clone(),
        secret_ref: from.secret_name.clone().map(|name| SecretEnvSource { name, optional: None }),
        config_map_ref: from.config_map_name.clone().map(|name| ConfigMapEnvSource { name, optional: None }),
    };
    (!task.spec.env_from.is_empty()).then(|| task.spec.env_from.iter().map(source).collect())
}

/// The specification's names and SkyPilot's, which has others for setup.
fn of_task(task: &ValidTask, placement: &Placement, index: u32) -> Vec<EnvVar> {
    let (rank, nodes, gpus) = (index.to_string(), task.nodes.to_string(), placement.want.devices().to_string());
    // SkyPilot calls the context of its own cluster so.
    let cluster = json!({
        "cluster_name": task.owner.reference.name, "cloud": "Kubernetes", "region": "in-cluster", "zone": null,
    });
    let mut ours = vec![
        set("NODE_RANK", &rank),
        set("NUM_NODES", &nodes),
        set("SKYPILOT_CLUSTER_INFO", cluster.to_string()),
        set("SKYPILOT_NODE_RANK", &rank),
        set("SKYPILOT_NUM_GPUS_PER_NODE", &gpus),
        set("SKYPILOT_NUM_NODES", &nodes),
        set("SKYPILOT_TASK_ID", task.id.to_string()),
        set("SKYPILOT_USER", task.user.as_str()),
    ];
    if has_setup(task) {
        ours.extend([set("SKYPILOT_SETUP_NODE_RANK", &rank), set("SKYPILOT_SETUP_NUM_GPUS_PER_NODE", &gpus)]);
    }
    ours
}

/// The address of the one node. Those of several are known only to their agents.
fn of_node(task: &ValidTask) -> Vec<EnvVar> {
    if agent::is_needed(task) {
        return Vec::new();
    }
    let mut ours = vec![of_pod("SKYPILOT_NODE_IPS", "status.podIP")];
    if has_setup(task) {
        ours.push(of_pod("SKYPILOT_SETUP_NODE_IPS", "status.podIP"));
    }
    if !task.spec.env_from.is_empty() {
        // What is in there is not known, and must not be taken for an agent.
        ours.push(set("SKY_AGENT", ""));
    }
    ours
}

fn has_setup(task: &ValidTask) -> bool {
    task.spec.setup.as_ref().is_some_and(|setup| !setup.is_empty())
}

/// A variable with this very value.
pub(super) fn set(name: &str, value: impl AsRef<str>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(literal(value.as_ref())), value_from: None }
}

/// A variable whose value only the kubelet knows.
pub(super) fn of_pod(name: &str, field: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: field.to_owned(), api_version: None };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

fn of_secret(secret: &SecretEnv) -> EnvVar {
    let key = SecretKeySelector { name: secret.secret_name.clone(), key: secret.key.clone(), optional: None };
    let source = EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() };
    EnvVar { name: secret.name.clone(), value: None, value_from: Some(source) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::Write,
        task::{
            ObservedTask,
            fixture::{at, task, valid},
            plan,
        },
    };

    #[test]
    fn who_wins() {
        let mut task = task(2);
        task.spec = serde_json::from_value(json!({
            "user": "ann", "run": "x", "numNodes": 2,
            "envs": {"A": "env", "B": "env", "MASTER_ADDR": "mine", "NODE_RANK": "9", "SKYPILOT_USER": "eve"},
            "secrets": [{"name": "A", "secretName": "s", "key": "k"}, {"name": "NUM_NODES", "secretName": "s", "key": "k"}],
        }))
        .unwrap();
        let writes = plan(&valid(&task), &ObservedTask::default(), at(0)).writes;
        let Some(Write::CreateJob(job)) = writes.into_iter().next_back() else {
            panic!("the Job of node 1 is the last")
        };
        let all = job.spec.unwrap().template.spec.unwrap().containers.remove(0).env.unwrap();
        let value = |name: &str| {
            let found: Vec<_> = all.iter().filter(|variable| variable.name == name).collect();
            assert_eq!(found.len(), 1, "{name}");
            found[0].value.as_deref()
        };
        assert_eq!((value("A"), value("B")), (None, Some("env")));
        assert_eq!((value("NODE_RANK"), value("NUM_NODES")), (Some("1"), Some("2")));
        assert_eq!((value("MASTER_ADDR"), value("SKYPILOT_USER")), (Some("mine"), Some("ann")));
    }
}
