//! `jobs submit --dry-run`: the resource that the gateway would create, without what only the gateway knows.

use serde_json::{Map, Value, json};
use sky_crd::{TaskId, User, api::TaskRequest, task::SkyTaskSpec};

use crate::{args::Format, config, error::Error, printer::Printer};

pub(super) fn show(printer: Printer, request: TaskRequest) -> Result<(), Error> {
    if printer.format() == Format::Name {
        return Err(Error::Options("--dry-run has no task ID to print: use -o yaml or -o json"));
    }
    let secrets: Vec<String> = request.secrets.keys().cloned().collect();
    printer.document(&resource(request, config::current_user().as_deref())?)?;
    if !secrets.is_empty() {
        let names = secrets.join(", ");
        printer.hint(&format!(
            "the values of {names} are not shown: `jobs submit` keeps them in a Secret of the task's own"
        ));
    }
    Ok(())
}

/// The SkyTask, with neither id nor namespace, which the gateway chooses, nor labels, which follow from the id. Without a
/// user it belongs to the default one; without a name the cluster makes one.
fn resource(request: TaskRequest, user: Option<&str>) -> Result<Value, Error> {
    let id = TaskId::from_bits(0);
    let named = request.name.as_ref().is_some_and(|name| !name.is_empty());
    let owner: User = user.unwrap_or("default").parse().map_err(Error::NoUser)?;
    let task = request.into_task(&id, &owner, "").map_err(Error::Field)?;
    let object = task.metadata.name.clone().unwrap_or_default();
    let name = object.strip_suffix(&format!("-{id}")).unwrap_or(&object).to_owned();
    let mut metadata = Map::new();
    if named {
        metadata.insert("name".to_owned(), name.clone().into());
    } else {
        metadata.insert("generateName".to_owned(), "task-".into());
    }
    let mut resource = serde_json::to_value(&task).map_err(|error| Error::Output(error.into()))?;
    if let Some(resource) = resource.as_object_mut() {
        resource.insert("metadata".to_owned(), metadata.into());
        resource.shift_remove("status");
        if let Some(spec) = resource.get_mut("spec").and_then(Value::as_object_mut) {
            spec.shift_remove("taskId");
            leave_out_defaults(spec)?;
            name_secrets(spec, &object, &name);
            if !named {
                spec.shift_remove("name");
            }
            if user.is_none() {
                spec.shift_remove("user");
            }
        }
    }
    Ok(resource)
}

/// What the schema fills in anyway: whoever reads the resource looks for what the file says.
fn leave_out_defaults(spec: &mut Map<String, Value>) -> Result<(), Error> {
    let default = serde_json::from_value::<SkyTaskSpec>(json!({})).and_then(serde_json::to_value);
    let default = default.map_err(|error| Error::Output(error.into()))?;
    spec.retain(|name, value| matches!(name.as_str(), "user" | "numNodes") || default.get(name) != Some(value));
    Ok(())
}

/// Secrets of the task's own are called by its name, which has no id here.
fn name_secrets(spec: &mut Map<String, Value>, object: &str, name: &str) {
    for (list, key) in [("secrets", "secretName"), ("imagePullSecrets", "name")] {
        for entry in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(own) = entry.get(key).and_then(Value::as_str).and_then(|known| known.strip_prefix(object)) {
                entry[key] = format!("{name}{own}").into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(request: Value, user: Option<&str>) -> Value {
        resource(serde_json::from_value(request).unwrap(), user).unwrap()
    }

    #[test]
    fn nothing_that_only_the_gateway_knows() {
        let request = json!({"name": "My_Task", "run": "echo $X", "num_nodes": 2, "resources": {"cpus": "4"}});
        let expected = json!({
            "apiVersion": "skytask.dev/v1alpha1",
            "kind": "SkyTask",
            "metadata": {"name": "my-task"},
            "spec": {
                "name": "My_Task", "user": "bob", "numNodes": 2, "resources": {"cpus": "4"}, "run": "echo $X",
            },
        });
        assert_eq!(shown(request, Some("bob")), expected);
    }

    #[test]
    fn without_name_and_user() {
        let task = shown(json!({"run": "x"}), None);
        assert_eq!(task["metadata"], json!({"generateName": "task-"}));
        assert_eq!(task["spec"], json!({"numNodes": 1, "run": "x"}));
    }

    #[test]
    fn how_ports_are_reached() {
        let config = json!({"kubernetes": {"ports": "ingress"}});
        let task = shown(json!({"run": "x", "resources": {"ports": [8080]}, "config": config}), None);
        assert_eq!(task["spec"]["expose"], json!({"type": "Ingress"}));
        assert_eq!(task["spec"]["resources"]["ports"], json!(["8080"]));
    }

    #[test]
    fn secrets_of_its_own_have_no_id() {
        let mut spec = Map::new();
        let secret = |name: &str| json!([{"name": "A", "secretName": name, "key": "A"}]);
        spec.insert("secrets".to_owned(), secret("x-00000000-secrets"));
        name_secrets(&mut spec, "x-00000000", "x");
        assert_eq!(spec["secrets"], secret("x-secrets"));
        spec.insert("secrets".to_owned(), secret("mine"));
        name_secrets(&mut spec, "x-00000000", "x");
        assert_eq!(spec["secrets"], secret("mine"));
    }
}
