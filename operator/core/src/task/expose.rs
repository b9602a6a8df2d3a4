//! Ports that are reached from outside of the cluster: by which kinds of address, who may choose, and what becomes of them.
//!
//! A load balancer costs money and a host name belongs to somebody, so the administrator decides. What an attempt has been
//! given it keeps: the status says what that is, and a later decision counts for the next attempt.

mod address;
mod ingress;
mod template;

use sky_crd::task::{Expose, ExposeType, SkyTask};

pub(super) use address::{endpoints, strays, told, unwanted};
pub(super) use ingress::ingress;
pub use template::{HostPattern, HostTemplate, InvalidTemplate, PathTemplate};

use super::ports;

/// Most ports that are reached from outside: what the load balancers of the large clouds can serve at one address.
const MAX_PORTS: usize = 50;

/// What the administrator decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How the ports of tasks are reached that do not say it.
    pub default: ExposeType,
    /// What tasks may choose, beside that and `ClusterIP`.
    pub allowed: Vec<ExposeType>,
    /// Keys of annotations that tasks may set.
    pub annotations: Vec<String>,
    /// Of load balancers.
    pub load_balancer: LoadBalancers,
    /// Of ingresses.
    pub ingress: Ingresses,
}

/// What all load balancers have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancers {
    /// Class; without it, the cluster's default.
    pub class: Option<String>,
    /// Annotations of their Services.
    pub annotations: Vec<(String, String)>,
    /// Ranges of addresses (CIDR) that may connect; any if there is none.
    pub source_ranges: Vec<String>,
}

/// What all ingresses have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingresses {
    /// Classes that tasks may name, the first for those that name none; without any, the cluster's default.
    pub classes: Vec<String>,
    /// Host of a task's port; without it, any.
    pub host: Option<HostTemplate>,
    /// Hosts that tasks may name.
    pub allowed_hosts: Vec<HostPattern>,
    /// Path of a task's port.
    pub path: Option<PathTemplate>,
    /// Annotations.
    pub annotations: Vec<(String, String)>,
    /// Whether they are served by TLS.
    pub tls: Option<Tls>,
}

/// Which certificate an ingress has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Secret in the task's namespace; without it, the ingress controller's own certificate.
    pub secret: Option<String>,
}

/// Why ports cannot be reached as the task says. The sentences go to the user as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpose {
    /// A kind that the administrator does not allow.
    #[error("spec.expose.type: `{}` is not allowed here; allowed: {allowed} (the operator's --allow-expose)", .kind.as_str())]
    Kind {
        /// What was asked for.
        kind: ExposeType,
        /// What may be asked for.
        allowed: String,
    },
    /// More than one address can serve.
    #[error("spec.resources.ports: {0} ports are too many to be reached from outside: at most {MAX_PORTS}")]
    TooMany(usize),
    /// A value that the administrator does not allow.
    #[error("{field}: `{value}` is not allowed here; allowed: {allowed} (the operator's {flag})")]
    Value {
        /// Which field.
        field: &'static str,
        /// What was asked for.
        value: String,
        /// What may be asked for.
        allowed: String,
        /// What allows more.
        flag: &'static str,
    },
}

impl Policy {
    /// Whether tasks may have this kind of address.
    pub fn allows(&self, kind: ExposeType) -> bool {
        kind == ExposeType::ClusterIP || kind == self.default || self.allowed.contains(&kind)
    }

    /// How the ports of a task are reached: of an attempt that has begun as it is, of another one as the task and this
    /// policy say.
    ///
    /// # Errors
    /// What the policy does not allow, for a task with ports.
    pub(super) fn kind(&self, task: &SkyTask, ranges: &[(u16, u16)]) -> Result<ExposeType, InvalidExpose> {
        if let Some(status) = task.status.as_ref().filter(|status| status.has_jobs()) {
            return Ok(address::of_attempt(status));
        }
        let asked = task.spec.expose.as_ref();
        let kind = asked.map_or(self.default, |expose| expose.kind);
        if ranges.is_empty() || kind == ExposeType::ClusterIP {
            return Ok(ExposeType::ClusterIP);
        }
        if !self.allows(kind) {
            let allowed = ExposeType::ALL.into_iter().filter(|kind| self.allows(*kind)).map(ExposeType::as_str);
            return Err(InvalidExpose::Kind { kind, allowed: listed(allowed) });
        }
        let count = ports::count(ranges);
        if count > MAX_PORTS {
            return Err(InvalidExpose::TooMany(count));
        }
        asked.map_or(Ok(()), |expose| self.check(expose))?;
        Ok(kind)
    }

    fn check(&self, expose: &Expose) -> Result<(), InvalidExpose> {
        let refuse = |field, value: &str, allowed, flag| {
            Err(InvalidExpose::Value { field, value: value.to_owned(), allowed, flag })
        };
        let known = |key: &&String| self.annotations.contains(key);
        if let Some(key) = expose.annotations.keys().find(|key| !known(key)) {
            return refuse("spec.expose.annotations", key, listed(&self.annotations), "--allow-expose-annotation");
        }
        if expose.kind != ExposeType::Ingress {
            return Ok(());
        }
        let ingress = &self.ingress;
        if let Some(class) = expose.ingress_class_name.as_ref().filter(|class| !ingress.classes.contains(class)) {
            return refuse("spec.expose.ingressClassName", class, listed(&ingress.classes), "--ingress-class");
        }
        if let Some(host) = expose.host.as_ref().filter(|host| !ingress.allowed_hosts.iter().any(|one| one.fits(host)))
        {
            let allowed = listed(ingress.allowed_hosts.iter().map(HostPattern::as_str));
            return refuse("spec.expose.host", host, allowed, "--allow-ingress-host");
        }
        Ok(())
    }
}

fn listed<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{}`", word.as_ref())).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::task::fixture;

    fn kind(policy: &Policy, spec: &Value) -> Result<ExposeType, String> {
        let mut task = fixture::task(1);
        task.spec.resources.ports = serde_json::from_value(spec["ports"].clone()).unwrap();
        task.spec.expose = serde_json::from_value(spec["expose"].clone()).unwrap();
        let ranges = ports::ranges(&task.spec.resources.ports).unwrap();
        policy.kind(&task, &ranges).map_err(|error| error.to_string())
    }

    fn open() -> Policy {
        Policy {
            allowed: vec![ExposeType::LoadBalancer, ExposeType::Ingress],
            annotations: vec!["example.com/internal".to_owned()],
            ingress: Ingresses {
                classes: vec!["nginx".to_owned(), "internal".to_owned()],
                allowed_hosts: vec!["*.apps.test".parse().unwrap()],
                ..Ingresses::default()
            },
            ..Policy::default()
        }
    }

    #[test]
    fn who_says_nothing_gets_the_default() {
        let plain = json!({"ports": [8080]});
        assert_eq!(kind(&Policy::default(), &plain), Ok(ExposeType::ClusterIP));
        let outside = Policy { default: ExposeType::Ingress, ..Policy::default() };
        assert_eq!(kind(&outside, &plain), Ok(ExposeType::Ingress));
        assert_eq!(
            kind(&outside, &json!({"ports": [8080], "expose": {"type": "ClusterIP"}})),
            Ok(ExposeType::ClusterIP)
        );
        assert_eq!(kind(&outside, &json!({"ports": [80], "expose": {"type": "Ingress"}})), Ok(ExposeType::Ingress));
        assert_eq!(kind(&outside, &json!({"ports": []})), Ok(ExposeType::ClusterIP), "there is nothing to reach");
    }

    #[test]
    fn what_is_allowed() {
        for expose in [
            json!({"type": "LoadBalancer"}),
            json!({"type": "LoadBalancer", "annotations": {"example.com/internal": "true"}}),
            json!({"type": "Ingress", "ingressClassName": "internal", "host": "mine.apps.test"}),
            json!({"type": "Ingress", "host": "{port}-mine.apps.test"}),
        ] {
            assert!(kind(&open(), &json!({"ports": [8080], "expose": expose})).is_ok(), "{expose}");
        }
    }

    #[test]
    fn refusals_name_the_field_and_what_is_allowed() {
        let closed = Policy::default();
        let half = Policy { allowed: vec![ExposeType::Ingress], ..Policy::default() };
        for (policy, spec, told) in [
            (
                &closed,
                json!({"ports": [80], "expose": {"type": "LoadBalancer"}}),
                "spec.expose.type: `LoadBalancer` is not allowed here; allowed: `ClusterIP` (the operator's --allow-expose)",
            ),
            (
                &half,
                json!({"ports": [80], "expose": {"type": "LoadBalancer"}}),
                "spec.expose.type: `LoadBalancer` is not allowed here; allowed: `ClusterIP`, `Ingress` (the operator's --allow-expose)",
            ),
            (
                &half,
                json!({"ports": [80], "expose": {"type": "Ingress", "ingressClassName": "mine"}}),
                "spec.expose.ingressClassName: `mine` is not allowed here; allowed: none (the operator's --ingress-class)",
            ),
            (
                &open(),
                json!({"ports": [80], "expose": {"type": "Ingress", "host": "www.test"}}),
                "spec.expose.host: `www.test` is not allowed here; allowed: `*.apps.test` (the operator's --allow-ingress-host)",
            ),
            (
                &open(),
                json!({"ports": [80], "expose": {"type": "LoadBalancer", "annotations": {"a": "b"}}}),
                "spec.expose.annotations: `a` is not allowed here; allowed: `example.com/internal` (the operator's --allow-expose-annotation)",
            ),
            (
                &open(),
                json!({"ports": ["1000-1050"], "expose": {"type": "LoadBalancer"}}),
                "spec.resources.ports: 51 ports are too many to be reached from outside: at most 50",
            ),
        ] {
            assert_eq!(kind(policy, &spec), Err(told.to_owned()));
        }
    }
}
