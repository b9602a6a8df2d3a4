//! Secrets in places that everybody can read. SkyPilot fills a variable into the work directory, files and volumes, and a
//! secret like any other; there it would stand in the task, in its Jobs and in what `--dry-run` prints.

use std::collections::BTreeMap;

use super::Refusals;
use crate::{read::substitute, yaml::Node};

const FIELDS: [&str; 3] = ["workdir", "file_mounts", "volumes"];
/// By which a private repository is read.
pub(super) const TOKEN: &str = "GIT_TOKEN";

/// Refuses each field that names one of the secrets.
pub(super) fn refuse(secrets: &BTreeMap<String, Option<String>>, refusals: &mut Refusals<'_>) {
    let document = refusals.document;
    for field in FIELDS {
        let Some(node) = document.get(field) else { continue };
        for (key, value) in node.as_map().unwrap_or_default() {
            let key_text = key.to_text();
            if let Some(name) = [key, value].into_iter().find_map(|part| secret_in(part, secrets)) {
                refusals.add(&[field, &key_text], message(field, &name));
            }
        }
        if node.as_map().is_none()
            && let Some(name) = secret_in(node, secrets)
        {
            refusals.add(&[field], message(field, &name));
        }
    }
}

fn message(field: &str, name: &str) -> String {
    if (field, name) == ("workdir", TOKEN) {
        return format!(
            "names the secret `{TOKEN}`, which everybody could read here: leave it out, it is used by itself"
        );
    }
    format!(
        "names the secret `{name:.80}`, whose value everybody could read here: make it a variable of `envs` if it is not \
         secret, or use it in `setup` or `run`"
    )
}

/// The first secret that is named in a node.
fn secret_in(node: &Node, secrets: &BTreeMap<String, Option<String>>) -> Option<String> {
    let mut found = None;
    substitute::each_text(node, &mut |text| {
        let named = || substitute::names(text).find(|name| secrets.contains_key(*name)).map(str::to_owned);
        found = found.take().or_else(named);
    });
    found
}
