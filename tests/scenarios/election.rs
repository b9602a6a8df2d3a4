//! Two operators share a lease: one works, and the other takes over.

use std::time::Duration;

use k8s_openapi::api::{batch::v1::Job, coordination::v1::Lease};
use kube::ResourceExt as _;
use rustix::process::Signal;
use serde_json::json;
use sky_crd::task::{SkyTask, TaskPhase};
use sky_tests::{
    history::History,
    operator::{ONE, Operator, TWO},
    space::Space,
};
use tokio::time::Instant;

/// The default of `--lease-duration`.
const LEASE: Duration = Duration::from_secs(15);

async fn leads(leases: &History<Lease>, name: &str) {
    let holder = |lease: &Lease| lease.spec.as_ref()?.holder_identity.clone();
    leases.when(&format!("{name} leads"), |lease| holder(lease).is_some_and(|holder| holder.starts_with(name))).await;
}

async fn running(space: &Space, name: &str) -> SkyTask {
    let runs = |task: &SkyTask| task.status.as_ref().is_some_and(|s| s.phase == Some(TaskPhase::Running));
    space.task(name, json!({"run": "exec sleep 600"})).await;
    space.when(name, "runs", runs).await
}

/// Two operators of which the first leads and the second stands by.
async fn pair(space: &Space, leases: &History<Lease>) -> (Operator, Operator) {
    let one = Operator::start_elected(&space.name, ONE);
    leads(leases, ONE).await;
    let two = Operator::start_elected(&space.name, TWO);
    let deadline = Instant::now() + sky_tests::DEADLINE;
    while !two.said().contains("standing by") {
        assert!(Instant::now() < deadline, "{}", two.said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (one, two)
}

async fn version(space: &Space, task: &str) -> Option<String> {
    space.api::<SkyTask>().get(task).await.expect("the task").resource_version()
}

/// The one that stands by reads nothing and writes nothing; it is ready all the same, or a rolling update would hang.
#[tokio::test(flavor = "multi_thread")]
async fn sigkill_of_the_leader_touches_no_running_task() {
    Space::with_operator("takeover", 3, async |space| {
        let leases: History<Lease> = History::start(space.api()).await;
        let jobs: History<Job> = History::start(space.api()).await;
        let (one, two) = pair(&space, &leases).await;
        running(&space, "on").await;
        let before = version(&space, "on").await;
        assert_eq!(two.page("/readyz"), "ok\n");
        assert!(!two.page("/metrics").contains("sky_operator_writes_total{"), "{}", two.page("/metrics"));
        let killed = Instant::now();
        one.kill();
        space.task("next", json!({"run": "true"})).await;
        leads(&leases, TWO).await;
        println!("the lease changed hands {:.1} s after SIGKILL", killed.elapsed().as_secs_f64());
        space.finished("next").await;
        println!("a task submitted at the SIGKILL finished after {:.1} s", killed.elapsed().as_secs_f64());
        assert_eq!(version(&space, "on").await, before, "nothing was written to the running task");
        assert_eq!(jobs.uids().len(), 2, "one Job for each task");
        two
    })
    .await;
}

/// A leader that wakes up long after its lease has ended writes nothing any more and ends.
#[tokio::test(flavor = "multi_thread")]
async fn sigstop_for_twice_the_lease_does_no_harm() {
    Space::with_operator("asleep", 4, async |space| {
        let leases: History<Lease> = History::start(space.api()).await;
        let jobs: History<Job> = History::start(space.api()).await;
        let (mut one, two) = pair(&space, &leases).await;
        running(&space, "on").await;
        one.signal(Signal::STOP);
        let stopped = Instant::now();
        // Both operators hear of this one, and the first only when it wakes up.
        space.task("meanwhile", json!({"numNodes": 2, "run": "true"})).await;
        leads(&leases, TWO).await;
        space.finished("meanwhile").await;
        tokio::time::sleep_until(stopped + 2 * LEASE).await;
        let before = (version(&space, "on").await, version(&space, "meanwhile").await);
        one.signal(Signal::CONT);
        assert!(!one.ended().await, "it calls that a failure");
        assert!(one.said().contains("was not renewed"), "{}", one.said());
        space.task("after", json!({"run": "true"})).await;
        space.finished("after").await;
        assert_eq!((version(&space, "on").await, version(&space, "meanwhile").await), before);
        assert_eq!(jobs.uids().len(), 4, "one Job for each node");
        two
    })
    .await;
}

/// A leader that is asked to end gives its lease back: the next one does not wait for its end.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_hands_the_lease_over() {
    Space::with_operator("handover", 1, async |space| {
        let leases: History<Lease> = History::start(space.api()).await;
        let (mut one, two) = pair(&space, &leases).await;
        one.signal(Signal::TERM);
        assert!(one.ended().await, "{}", one.said());
        let ended = Instant::now();
        leads(&leases, TWO).await;
        let waited = ended.elapsed();
        println!("the next one leads {:.1} s after the last one has ended", waited.as_secs_f64());
        assert!(waited < LEASE / 2, "{waited:?}");
        space.task("next", json!({"run": "true"})).await;
        space.finished("next").await;
        two
    })
    .await;
}
