use proptest::prelude::*;
use sky_crd::{TaskId, User};

use super::*;
use crate::validate::{
    convert,
    model::{TASK, VOLUME},
};

fn errors(model: &'static Model, json: &str) -> Vec<(String, &'static str)> {
    let entries = body(model, &Json::parse(json.as_bytes()).unwrap()).err().unwrap_or_default();
    entries.iter().map(|entry| (serde_json::to_string(&entry.loc[1..]).unwrap(), entry.kind)).collect()
}

#[test]
fn every_error_is_told_in_the_tables_order() {
    let json = r#"{"volumes": ["v"], "num_nodes": "two", "name": 1,
        "resources": {"ports": ["a", 1, "2", null, 1.5], "use_spot": "maybe", "cpus": []}, "envs": {"A": null, "B": 1}}"#;
    let expected = [
        (r#"["name"]"#, "string_type"),
        (r#"["num_nodes"]"#, "int_parsing"),
        (r#"["resources","cpus"]"#, "string_type"),
        (r#"["resources","use_spot"]"#, "bool_parsing"),
        (r#"["resources","ports",0]"#, "int_parsing"),
        (r#"["resources","ports",3]"#, "int_type"),
        (r#"["resources","ports",4]"#, "int_from_float"),
        (r#"["envs","A"]"#, "string_type"),
        (r#"["volumes"]"#, "dict_type"),
        (r#"["run"]"#, "missing"),
    ];
    assert_eq!(errors(&TASK, json), expected.map(|(loc, kind)| (loc.to_owned(), kind)));
}

#[test]
fn unknown_keys_are_ignored() {
    assert!(errors(&TASK, r#"{"run": "x", "foo": 1, "resources": {"bar": 2}}"#).is_empty());
}

#[test]
fn the_answer_stays_bounded() {
    let json = format!(r#"{{"run": "x", "resources": {{"ports": [{}null]}}}}"#, "null,".repeat(100_000));
    assert_eq!(errors(&TASK, &json).len(), MAX_ENTRIES);
}

#[test]
fn skypilot_s_forms_become_the_wire_s() {
    let json = r#"{"setup": "s", "num_nodes": null, "envs": {"A": 1, "B": true, "C": 1.5},
        "resources": {"cpus": 4, "memory": 1.5, "accelerators": {"H100": 8}, "disk_size": "1TB", "ports": "80,90-91"}}"#;
    let request = convert::task(body(&TASK, &Json::parse(json.as_bytes()).unwrap()).unwrap());
    let resources = request.resources.unwrap();
    assert_eq!((resources.cpus.as_deref(), resources.memory.as_deref()), (Some("4"), Some("1.5")));
    assert_eq!((resources.accelerators.as_deref(), resources.disk_size), (Some("H100:8"), Some(1024)));
    assert_eq!(resources.ports, [80, 90, 91]);
    let envs: Vec<_> = request.envs.into_values().collect();
    assert_eq!(envs, ["1", "True", "1.5"]);
    assert_eq!((request.num_nodes, request.run), (None, None));
}

#[test]
fn recovery_in_all_forms() {
    for (json, expected) in [
        (r#""FAILOVER""#, r#"{"strategy":"FAILOVER"}"#),
        ("{}", "{}"),
        (r#"{"strategy": null, "max_restarts_on_errors": 3}"#, r#"{"max_restarts_on_errors":3}"#),
        (r#"{"recover_on_exit_codes": 33}"#, r#"{"recover_on_exit_codes":[33]}"#),
        (r#"{"recover_on_exit_codes": ["33", 34], "other": 1}"#, r#"{"recover_on_exit_codes":[33,34]}"#),
        (r#"{"max_restarts_on_errors": 99999999999999999999}"#, r#"{"max_restarts_on_errors":4294967295}"#),
        ("null", "null"),
    ] {
        let json = format!(r#"{{"run": "x", "resources": {{"job_recovery": {json}}}}}"#);
        let request = convert::task(body(&TASK, &Json::parse(json.as_bytes()).unwrap()).unwrap());
        let recovery = request.resources.unwrap().job_recovery;
        assert_eq!(serde_json::to_string(&recovery).unwrap(), expected, "{json}");
    }
    let json = r#"{"run": "x", "resources": {"job_recovery":
        {"strategy": 1, "max_restarts_on_errors": -1, "recover_on_exit_codes": "x"}}}"#;
    let at = |field: &str| format!(r#"["resources","job_recovery","{field}"]"#);
    let expected = [
        (at("strategy"), "string_type"),
        (at("max_restarts_on_errors"), "greater_than_equal"),
        (at("recover_on_exit_codes"), "list_type"),
    ];
    assert_eq!(errors(&TASK, json), expected);
    let number = r#"{"run": "x", "resources": {"job_recovery": 3}}"#;
    assert_eq!(errors(&TASK, number), [(r#"["resources","job_recovery"]"#.to_owned(), "model_attributes_type")]);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "-?[0-9]{1,22}".prop_map(Json::Int),
        any::<f64>().prop_map(Json::Float),
        ".{0,8}".prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let key = prop_oneof![
            "(name|size|run|setup|num_nodes|resources|envs|volumes|file_mounts|cpus|memory|accelerators|ports|disk_size)",
            "(image_id|use_spot|job_recovery|recover_on_exit_codes|storage_class|access_modes|workdir)",
            ".{0,4}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            proptest::collection::vec((key, inner), 0..8).prop_map(Json::Object),
        ]
    })
}

proptest! {
    /// Whatever is sent becomes a resource or an error that says where; nothing panics and nothing is in between.
    #[test]
    fn any_body_is_accepted_or_refused(json in any_json()) {
        let (id, user): (_, User) = (TaskId::from_bits(1), "u".parse().unwrap());
        match body(&TASK, &json) {
            Ok(fields) => drop(convert::task(fields).into_task(&id, &user, "default")),
            Err(entries) => prop_assert!(!entries.is_empty()),
        }
        if let Ok(fields) = body(&VOLUME, &json) {
            drop(convert::volume(fields).into_volume(&id, &user, "default"));
        }
    }
}
