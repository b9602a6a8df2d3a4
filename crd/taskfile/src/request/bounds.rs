//! What the API would refuse of a task, told at its place in the file.

use std::mem;

use serde_json::{Value, json};
use sky_crd::{
    TaskId, User,
    api::{InvalidField, REGISTRY_LOGIN, TaskRequest, snake_case},
    bounds::{self, Step},
    task::SkyTaskSpec,
};

use super::Refusals;

/// Whom a task belongs to if nothing is said.
const DEFAULT_USER: &str = "default";

/// Fields of the resource that have another place in a file than their own name.
const PLACES: [(&str, &[&str]); 7] = [
    ("labels", &["resources", "labels"]),
    ("priority", &["resources", "priority"]),
    ("priorityClassName", &["resources", "priority_class"]),
    ("maxRestarts", &["resources", "job_recovery", "max_restarts_on_errors"]),
    ("recoverOnExitCodes", &["resources", "job_recovery", "recover_on_exit_codes"]),
    ("podConfig", &["config", "kubernetes", "pod_config"]),
    ("placementTimeoutSeconds", &["config", "kubernetes", "provision_timeout"]),
];

impl Refusals<'_> {
    /// What the API would refuse is better refused here, where the line can be shown; all of it at once.
    pub(super) fn check(&mut self, request: &mut TaskRequest) {
        // These may be large and mean nothing that could be wrong: not copied. Of the variables only a registry's do.
        let large = (request.setup.take(), request.run.take(), mem::take(&mut request.envs));
        let login = REGISTRY_LOGIN.iter().filter_map(|name| large.2.get_key_value(*name));
        request.envs = login.map(|(name, value)| (name.clone(), value.clone())).collect();
        let spec = self.meaning(request.clone());
        (request.setup, request.run, request.envs) = large;
        let Some(mut spec) = spec else { return };
        (spec.setup, spec.run) = (request.setup.clone(), request.run.clone());
        spec.envs.clone_from(&request.envs);
        let whole = json!(spec);
        for violation in bounds::of_task(&spec) {
            self.also(&place(&violation.path, &whole), violation.message);
        }
    }

    /// The specification, without what means nothing: that is told, and taken out so that the rest is looked at too.
    fn meaning(&mut self, mut request: TaskRequest) -> Option<SkyTaskSpec> {
        // Id and user do not matter.
        let user = DEFAULT_USER.parse::<User>().ok()?;
        loop {
            match request.clone().into_task(&TaskId::from_bits(0), &user, "") {
                Ok(task) => return Some(task.spec),
                Err(InvalidField { path, message }) => {
                    self.also(&path, message);
                    take_out(&mut request, &path)?;
                }
            }
        }
    }

    /// Refuses a field, unless something is wrong with it, or with what it is in, that has been told.
    fn also(&mut self, path: &[String], message: String) {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        if !self.problems.is_about(&keys.join(".")) {
            self.add(&keys, message);
        }
    }
}

/// Takes a field out of a request; `None` if it is not there, since then nothing would change.
fn take_out(request: &mut TaskRequest, path: &[String]) -> Option<()> {
    match path.first()?.as_str() {
        "name" => request.name.take().map(drop),
        "workdir" => request.workdir.take().map(drop),
        "volumes" => request.volumes.remove(path.get(1)?).map(drop),
        "resources" => request.resources.take().map(drop),
        "config" => (!mem::take(&mut request.config).is_empty()).then_some(()),
        "envs" => (!mem::take(&mut request.envs).is_empty()).then_some(()),
        _ => None,
    }
}

/// Keys to the field of a file that a value of the specification comes from.
fn place(path: &[Step], spec: &Value) -> Vec<String> {
    let texts = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let [Step::Key(field), rest @ ..] = path else { return Vec::new() };
    let key_of = |index: &usize, name: &str| spec[field.as_str()][*index][name].as_str().map(str::to_owned);
    let entry = |own: &str, name: &str| match rest {
        [Step::Index(index), ..] => texts(&[own]).into_iter().chain(key_of(index, name)).collect(),
        _ => texts(&[own]),
    };
    match field.as_str() {
        "workdir" => match rest {
            [Step::Key(_), Step::Key(of_git)] => texts(&["workdir", of_git]),
            _ => texts(&["workdir"]),
        },
        "volumes" => entry("volumes", "mountPath"),
        "fileMounts" => entry("file_mounts", "path"),
        "secrets" => entry("secrets", "name"),
        // Which alternative it was written in is not known any more.
        "resources" => {
            let keys = rest.iter().filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None });
            let field = keys.filter(|key| *key != "alternatives").map(snake_case).next();
            texts(&["resources"]).into_iter().chain(field).collect()
        }
        _ => {
            let known = PLACES.iter().find(|(name, _)| name == field);
            let place = known.map_or_else(|| vec![snake_case(field)], |(_, keys)| texts(keys));
            let keys = rest.iter().filter_map(|step| if let Step::Key(key) = step { Some(key.clone()) } else { None });
            place.into_iter().chain(keys).collect()
        }
    }
}
