//! Task files as SkyPilot's users write them, from the text to the objects that go to the API server.
//!
//! When a rule changes on purpose: `INSTA_UPDATE=always cargo test -p sky-operator-core samples`, then look at the diff.

use std::{fs, path::Path};

use kube::ResourceExt as _;
use serde_json::json;
use sky_crd::{TaskId, task::SkyTask};
use sky_taskfile::{Overrides, Secrets, TaskFile, parse_with_secrets};

use super::snapshots::rendered;

/// What a user would say beside the file.
fn overrides() -> Overrides {
    Overrides { envs: [("MODEL".to_owned(), "tiny".to_owned())].into(), ..Overrides::default() }
}

/// The task as the API server has it, once the gateway has created it.
pub(super) fn stored(file: &TaskFile) -> SkyTask {
    let id = TaskId::from_bits(0x0123_abcd);
    let mut task = file.request.clone().into_task(&id, &"ann".parse().unwrap(), "ns").unwrap();
    task.metadata.uid = Some("0123abcd-1111-2222-3333-444444444444".to_owned());
    task.metadata.generation = Some(1);
    // Through the text, as it travels.
    serde_json::from_value(json!(task)).unwrap()
}

#[test]
fn samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{} samples", files.len());
    let secrets = Secrets::from([("HF_TOKEN".to_owned(), "given-beside".to_owned())]);
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        // A variable that the file does not leave open would only be in the way.
        let overrides = if text.contains("MODEL: null") { overrides() } else { Overrides::default() };
        let declared = if text.contains("HF_TOKEN: null") { secrets.clone() } else { Secrets::new() };
        let file = parse_with_secrets(&text, name, overrides, &declared);
        let file = file.unwrap_or_else(|error| panic!("{}", error.explain()));
        let warnings: String = file.warnings.iter().flat_map(|warning| ["# ", warning, "\n"]).collect();
        let task = stored(&file);
        assert!(task.name_any().ends_with("-0123abcd"));
        let rendered = rendered(&task);
        for value in ["registry-password", "from-envs", "written-here", "given-beside"] {
            assert!(!rendered.contains(value), "{name}: {value}");
        }
        insta::assert_snapshot!(name, format!("{warnings}{rendered}"));
    }
}
