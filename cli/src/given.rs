//! What is said beside a file, from all of its sources: options, files of variables, this environment.

use std::{collections::BTreeMap, fs, io, path::Path};

use sky_taskfile::{Overrides, Secrets};

use crate::{
    args::{Changes, Variables},
    dotenv,
    error::Error,
};

/// The overrides and the secrets. Of a variable `--env` wins over `--env-file`, of a secret `--secret` over
/// `--secret-file`, as in SkyPilot.
pub(crate) fn resolve(changes: Changes) -> Result<(Overrides, Secrets), Error> {
    let secrets = secrets(&changes.variables)?;
    let env_file = env_file(&changes.variables)?;
    let overrides = Overrides {
        name: changes.name,
        num_nodes: changes.num_nodes,
        workdir: changes.workdir,
        git_url: changes.git_url,
        git_ref: changes.git_ref,
        cpus: changes.cpus,
        memory: changes.memory,
        gpus: changes.gpus,
        image_id: changes.image_id,
        infra: changes.infra,
        use_spot: if changes.use_spot { Some(true) } else { changes.no_use_spot.then_some(false) },
        disk_size: changes.disk_size,
        ports: changes.ports,
        envs: changes.variables.env.into_iter().collect(),
        env_file,
    };
    Ok((overrides, secrets))
}

/// What a task that is run again gets beside its own: variables, and secrets by the same ranks. A variable of the file
/// that is given as a secret is one.
pub(crate) fn beside(given: Variables) -> Result<(BTreeMap<String, String>, Secrets), Error> {
    let secrets = secrets(&given)?;
    let mut envs = env_file(&given)?;
    envs.retain(|name, _| !secrets.contains_key(name));
    envs.extend(given.env);
    Ok((envs, secrets))
}

fn env_file(given: &Variables) -> Result<BTreeMap<String, String>, Error> {
    given.env_file.as_deref().map(variables).transpose().map(Option::unwrap_or_default)
}

fn secrets(given: &Variables) -> Result<Secrets, Error> {
    let mut secrets = given.secret_file.as_deref().map(variables).transpose()?.unwrap_or_default();
    for text in &given.secret {
        let (name, value) = secret(text)?;
        secrets.insert(name, value);
    }
    Ok(secrets)
}

/// `NAME=VALUE`, or `NAME` with the value that it has here. No message shows the value.
fn secret(text: &str) -> Result<(String, String), Error> {
    match text.split_once('=') {
        Some(("", _)) | None if text.is_empty() || text.starts_with('=') => {
            Err(Error::Options("--secret: the name is missing: write `NAME` or `NAME=VALUE`"))
        }
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => {
            let value = std::env::var(text).map_err(|_| Error::NoSuchVariable(text.to_owned()))?;
            Ok((text.to_owned(), value))
        }
    }
}

/// The variables of a file.
fn variables(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let refuse = |reason: String| Error::VariableFile { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse(io::Error::from(io::ErrorKind::InvalidData).to_string()))?;
    dotenv::parse(&text, |name| std::env::var(name).ok()).map_err(|error| refuse(error.to_string()))
}
