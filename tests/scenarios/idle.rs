//! A converged cluster is left alone.

use std::time::Duration;

use serde_json::json;
use sky_crd::task::TaskPhase;
use sky_tests::{
    audit,
    operator::{ONE, Operator},
    space::Space,
};

#[tokio::test(flavor = "multi_thread")]
async fn no_write_in_60_seconds_with_20_finished_and_5_running_tasks() {
    Space::with_operator("idle", 5, async |space| {
        let operator = Operator::start_elected(&space.name, ONE);
        if !audit::is_readable() {
            return operator;
        }
        for batch in 0..4 {
            let names: Vec<_> = (0..5).map(|index| format!("done-{batch}-{index}")).collect();
            for name in &names {
                space.task(name, json!({"run": "true"})).await;
            }
            for name in &names {
                space.finished(name).await;
            }
        }
        for index in 0..5 {
            space.task(&format!("on-{index}"), json!({"run": "exec sleep 600"})).await;
        }
        for index in 0..5 {
            let runs = |task: &sky_crd::task::SkyTask| {
                task.status.as_ref().is_some_and(|s| s.phase == Some(TaskPhase::Running))
            };
            space.when(&format!("on-{index}"), "runs", runs).await;
        }
        // A watch may tell of a write before its line is in the audit log.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let before = audit::operator_writes(&space.name).len();
        assert!(before > 0, "the audit log shows the operator's writes");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let after = audit::operator_writes(&space.name).split_off(before);
        let renewal =
            |write: &audit::Write| (write.verb.as_str(), write.object_ref.resource.as_str()) == ("update", "leases");
        let (renewals, others): (Vec<_>, Vec<_>) = after.into_iter().partition(renewal);
        assert!(others.is_empty(), "{others:#?}");
        // Every 5 seconds.
        assert!((8..=13).contains(&renewals.len()), "{} renewals in 60 s", renewals.len());
        operator
    })
    .await;
}
