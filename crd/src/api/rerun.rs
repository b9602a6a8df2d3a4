//! A task run again as another task.

use std::collections::BTreeMap;

use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};

use super::{Confidential, InvalidField, SecretValue, task};
use crate::{
    TaskId, User, name,
    task::{Expose, Lifecycle, SkyTask, SkyTaskSpec},
};

/// Body of `POST /tasks/{task_id}/rerun`: what differs from the task that is run again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RerunRequest {
    /// Name; default the old task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Number of nodes, 1 or more; default the old task's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_nodes: Option<u32>,
    /// Environment variables, beside the old task's and over them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub envs: BTreeMap<String, String>,
    /// Secrets: those of the old task must all be here again, since nothing of ours reads a Secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretValue>,
}

impl RerunRequest {
    /// The first field of a task that no body of the API can give it. To run such a task again, with variables of one's
    /// own, would lend its rights to whoever has only those of the API.
    pub fn beyond_the_api(old: &SkyTask) -> Option<&'static str> {
        let (spec, object) = (&old.spec, old.name_any());
        let values = name::values_secret(&object);
        let registry = name::registry_secret(&object);
        let fields = [
            ("secrets", spec.secrets.iter().any(|one| one.secret_name != values)),
            ("envFrom", !spec.env_from.is_empty()),
            ("imagePullSecrets", spec.image_pull_secrets.iter().any(|one| one.name != registry)),
            ("serviceAccountName", spec.service_account_name.is_some()),
            ("runtimeClassName", spec.runtime_class_name.is_some()),
            ("nodeSelector", !spec.node_selector.is_empty()),
            ("tolerations", !spec.tolerations.is_empty()),
            ("expose", spec.expose.as_ref().is_some_and(|expose| *expose != Expose::of(expose.kind))),
        ];
        fields.into_iter().find_map(|(field, is_used)| is_used.then_some(field))
    }

    /// What may not be in the new task itself.
    ///
    /// # Errors
    /// [`InvalidField`] when a secret of the old task is missing.
    pub fn confidential(&self, old: &SkyTask) -> Result<Confidential, InvalidField> {
        self.split(old).map(|(confidential, _)| confidential)
    }

    /// The task that runs again what `old` runs, with a fresh `id`, for the same `user` in the same namespace. It is not
    /// stopped and not suspended, whatever the old one is.
    ///
    /// # Errors
    /// [`InvalidField`] for the first field that cannot be.
    pub fn again(&self, old: &SkyTask, id: &TaskId, user: &User) -> Result<SkyTask, InvalidField> {
        let (confidential, envs) = self.split(old)?;
        let given = self.name.clone().filter(|name| !name.is_empty());
        let kept = Some(old.task_name()).filter(|name| *name != task::default_name(&old.task_id()));
        let name = task::check_name(given.or(kept).unwrap_or_else(|| task::default_name(id)))?;
        let mut spec = SkyTaskSpec {
            task_id: Some(id.to_string()),
            name: Some(name.clone()),
            user: user.to_string(),
            num_nodes: self.num_nodes.unwrap_or(old.spec.num_nodes),
            envs,
            image_pull_secrets: Vec::new(),
            lifecycle: Lifecycle { stop: false, suspend: false, run_token: None, ..old.spec.lifecycle.clone() },
            ..old.spec.clone()
        };
        confidential.refer(&name::object_name(&name, id), &mut spec);
        let metadata = task::metadata_of(id, &name, user, &old.namespace().unwrap_or_default());
        Ok(SkyTask { metadata, spec, status: None })
    }

    fn split(&self, old: &SkyTask) -> Result<(Confidential, BTreeMap<String, String>), InvalidField> {
        let needed = old.spec.secrets.iter().map(|secret| secret.name.as_str());
        let missing: Vec<_> = needed.filter(|name| !self.secrets.contains_key(*name)).collect();
        if !missing.is_empty() {
            let message = format!("give the value of {} again: no value of a secret is ever read", missing.join(", "));
            return Err(InvalidField::new(&["secrets"], &message));
        }
        let mut envs = old.spec.envs.clone();
        envs.extend(self.envs.clone());
        Ok((Confidential::new(self.secrets.clone(), &mut envs)?, envs))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::TaskRequest;

    fn user() -> User {
        "a@b".parse().unwrap()
    }

    fn submitted(body: Value) -> SkyTask {
        let request: TaskRequest = serde_json::from_value(body).unwrap();
        request.into_task(&TaskId::from_bits(1), &user(), "ns").unwrap()
    }

    fn again(old: &SkyTask, body: Value) -> Result<SkyTask, InvalidField> {
        serde_json::from_value::<RerunRequest>(body).unwrap().again(old, &TaskId::from_bits(2), &user())
    }

    #[test]
    fn the_same_under_another_id() {
        let body = json!({
            "name": "t", "num_nodes": 2, "workdir": "/w", "envs": {"A": "1", "B": "2"}, "setup": "s", "run": "r",
            "volumes": {"/d": "v"}, "resources": {"cpus": "4", "accelerators": "T4", "labels": {"team": "x"}},
            "config": {"kubernetes": {"pod_config": {"spec": {"priority": 1}}}},
        });
        let mut old = submitted(body.clone());
        old.spec.lifecycle = Lifecycle { stop: true, suspend: true, max_restarts: 3, ..Lifecycle::default() };
        old.spec.lifecycle.run_token = Some("x".to_owned());
        let mut new = again(&old, json!({})).unwrap();
        assert_eq!((new.name_any().as_str(), new.namespace().as_deref()), ("t-00000002", Some("ns")));
        assert_eq!(new.labels()[crate::label::TASK_ID], "00000002");
        assert_eq!(std::mem::take(&mut new.spec.lifecycle).max_restarts, 3);
        new.spec.task_id = Some("00000001".to_owned());
        assert_eq!(new.spec, submitted(body).spec);
    }

    #[test]
    fn what_is_said_wins() {
        let old = submitted(json!({"run": "r", "envs": {"A": "1", "B": "2"}}));
        let same = again(&old, json!({})).unwrap();
        assert_eq!(same.spec.name.as_deref(), Some("task-00000002"), "nobody named it");
        let body = json!({"name": "u", "num_nodes": 3, "envs": {"A": "new", "C": "3"}});
        let other = again(&old, body).unwrap().spec;
        assert_eq!((other.name.as_deref(), other.num_nodes), (Some("u"), 3));
        assert_eq!(json!(other.envs), json!({"A": "new", "B": "2", "C": "3"}));
        assert_eq!(again(&old, json!({"name": "x".repeat(254)})).unwrap_err().path, ["name"]);
    }

    #[test]
    fn secrets_must_be_given_again() {
        let registry = json!({"SKYPILOT_DOCKER_USERNAME": "ann", "SKYPILOT_DOCKER_SERVER": "registry.test",
                              "SKYPILOT_DOCKER_PASSWORD": "hunter2"});
        let old = submitted(json!({
            "run": "r", "envs": registry, "secrets": {"TOKEN": "hunter3"}, "resources": {"image_id": "team/image"},
        }));
        let error = again(&old, json!({"secrets": {"OTHER": "x"}})).unwrap_err();
        assert_eq!(error.path, ["secrets"]);
        assert!(error.message.contains("SKYPILOT_DOCKER_PASSWORD, TOKEN again"), "{error}");
        assert!(error.message.len() < 200 && !error.message.contains("OTHER"), "{error}");
        let secrets = json!({"TOKEN": "hunter4", "SKYPILOT_DOCKER_PASSWORD": "hunter5"});
        let new = again(&old, json!({"secrets": secrets, "name": "n"})).unwrap();
        assert!(new.spec.secrets.iter().all(|secret| secret.secret_name == "n-00000002-secrets"));
        assert_eq!(new.spec.image_pull_secrets[0].name, "n-00000002-registry");
        assert_eq!(new.spec.resources.image_id.as_deref(), Some("registry.test/team/image"));
        assert!(!serde_json::to_string(&new).unwrap().contains("hunter"));
    }

    #[test]
    fn what_only_kubectl_gives_is_named() {
        let old = submitted(json!({"run": "r", "secrets": {"TOKEN": "x"}}));
        assert_eq!(RerunRequest::beyond_the_api(&old), None, "its own Secret is no other's");
        for (field, value) in [
            ("secrets", json!([{"name": "A", "secretName": "theirs", "key": "k"}])),
            ("envFrom", json!([{"secretName": "theirs"}])),
            ("imagePullSecrets", json!([{"name": "theirs"}])),
            ("serviceAccountName", json!("admin")),
            ("runtimeClassName", json!("bare")),
            ("nodeSelector", json!({"pool": "theirs"})),
            ("tolerations", json!([{"operator": "Exists"}])),
        ] {
            let mut object = serde_json::to_value(&old).unwrap();
            object["spec"][field] = value;
            let old = serde_json::from_value(object).unwrap();
            assert_eq!(RerunRequest::beyond_the_api(&old), Some(field));
        }
    }
}
