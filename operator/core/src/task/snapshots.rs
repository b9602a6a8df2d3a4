//! The generated objects, as they go to the API server.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::json;
use sky_crd::task::SkyTask;

use super::{
    ObservedTask, PodSecurity, Policy,
    entry::entry_script,
    fixture::{at, policy, task, valid},
    literal::literal,
    plan,
    shell::without_comments,
    validate,
};
use crate::plan::Write;

/// A claim for every volume of the task.
pub(super) fn claims(task: &SkyTask) -> Vec<PersistentVolumeClaim> {
    let claim = |name: &str| serde_json::from_value(json!({"metadata": {"name": name, "namespace": "ns"}})).unwrap();
    task.spec.volumes.iter().filter_map(|mount| mount.name.as_deref()).map(claim).collect()
}

/// The task's writes as one YAML document each; the entry script, which has tests of its own, is left out. All of its
/// volumes are there.
pub(super) fn rendered(task: &SkyTask) -> String {
    let observed = ObservedTask { claims: claims(task), ..ObservedTask::default() };
    documents(plan(&valid(task), &observed, at(0)).writes)
}

/// These writes as one YAML document each.
pub(super) fn documents(writes: Vec<Write>) -> String {
    let objects = writes.into_iter().map(|write| match write {
        Write::CreateScripts(object) => serde_yaml::to_string(&object),
        Write::PutService(object) => serde_yaml::to_string(&object),
        Write::PutIngress(object) => serde_yaml::to_string(&object),
        Write::CreateNetwork { service, token } => {
            let both = [serde_yaml::to_string(&service), serde_yaml::to_string(&token)];
            Ok(both.map(Result::unwrap).join("---\n"))
        }
        Write::CreateJob(mut object) => {
            let pod = object.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
            let all = pod.containers.iter_mut().chain(pod.init_containers.iter_mut().flatten());
            for args in all.filter_map(|container| container.args.as_mut()) {
                let (script, name) = match args[2].as_str() {
                    "sky-task" => (entry_script(), "<entry script>"),
                    _ => (without_comments(include_str!("checkout.sh")), "<checkout script>"),
                };
                assert_eq!(args[1], literal(&script));
                args[1] = name.to_owned();
            }
            serde_yaml::to_string(&object)
        }
        Write::CreateChangedJob { mut body, .. } => {
            *body.pointer_mut("/spec/template/spec/containers/0/args/1").unwrap() = "<entry script>".into();
            serde_yaml::to_string(&body)
        }
        Write::CreateClaim(object) => serde_yaml::to_string(&object),
        Write::DeleteJob { .. }
        | Write::DeleteAddress { .. }
        | Write::DeleteExtras { .. }
        | Write::DeleteTask { .. }
        | Write::GrowClaim { .. }
        | Write::SetClaimOwners { .. } => {
            unreachable!("a new task owns no claim and has nothing to delete")
        }
    });
    objects.map(Result::unwrap).collect::<Vec<_>>().join("---\n")
}

#[test]
fn a_minimal_task() {
    insta::assert_snapshot!(rendered(&task(1)));
}

#[test]
fn the_walkthrough() {
    let mut walkthrough = task(2);
    walkthrough.spec = serde_json::from_value(json!({
        "name": "training-job", "user": "myuser", "numNodes": 2,
        "resources": {"cpus": "4", "memory": "8Gi", "accelerators": [{"count": 1}], "imageId": "python:3.11"},
        "volumes": [{"mountPath": "/data", "name": "data"}],
        "envs": {"EPOCHS": "100"},
        "setup": "pip install torch numpy\n",
        "run": "python train.py --data /data --epochs $EPOCHS\n",
    }))
    .unwrap();
    insta::assert_snapshot!(rendered(&walkthrough));
}

#[test]
fn everything_passed_through() {
    let mut full = task(1);
    full.spec = serde_json::from_value(json!({
        "name": "My_Task", "user": "a@b", "taskId": "00c0ffee", "workdir": {"path": "/work dir"},
        "envs": {"QUOTES": "a'b\"c", "DOLLARS": "$A $$ $(X)", "EMPTY": "", "MASTER_ADDR": "mine"},
        "run": "x".repeat(9000),
        "serviceAccountName": "robot", "imagePullSecrets": [{"name": "registry"}], "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "high", "runtimeClassName": "nvidia", "labels": {"team": "x"},
    }))
    .unwrap();
    insta::assert_snapshot!(rendered(&full).replace(&"x".repeat(9000), "<9000 bytes>"));
}

#[test]
fn a_repository() {
    let mut repository = task(2);
    repository.spec = serde_json::from_value(json!({
        "user": "ann", "numNodes": 2, "run": "python train.py", "resources": {"memory": "8Gi"},
        "workdir": {"git": {"url": "git@github.com:org/repo.git", "ref": "v1.0"}},
        "secrets": [{"name": "GIT_TOKEN", "secretName": "mine", "key": "token"}],
    }))
    .unwrap();
    insta::assert_snapshot!(rendered(&repository));
}

#[test]
fn a_changed_pod() {
    let mut changed = task(1);
    changed.spec = serde_json::from_value(json!({
        "user": "ann", "run": "true", "resources": {"accelerators": [{"name": "H100", "count": 1}], "ports": ["8080", "9000-9001"]},
        "podConfig": "
            metadata: {annotations: {example.com/a: b}}
            spec:
              imagePullSecrets: [{name: registry}]
              tolerations: [{key: team, operator: Exists}]
              containers: [{env: [{name: A, valueFrom: {secretKeyRef: {name: mine, key: a}}}], workingDir: /w}]
              volumes: [{name: dshm, emptyDir: {sizeLimit: 1Gi}}]
        ",
    }))
    .unwrap();
    insta::assert_snapshot!(rendered(&changed));
}

/// As every namespace lets it in, with what its user asks for on top.
#[test]
fn a_restricted_pair() {
    let mut pair = task(2);
    pair.spec.pod_config = Some("spec: {securityContext: {runAsUser: 2000}}".to_owned());
    let restricted = Policy { pod_security: PodSecurity::Restricted, ..policy() };
    let writes = plan(&validate(&pair, &restricted).unwrap(), &ObservedTask::default(), at(0)).writes;
    let pod = writes.iter().find_map(|write| match write {
        Write::CreateChangedJob { body, .. } => Some(&body["spec"]["template"]["spec"]),
        _ => None,
    });
    let pod = pod.unwrap();
    let of_containers =
        |list: &str| pod[list].as_array().unwrap().iter().map(|one| &one["securityContext"]).collect::<Vec<_>>();
    let shown = json!({
        "pod": pod["securityContext"], "task": of_containers("containers"), "agent": of_containers("initContainers"),
    });
    insta::assert_snapshot!(serde_yaml::to_string(&shown).unwrap());
}
