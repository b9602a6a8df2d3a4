#![allow(warnings)]
use std::io::Write;
#[test]
fn scratch() {
    let Ok(path) = std::env::var("SCRATCH") else { return };
    let mut out = std::fs::File::create(format!("{path}.out")).unwrap();
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let t: String = serde_json::from_str(line).unwrap();
        let r = std::panic::catch_unwind(|| {
            match sky_taskfile::understand(&t, "f", Default::default(), &Default::default()) {
                Ok(u) => serde_json::json!({"ok": u.pipeline.tasks.iter().map(|t| t.normalize()).collect::<Vec<_>>()}),
                Err(e) => serde_json::json!({"err": e.explain()}),
            }
        })
        .unwrap_or(serde_json::json!({"panic": 1}));
        writeln!(out, "{r}").unwrap();
    }
}
