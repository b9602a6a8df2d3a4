//! Values that nobody may read over a shoulder.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::api::core::v1::Secret;
use kube::{Resource as _, ResourceExt as _, core::ObjectMeta};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::InvalidField;
use crate::{
    name::{registry_secret, values_secret},
    task::{ImagePullSecret, Resources, SecretEnv, SkyTask, SkyTaskSpec},
};

/// SkyPilot's variables for a private registry: user name, password, server.
pub const REGISTRY_LOGIN: [&str; 3] =
    ["SKYPILOT_DOCKER_USERNAME", "SKYPILOT_DOCKER_PASSWORD", "SKYPILOT_DOCKER_SERVER"];

/// The value of a secret: text on the wire, and in no message and no log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretValue(String);

impl SecretValue {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretValue")
    }
}

/// What a request keeps apart from its task: values that go into Secrets, which the task refers to by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confidential {
    values: BTreeMap<String, SecretValue>,
    registry: Option<[SecretValue; 3]>,
}

impl Confidential {
    /// Takes the password of a registry out of `envs`, where SkyPilot's users write it.
    ///
    /// # Errors
    /// When only some of SkyPilot's three variables are set.
    pub fn new(
        mut values: BTreeMap<String, SecretValue>,
        envs: &mut BTreeMap<String, String>,
    ) -> Result<Self, InvalidField> {
        if let Some(password) = envs.remove(REGISTRY_LOGIN[1]) {
            values.entry(REGISTRY_LOGIN[1].to_owned()).or_insert(SecretValue(password));
        }
        let value = |name: &str| values.get(name).cloned().or_else(|| envs.get(name).cloned().map(SecretValue));
        let registry = match REGISTRY_LOGIN.map(value) {
            [None, None, None] => None,
            [Some(user), Some(password), Some(server)] => Some([user, password, server]),
            found => {
                let missing: Vec<_> = REGISTRY_LOGIN.iter().zip(&found).filter(|(_, value)| value.is_none()).collect();
                let message = format!("a private registry needs {} too", missing[0].0);
                return Err(InvalidField::new(&["envs"], &message));
            }
        };
        Ok(Self { values, registry })
    }

    /// Lets the specification refer to the Secrets of the object `name`; an image without a registry is in the one that
    /// the credentials are for (SkyPilot).
    pub(super) fn refer(&self, name: &str, spec: &mut SkyTaskSpec) {
        let reference = |variable: &String| SecretEnv {
            name: variable.clone(),
            secret_name: values_secret(name),
            key: variable.clone(),
        };
        spec.secrets = self.values.keys().map(reference).collect();
        for variable in self.values.keys() {
            // A script sees the secret, and nobody a value that has no meaning.
            spec.envs.remove(variable);
        }
        if let Some([_, _, server]) = &self.registry {
            spec.image_pull_secrets = vec![ImagePullSecret { name: registry_secret(name) }];
            in_registry(server.reveal(), &mut spec.resources);
        }
    }

    /// The Secrets themselves, which go when `task` goes. Immutable: an attempt must find what its task was submitted with.
    pub fn secrets(&self, task: &SkyTask) -> Vec<Secret> {
        let name = task.name_any();
        let secret = |name: String, kind: &str, data: BTreeMap<String, String>| Secret {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: task.namespace(),
                labels: task.metadata.labels.clone(),
                owner_references: Some(task.controller_owner_ref(&()).into_iter().collect()),
                ..ObjectMeta::default()
            },
            type_: Some(kind.to_owned()),
            immutable: Some(true),
            string_data: Some(data),
            ..Secret::default()
        };
        let values: BTreeMap<_, _> =
            self.values.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect();
        let of_values = (!values.is_empty()).then(|| secret(values_secret(&name), "Opaque", values));
        let of_registry = self.registry.as_ref().map(|[user, password, server]| {
            let login = json!({"username": user.reveal(), "password": password.reveal()});
            let config = json!({"auths": {server.reveal(): login}}).to_string();
            let data = BTreeMap::from([(".dockerconfigjson".to_owned(), config)]);
            secret(registry_secret(&name), "kubernetes.io/dockerconfigjson", data)
        });
        of_values.into_iter().chain(of_registry).collect()
    }
}

fn in_registry(server: &str, resources: &mut Resources) {
    let start = format!("{server}/");
    let images = resources.alternatives.iter_mut().map(|one| &mut one.image_id).chain([&mut resources.image_id]);
    for image in images.flatten().filter(|image| !image.starts_with(&start)) {
        image.insert_str(0, &start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_the_wire_and_not_in_messages() {
        let value = SecretValue::from("hunter2".to_owned());
        assert_eq!(serde_json::to_string(&value).unwrap(), "\"hunter2\"");
        assert_eq!((format!("{value:?}").as_str(), value.reveal()), ("SecretValue", "hunter2"));
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretValue> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretValue((*value).to_owned()))).collect()
    }

    #[test]
    fn some_of_the_registrys_variables_are_refused() {
        let error = Confidential::new(values(&[(REGISTRY_LOGIN[0], "ann")]), &mut BTreeMap::new()).unwrap_err();
        assert!(error.message.contains(REGISTRY_LOGIN[1]), "{error:?}");
    }
}
