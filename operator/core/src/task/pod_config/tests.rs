//! Merging, and what is refused, by tables.

use serde_json::{Value, json};

use super::{FIELDS, PodConfig, merge};
use crate::task::{fixture, pod_config::InvalidPodConfig};

fn refusal(config: &Value, allowed: &[&str]) -> Option<InvalidPodConfig> {
    let allowed: Vec<String> = allowed.iter().map(|word| (*word).to_owned()).collect();
    PodConfig::read(&config.to_string(), &allowed).err()
}

#[test]
fn power_is_refused_with_its_field_and_can_be_allowed() {
    let container = |fields: Value| json!({"spec": {"containers": [fields]}});
    let security = |fields: Value| container(json!({ "securityContext": fields }));
    let volume = |fields: Value| json!({"spec": {"volumes": [fields]}});
    for (config, path, field) in [
        (json!({"spec": {"hostNetwork": true}}), "spec.hostNetwork", "hostNetwork"),
        (json!({"spec": {"hostPID": true}}), "spec.hostPID", "hostPID"),
        (json!({"spec": {"hostIPC": true}}), "spec.hostIPC", "hostIPC"),
        (json!({"spec": {"nodeName": "n"}}), "spec.nodeName", "nodeName"),
        (json!({"spec": {"schedulerName": "s"}}), "spec.schedulerName", "schedulerName"),
        (json!({"spec": {"serviceAccountName": "root"}}), "spec.serviceAccountName", "serviceAccountName"),
        (json!({"spec": {"serviceAccount": "root"}}), "spec.serviceAccount", "serviceAccountName"),
        (
            json!({"spec": {"automountServiceAccountToken": true}}),
            "spec.automountServiceAccountToken",
            "automountServiceAccountToken",
        ),
        (volume(json!({"name": "v", "hostPath": {"path": "/"}})), "spec.volumes[0].hostPath", "hostPath"),
        (
            volume(json!({"name": "v", "persistentVolumeClaim": {"claimName": "x"}})),
            "spec.volumes[0].persistentVolumeClaim",
            "persistentVolumeClaim",
        ),
        (
            volume(json!({"name": "v", "projected": {"sources": [{}, {"serviceAccountToken": {"path": "t"}}]}})),
            "spec.volumes[0].projected.sources[1].serviceAccountToken",
            "serviceAccountToken",
        ),
        (
            volume(json!({"name": "v", "secret": {"secretName": "task-0123abcd-deadbeef"}})),
            "spec.volumes[0].secret.secretName",
            "secretName",
        ),
        (
            container(json!({"ports": [{"containerPort": 1, "hostPort": 80}]})),
            "spec.containers[0].ports[0].hostPort",
            "hostPort",
        ),
        (
            container(json!({"livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 1}}})),
            "spec.containers[0].livenessProbe",
            "probeHost",
        ),
        (security(json!({"privileged": true})), "spec.containers[0].securityContext.privileged", "privileged"),
        (
            security(json!({"capabilities": {"add": ["CHOWN", "SYS_ADMIN"]}})),
            "spec.containers[0].securityContext.capabilities.add",
            "capabilities",
        ),
        (security(json!({"procMount": "Unmasked"})), "spec.containers[0].securityContext.procMount", "procMount"),
        (
            security(json!({"seccompProfile": {"type": "Unconfined"}})),
            "spec.containers[0].securityContext.seccompProfile",
            "seccompProfile",
        ),
        (
            security(json!({"appArmorProfile": {"type": "Unconfined"}})),
            "spec.containers[0].securityContext.appArmorProfile",
            "appArmorProfile",
        ),
        (
            json!({"spec": {"initContainers": [{"name": "i", "securityContext": {"windowsOptions": {"hostProcess": true}}}]}}),
            "spec.initContainers[0].securityContext.windowsOptions.hostProcess",
            "hostProcess",
        ),
        (
            json!({"spec": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}}),
            "spec.securityContext.seLinuxOptions",
            "seLinuxOptions",
        ),
        (
            json!({"spec": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}}),
            "spec.securityContext.sysctls",
            "sysctls",
        ),
    ] {
        let error = refusal(&config, &[]).unwrap_or_else(|| panic!("allowed: {config}"));
        assert!(error.to_string().starts_with(&format!("spec.podConfig.{path}: ")), "{error}");
        assert!(
            FIELDS.contains(&field) && error.to_string().ends_with(&format!("`--allow-pod-config {field}`")),
            "{error}"
        );
        assert_eq!(refusal(&config, &[field]), None, "{config}");
    }
}

/// Who shares the namespace of a gateway could otherwise read what others have sent with their tasks.
#[test]
fn no_secret_of_another_task_can_be_named_anywhere() {
    let volume = |source: Value| json!({"volumes": [source]});
    for (spec, path) in [
        (volume(json!({"secret": {"secretName": "a-0123abcd-secrets"}})), "volumes[0].secret.secretName"),
        (
            volume(json!({"projected": {"sources": [{"secret": {"name": "a-0123abcd-secrets"}}]}})),
            "volumes[0].projected.sources[0].secret.name",
        ),
        (
            volume(json!({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "a-0123abcd-registry"}}})),
            "volumes[0].csi.nodePublishSecretRef.name",
        ),
        (
            json!({"containers": [{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a-0123abcd-secrets", "key": "A"}}}]}]}),
            "containers[0].env[0].valueFrom.secretKeyRef.name",
        ),
        (
            json!({"containers": [{"envFrom": [{"secretRef": {"name": "a-0123abcd-secrets"}}]}]}),
            "containers[0].envFrom[0].secretRef",
        ),
        (json!({"imagePullSecrets": [{"name": "a-0123abcd-registry"}]}), "imagePullSecrets[0].name"),
    ] {
        let error = refusal(&json!({ "spec": spec }), &[]).unwrap_or_else(|| panic!("allowed: {spec}")).to_string();
        assert!(error.starts_with(&format!("spec.podConfig.spec.{path}: ")) && error.contains("others"), "{error}");
    }
}

#[test]
fn what_a_pod_may_have() {
    for config in [
        json!({}),
        json!({"metadata": {"labels": {"team": "x"}, "annotations": {"a/b": "c"}}}),
        json!({"spec": {"hostNetwork": false, "hostUsers": false, "automountServiceAccountToken": false}}),
        json!({"spec": {"containers": [{"securityContext": {"privileged": false, "capabilities": {"add": ["CHOWN"], "drop": ["ALL"]}}}]}}),
        json!({"spec": {"volumes": [{"name": "s", "secret": {"secretName": "mine"}}, {"name": "n", "nfs": {"server": "s", "path": "/"}}]}}),
        json!({"spec": {"containers": [{"envFrom": [{"secretRef": {"name": "mine"}}], "readinessProbe": {"tcpSocket": {"port": 1}}}]}}),
        json!({"spec": {"somethingNew": [{"of": "tomorrow"}]}}),
    ] {
        assert_eq!(refusal(&config, &[]), None, "{config}");
    }
}

#[test]
fn what_is_no_change_of_a_pod() {
    for (text, words) in [
        ("[1]", "must be a mapping"),
        ("a: [", "spec.podConfig: "),
        ("kind: Pod", "spec.podConfig.kind: a pod has"),
        ("spec: 1", "spec.podConfig.spec: must be a mapping"),
        ("spec: {containers: {}}", "spec.podConfig.spec.containers: must be a list"),
        ("spec: {containers: [1]}", "spec.podConfig.spec.containers[0]: must be a mapping"),
        ("spec: {restartPolicy: Always}", "spec.podConfig.spec.restartPolicy: is decided by the task"),
        ("spec: {containers: [{args: [x]}]}", "spec.podConfig.spec.containers[0].args: is decided by the task"),
        ("spec: {containers: [{name: ray-node, command: [x]}]}", "spec.podConfig.spec.containers[0].command: "),
        ("spec: {containers: [{env: [{name: SKY_AGENT_RANK}]}]}", "spec.podConfig.spec.containers[0].env[0].name: "),
        ("metadata: {name: x}", "spec.podConfig.metadata.name: "),
        ("metadata: {labels: {task-id: x}}", "spec.podConfig.metadata.labels.task-id: is reserved"),
        ("metadata: {annotations: {a: 1}}", "spec.podConfig.metadata.annotations.a: must be text"),
    ] {
        let error = PodConfig::read(text, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert_eq!(refusal(&json!({"spec": {"containers": [{"name": "side", "args": ["x"]}]}}), &[]), None);
}

#[test]
fn merges_as_skypilot_does() {
    for (base, change, merged) in [
        (json!({"a": {"b": 1}, "c": 2}), json!({"a": {"d": 3}, "c": null}), json!({"a": {"b": 1, "d": 3}, "c": 2})),
        (
            json!({"tolerations": [{"key": "a"}]}),
            json!({"tolerations": [{"key": "a"}, {"key": "b"}]}),
            json!({"tolerations": [{"key": "a"}, {"key": "b"}]}),
        ),
        (
            json!({"containers": [{"name": "task", "image": "i", "env": [{"name": "A", "value": "1"}]}]}),
            json!({"containers": [
                {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}, {"name": "B", "value": "2"}]},
                {"name": "ray-node", "image": "j"},
                {"name": "side", "image": "k"},
            ]}),
            json!({"containers": [
                {"name": "task", "image": "j", "env": [
                    {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}, {"name": "B", "value": "2"},
                ]},
                {"name": "side", "image": "k"},
            ]}),
        ),
        (
            json!({"volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}]}),
            json!({"volumes": [{"name": "dshm", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "x", "emptyDir": {}}]}),
            json!({"volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}, {"name": "x", "emptyDir": {}}]}),
        ),
        (
            json!({"nodeSelectorTerms": [{"matchExpressions": [1]}, {"matchExpressions": [2]}]}),
            json!({"nodeSelectorTerms": [{"matchExpressions": [3]}]}),
            json!({"nodeSelectorTerms": [{"matchExpressions": [1, 3]}, {"matchExpressions": [2, 3]}]}),
        ),
    ] {
        let mut value = base.clone();
        merge::into(&mut value, &change);
        assert_eq!(value, merged, "{base} and {change}");
    }
}

/// What our types do not know arrives, and what identifies the pod stays ours.
#[test]
fn nothing_is_dropped() {
    let task = fixture::valid(&fixture::task(1));
    let plan = crate::task::plan(&task, &crate::task::ObservedTask::default(), fixture::at(0));
    let crate::plan::Write::CreateJob(job) = &plan.writes[0] else { panic!("a Job") };
    let config = PodConfig::read(
        "{spec: {ofTomorrow: {x: 1}, containers: [{ofTomorrow: [2]}]}, metadata: {labels: {team: x}}}",
        &[],
    )
    .unwrap();
    let body = config.change(job);
    let template = &body["spec"]["template"];
    assert_eq!(
        (&template["spec"]["ofTomorrow"]["x"], &template["spec"]["containers"][0]["ofTomorrow"]),
        (&json!(1), &json!([2]))
    );
    assert_eq!(
        (&template["metadata"]["labels"]["team"], &template["metadata"]["labels"]["task-id"]),
        (&json!("x"), &json!("0123abcd"))
    );
    assert_eq!(template["spec"]["containers"].as_array().unwrap().len(), 1);
}
