//! What a user may not change of a pod: power over the machine and the cluster, and what the task itself decides.
//!
//! The list is that of Kubernetes' Pod Security Standard "baseline", and what gives a pod somebody else's rights or data.
//! A namespace may enforce more: the API server then refuses the pod, and the status says so.

use serde_json::{Map, Value};
use sky_crd::{label, name};

use super::{InvalidPodConfig as Invalid, merge::RAY_NODE};
use crate::task::{agent, pod::CONTAINER};

const MACHINE: &str = "its machine";
const CLUSTER: &str = "the cluster";
const OTHERS: &str = "what belongs to others";

/// Words by which an administrator allows what is forbidden: names of fields.
pub const FIELDS: [&str; 21] = [
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostPath",
    "hostPort",
    "nodeName",
    "serviceAccountName",
    "automountServiceAccountToken",
    "serviceAccountToken",
    "persistentVolumeClaim",
    "privileged",
    "capabilities",
    "procMount",
    "seLinuxOptions",
    "seccompProfile",
    "appArmorProfile",
    "hostProcess",
    "sysctls",
    "probeHost",
    "secretName",
    "schedulerName",
];

/// Capabilities that a container runtime gives by itself.
const HARMLESS: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Kernel parameters that are a pod's own.
const SAFE_SYSCTLS: [&str; 11] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
];

/// Fields of a pod that are forbidden unless they are false.
const OF_POD: [(&str, &str, &str); 8] = [
    ("hostNetwork", "hostNetwork", MACHINE),
    ("hostPID", "hostPID", MACHINE),
    ("hostIPC", "hostIPC", MACHINE),
    ("nodeName", "nodeName", CLUSTER),
    ("schedulerName", "schedulerName", CLUSTER),
    ("serviceAccountName", "serviceAccountName", CLUSTER),
    ("serviceAccount", "serviceAccountName", CLUSTER),
    ("automountServiceAccountToken", "automountServiceAccountToken", CLUSTER),
];
/// Fields of a pod that are the task's own.
const OURS_OF_POD: [(&str, &str); 5] = [
    ("restartPolicy", "a task is started again as a whole, by `maxRestarts`"),
    ("hostname", "nodes find each other as `node-{i}.task-{id}`"),
    ("subdomain", "nodes find each other as `node-{i}.task-{id}`"),
    ("terminationGracePeriodSeconds", "write `gracePeriodSeconds`"),
    ("ephemeralContainers", "add a container"),
];
/// Fields of the task's own container that are its own.
const OURS_OF_CONTAINER: [(&str, &str); 3] = [
    ("command", "write `run`"),
    ("args", "write `run`"),
    ("terminationMessagePath", "it says how setup and run ended"),
];

/// Checks a whole configuration.
pub(super) fn check(config: &Map<String, Value>, allowed: &[String]) -> Result<(), Invalid> {
    let checker = Checker { allowed };
    for (name, part) in config {
        match name.as_str() {
            "metadata" => checker.metadata(fields(part, "metadata")?)?,
            "spec" => checker.pod(fields(part, "spec")?)?,
            other => return unfit(other, "a pod has `metadata` and `spec`"),
        }
    }
    Ok(())
}

struct Checker<'a> {
    allowed: &'a [String],
}

impl Checker<'_> {
    fn forbid(&self, field: &'static str, over: &'static str, path: String) -> Result<(), Invalid> {
        if self.allowed.iter().any(|word| word == field) {
            Ok(())
        } else {
            Err(Invalid::Forbidden { path, over, field })
        }
    }

    fn metadata(&self, metadata: &Map<String, Value>) -> Result<(), Invalid> {
        for (name, part) in metadata {
            let path = format!("metadata.{name}");
            if !matches!(name.as_str(), "labels" | "annotations") {
                return unfit(&path, "a task's pod takes labels and annotations");
            }
            for (key, value) in fields(part, &path)? {
                let path = format!("{path}.{key}");
                if label::is_reserved(key) {
                    return unfit(&path, "is reserved for the product or a queueing system");
                }
                if !value.is_string() {
                    return unfit(&path, "must be text");
                }
                if key.starts_with("container.apparmor.security.beta.kubernetes.io/") {
                    self.forbid("appArmorProfile", MACHINE, path)?;
                }
            }
        }
        Ok(())
    }

    fn pod(&self, pod: &Map<String, Value>) -> Result<(), Invalid> {
        if let Some((name, instead)) = OURS_OF_POD.iter().find(|(name, _)| gives(pod, name)) {
            return Err(Invalid::Ours { path: format!("spec.{name}"), instead });
        }
        for (name, field, over) in OF_POD.iter().filter(|(name, ..)| gives(pod, name)) {
            self.forbid(field, over, format!("spec.{name}"))?;
        }
        for (index, volume) in items(pod, "volumes", "spec")?.enumerate() {
            self.volume(volume?, &format!("spec.volumes[{index}]"))?;
        }
        for (index, secret) in items(pod, "imagePullSecrets", "spec")?.enumerate() {
            self.secret(secret?.get("name"), &format!("spec.imagePullSecrets[{index}].name"))?;
        }
        for list in ["containers", "initContainers"] {
            for (index, container) in items(pod, list, "spec")?.enumerate() {
                self.container(container?, list, &format!("spec.{list}[{index}]"))?;
            }
        }
        let security = nested(pod, "securityContext", "spec")?;
        security.map_or(Ok(()), |security| self.security(security, "spec.securityContext"))
    }

    fn volume(&self, volume: &Map<String, Value>, path: &str) -> Result<(), Invalid> {
        for (name, over) in [("hostPath", MACHINE), ("persistentVolumeClaim", OTHERS)] {
            if gives(volume, name) {
                let field = if name == "hostPath" { "hostPath" } else { "persistentVolumeClaim" };
                self.forbid(field, over, format!("{path}.{name}"))?;
            }
        }
        self.secrets(volume, "", path)?;
        let projected = nested(volume, "projected", path)?;
        let Some(projected) = projected else { return Ok(()) };
        for (index, source) in items(projected, "sources", &format!("{path}.projected"))?.enumerate() {
            let (source, path) = (source?, format!("{path}.projected.sources[{index}]"));
            if gives(source, "serviceAccountToken") {
                self.forbid("serviceAccountToken", CLUSTER, format!("{path}.serviceAccountToken"))?;
            }
        }
        Ok(())
    }

    /// Secrets that a volume names at any depth: as `secretName`, or as the `name` of a reference.
    fn secrets(&self, part: &Map<String, Value>, called: &str, path: &str) -> Result<(), Invalid> {
        for (name, value) in part {
            let path = format!("{path}.{name}");
            match value {
                Value::Object(part) => self.secrets(part, name, &path)?,
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let part = item.as_object();
                        part.map_or(Ok(()), |part| self.secrets(part, name, &format!("{path}[{index}]")))?;
                    }
                }
                _ if name == "secretName" || name == "name" && called.to_ascii_lowercase().contains("secret") => {
                    self.secret(Some(value), &path)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The secrets of a task are nobody else's.
    fn secret(&self, secret: Option<&Value>, path: &str) -> Result<(), Invalid> {
        match secret.and_then(Value::as_str) {
            Some(secret) if name::is_secret_of_task(secret) => self.forbid("secretName", OTHERS, path.to_owned()),
            _ => Ok(()),
        }
    }

    fn container(&self, container: &Map<String, Value>, list: &str, path: &str) -> Result<(), Invalid> {
        let name = container.get("name").and_then(Value::as_str);
        let is_ours = list == "containers" && name.is_none_or(|name| name == RAY_NODE || name == CONTAINER);
        let fixed = OURS_OF_CONTAINER.iter().find(|(field, _)| is_ours && gives(container, field));
        if let Some((field, instead)) = fixed {
            return Err(Invalid::Ours { path: format!("{path}.{field}"), instead });
        }
        for (index, port) in items(container, "ports", path)?.enumerate() {
            if port?.get("hostPort").is_some_and(|port| !port.is_null() && port != 0) {
                self.forbid("hostPort", MACHINE, format!("{path}.ports[{index}].hostPort"))?;
            }
        }
        for (index, variable) in items(container, "env", path)?.enumerate() {
            self.variable(variable?, &format!("{path}.env[{index}]"))?;
        }
        for (index, source) in items(container, "envFrom", path)?.enumerate() {
            let path = format!("{path}.envFrom[{index}].secretRef");
            self.secret(source?.get("secretRef").and_then(|secret| secret.get("name")), &path)?;
        }
        self.probes(container, path)?;
        let security = nested(container, "securityContext", path)?;
        security.map_or(Ok(()), |security| self.security(security, &format!("{path}.securityContext")))
    }

    fn variable(&self, variable: &Map<String, Value>, path: &str) -> Result<(), Invalid> {
        if variable.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with(agent::PREFIX)) {
            return Err(Invalid::Ours { path: format!("{path}.name"), instead: "write another name" });
        }
        let name = variable.get("valueFrom").and_then(|from| from.get("secretKeyRef")).and_then(|key| key.get("name"));
        self.secret(name, &format!("{path}.valueFrom.secretKeyRef.name"))
    }

    /// A probe of another host is a request that the machine makes for the pod.
    fn probes(&self, container: &Map<String, Value>, path: &str) -> Result<(), Invalid> {
        let kinds = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];
        for kind in kinds.iter().filter(|kind| names_host(container.get(**kind))) {
            self.forbid("probeHost", MACHINE, format!("{path}.{kind}"))?;
        }
        Ok(())
    }

    /// The security context of a pod or a container.
    fn security(&self, security: &Map<String, Value>, path: &str) -> Result<(), Invalid> {
        let at = |name: &str| format!("{path}.{name}");
        let profile = |name: &str| security.get(name).and_then(|profile| profile.get("type")).and_then(Value::as_str);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if security.get("privileged").is_some_and(|value| value != false && !value.is_null()) {
            self.forbid("privileged", MACHINE, at("privileged"))?;
        }
        let added = security.get("capabilities").and_then(|capabilities| capabilities.get("add"));
        let harmless = |name: &Value| name.as_str().is_some_and(|name| HARMLESS.contains(&name));
        if added.and_then(Value::as_array).is_some_and(|added| !added.iter().all(harmless)) {
            self.forbid("capabilities", MACHINE, at("capabilities.add"))?;
        }
        if text(security.get("procMount")) && security.get("procMount").is_some_and(|mount| mount != "Default") {
            self.forbid("procMount", MACHINE, at("procMount"))?;
        }
        if gives(security, "seLinuxOptions") {
            self.forbid("seLinuxOptions", MACHINE, at("seLinuxOptions"))?;
        }
        if profile("seccompProfile").is_some_and(|kind| kind == "Unconfined") {
            self.forbid("seccompProfile", MACHINE, at("seccompProfile"))?;
        }
        if profile("appArmorProfile").is_some_and(|kind| kind == "Unconfined") {
            self.forbid("appArmorProfile", MACHINE, at("appArmorProfile"))?;
        }
        if security
            .get("windowsOptions")
            .and_then(|options| options.get("hostProcess"))
            .is_some_and(|value| value != false)
        {
            self.forbid("hostProcess", MACHINE, at("windowsOptions.hostProcess"))?;
        }
        let sysctls = security.get("sysctls").and_then(Value::as_array).into_iter().flatten();
        let safe =
            |entry: &Value| entry.get("name").and_then(Value::as_str).is_some_and(|name| SAFE_SYSCTLS.contains(&name));
        if !sysctls.clone().all(safe) {
            self.forbid("sysctls", MACHINE, at("sysctls"))?;
        }
        Ok(())
    }
}

/// Whether the field is there and says more than no.
fn gives(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null() && value != false)
}

/// Whether a host is named anywhere in a probe or a hook.
fn names_host(probe: Option<&Value>) -> bool {
    match probe {
        Some(Value::Object(fields)) => {
            let own = fields.get("host").and_then(Value::as_str).is_some_and(|host| !host.is_empty());
            own || fields.values().any(|value| names_host(Some(value)))
        }
        _ => false,
    }
}

fn fields<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, Invalid> {
    value.as_object().ok_or_else(|| Invalid::Unfit { path: path.to_owned(), message: "must be a mapping".to_owned() })
}

fn nested<'a>(of: &'a Map<String, Value>, name: &str, path: &str) -> Result<Option<&'a Map<String, Value>>, Invalid> {
    let given = of.get(name).filter(|value| !value.is_null());
    given.map(|value| fields(value, &format!("{path}.{name}"))).transpose()
}

/// The items of a list, each a mapping.
fn items<'a>(
    of: &'a Map<String, Value>,
    name: &'a str,
    path: &str,
) -> Result<impl Iterator<Item = Result<&'a Map<String, Value>, Invalid>>, Invalid> {
    let path = format!("{path}.{name}");
    let list = match of.get(name) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => return Err(Invalid::Unfit { path, message: "must be a list".to_owned() }),
    };
    Ok(list.iter().enumerate().map(move |(index, item)| fields(item, &format!("{path}[{index}]"))))
}

fn unfit<T>(path: &str, message: &str) -> Result<T, Invalid> {
    Err(Invalid::Unfit { path: path.to_owned(), message: message.to_owned() })
}
