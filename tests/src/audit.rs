//! Who wrote what, from the API server's audit log.

use std::{env, fs};

use serde::Deserialize;

/// One write that the API server took.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The client.
    #[serde(default)]
    pub user_agent: String,
    /// What was written.
    pub object_ref: ObjectRef,
    /// The answer.
    pub response_status: Option<ResponseStatus>,
}

/// What was written.
#[derive(Clone, Debug, Deserialize)]
pub struct ObjectRef {
    /// Plural.
    #[serde(default)]
    pub resource: String,
    /// Such as `status`.
    #[serde(default)]
    pub subresource: String,
    /// Where.
    #[serde(default)]
    pub namespace: String,
    /// Which; absent for a create in some versions.
    #[serde(default)]
    pub name: String,
}

/// The answer.
#[derive(Clone, Debug, Deserialize)]
pub struct ResponseStatus {
    /// HTTP status.
    #[serde(default)]
    pub code: u16,
}

/// Whether the cluster's audit log can be read; says why a check is skipped otherwise.
pub fn is_readable() -> bool {
    let readable = env::var("SKY_TEST_AUDIT_LOG").is_ok();
    if !readable {
        println!("skipped: the audit log of an external cluster cannot be read");
    }
    readable
}

/// All writes of the operator in a namespace so far that changed something.
pub fn operator_writes(namespace: &str) -> Vec<Write> {
    let log = fs::read_to_string(crate::cluster::required("SKY_TEST_AUDIT_LOG")).expect("the audit log");
    let ours = |write: &Write| {
        let accepted = write.response_status.as_ref().is_some_and(|status| status.code < 300);
        write.user_agent.starts_with("sky-operator/") && write.object_ref.namespace == namespace && accepted
    };
    // A line that is being written is not whole yet.
    log.lines().filter_map(|line| serde_json::from_str::<Write>(line).ok()).filter(ours).collect()
}

/// So many of these writes are of this kind: resource and subresource.
pub fn count(writes: &[Write], resource: &str, subresource: &str) -> usize {
    let fits = |write: &&Write| write.object_ref.resource == resource && write.object_ref.subresource == subresource;
    writes.iter().filter(fits).count()
}
