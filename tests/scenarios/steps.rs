//! A task that is deleted, suspended and resumed, or stopped, whatever it is doing at that moment. What holds it at a step
//! is something that the test lets go, never time.

mod check;
mod held;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use sky_crd::task::{SkyTask, TaskPhase};
use sky_tests::space::Space;

use check::Witness;
use held::Step;

/// What is done to a task at each step, and what the task is called for it.
const ACTS: [&str; 3] = ["deleted", "paused", "stopped"];
/// What stops holding the tasks that run.
const GO: &str = "go";

async fn set(space: &Space, name: &str, spec: &Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    space.api::<SkyTask>().patch(name, &PatchParams::default(), &patch).await.expect("this may change");
}

async fn delete(space: &Space, name: &str) {
    space.api::<SkyTask>().delete(name, &Default::default()).await.expect("deleted");
}

async fn secret(space: &Space) {
    space.create::<Secret>(json!({"metadata": {"name": "later"}, "stringData": {"key": "value"}})).await;
}

/// Makes a file in the volume that the tasks wait at.
async fn touch(space: &Space, file: &str) {
    let name = format!("touches-{file}");
    space.task(&name, json!({"run": format!("touch /data/{file}"), "volumes": held::data()})).await;
    space.finished(&name).await;
}

/// Makes all that tasks wait for.
async fn let_go(space: &Space) {
    space.volume("later", json!({})).await;
    secret(space).await;
    touch(space, GO).await;
}

/// Begins the tasks of each step, one for each act.
async fn begin(space: &Space, steps: &[Step]) -> Witness {
    let witness = Witness::start(space).await;
    for step in steps {
        for act in ACTS {
            space.task(&step.task(act), step.spec.clone()).await;
        }
    }
    witness
}

/// Waits until all are where they are to be.
async fn arrive(space: &Space, steps: &[Step], witness: &mut Witness) {
    for step in steps {
        for act in ACTS {
            step.reached(space, &step.task(act)).await;
        }
    }
    witness.remember(space, &steps[0].task("deleted")).await;
}

/// Does all acts at all steps at once and looks at what comes of them; `meanwhile` lets those go that are at their end.
async fn act(space: &Space, steps: &[Step], witness: &Witness, meanwhile: impl AsyncFnOnce()) {
    for step in steps {
        delete(space, &step.task("deleted")).await;
        set(space, &step.task("paused"), &json!({"suspend": true})).await;
        set(space, &step.task("stopped"), &json!({"stop": true})).await;
    }
    meanwhile().await;
    for step in steps {
        witness.is_gone(space, &step.task("deleted")).await;
        check::is_suspended(space, &step.task("paused"), step.kept).await;
        check::is_stopped(space, &step.task("stopped"), step.kept).await;
    }
    witness.nothing_else_was_touched(space).await;
}

/// Resumes the suspended tasks when nothing holds them any more: each completes, as an attempt of its own.
async fn resume(space: &Space, steps: &[Step]) {
    for step in steps {
        set(space, &step.task("paused"), &step.mended).await;
        set(space, &step.task("paused"), &json!({"suspend": false})).await;
    }
    for step in steps {
        let task = space.finished(&step.task("paused")).await;
        let status = task.status.expect("a status");
        let end = (status.phase, status.attempt, status.exit_code);
        assert_eq!(
            end,
            (Some(TaskPhase::Succeeded), Some(step.attempt), Some(0)),
            "{}: {:#?}",
            step.name,
            status.nodes
        );
        check::never_completed(space, &step.task("stopped"));
        check::nothing_runs_of(space, &step.task("stopped"), step.kept).await;
    }
    let other = space.finished(check::BYSTANDER).await.status.expect("a status");
    assert_eq!((other.phase, other.attempt), (Some(TaskPhase::Succeeded), Some(0)));
}

/// All of it, of steps that hold by themselves.
async fn at(name: &str, pods: u32, steps: Vec<Step>) {
    Space::with(name, pods, async |space| {
        let mut witness = begin(&space, &steps).await;
        arrive(&space, &steps, &mut witness).await;
        act(&space, &steps, &witness, async || {}).await;
        let_go(&space).await;
        resume(&space, &steps).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_task_waits_for_what_is_not_there() {
    at("steps-waiting", 5, held::waiting()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_setup_or_run_is_at_work() {
    at("steps-running", 8, held::running()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_node_waits_for_the_setup_of_another() {
    at("steps-barrier", 8, held::at_the_barrier()).await;
}

/// All have been suspended already, and their scripts take their time to end. Who takes the suspension back meanwhile gets
/// another attempt all the same.
#[tokio::test(flavor = "multi_thread")]
async fn while_scripts_have_the_grace_period_to_end_in() {
    Space::with("steps-ending", 6, async |space| {
        let steps = held::ending();
        let mut witness = begin(&space, &steps).await;
        space.task("withdrawn", steps[0].spec.clone()).await;
        let names: Vec<_> = ACTS.map(|act| steps[0].task(act)).into_iter().chain(["withdrawn".to_owned()]).collect();
        for name in &names {
            space.said(&space.pod(name, 0).await, "in run").await;
            set(&space, name, &json!({"suspend": true})).await;
        }
        steps[0].reached(&space, "withdrawn").await;
        arrive(&space, &steps, &mut witness).await;
        set(&space, "withdrawn", &json!({"suspend": false})).await;
        act(&space, &steps, &witness, async || touch(&space, "end").await).await;
        let_go(&space).await;
        resume(&space, &steps).await;
        let status = space.finished("withdrawn").await.status.expect("a status");
        assert_eq!((status.phase, status.attempt), (Some(TaskPhase::Succeeded), Some(1)), "{:#?}", status.attempts);
    })
    .await;
}

/// The first attempt has failed, and the next one cannot begin: the Secret that the task names is gone.
#[tokio::test(flavor = "multi_thread")]
async fn between_two_attempts() {
    Space::with("steps-between", 5, async |space| {
        let steps = held::between_attempts();
        secret(&space).await;
        let mut witness = begin(&space, &steps).await;
        for name in ACTS.map(|act| steps[0].task(act)) {
            space.said(&space.pod(&name, 0).await, "in run").await;
        }
        space.api::<Secret>().delete("later", &Default::default()).await.expect("deleted");
        touch(&space, "fail").await;
        arrive(&space, &steps, &mut witness).await;
        act(&space, &steps, &witness, async || {}).await;
        let_go(&space).await;
        resume(&space, &steps).await;
    })
    .await;
}

/// What is over stays as it was, whatever is asked of it: with its log, or past its time to live, as a record alone.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_end() {
    Space::with("steps-over", 6, async |space| {
        let steps = held::over();
        let mut witness = begin(&space, &steps).await;
        arrive(&space, &steps, &mut witness).await;
        for step in &steps {
            delete(&space, &step.task("deleted")).await;
            for (act, asked) in [("paused", json!({"suspend": true})), ("stopped", json!({"stop": true}))] {
                let name = step.task(act);
                for spec in [asked, json!({"suspend": false, "stop": false})] {
                    set(&space, &name, &spec).await;
                    let task = space.api::<SkyTask>().get(&name).await.expect("the task");
                    let seen = |now: &SkyTask| {
                        let generation = now.status.as_ref().and_then(|status| status.observed_generation);
                        generation == task.metadata.generation
                    };
                    let task = space.when(&name, "is seen as it is now", seen).await;
                    check::stands(&task, &["Complete", "Finished", "Ready"], "Succeeded");
                }
            }
        }
        for step in &steps {
            witness.is_gone(&space, &step.task("deleted")).await;
        }
        witness.nothing_else_was_touched(&space).await;
        let_go(&space).await;
        space.finished(check::BYSTANDER).await;
        for step in &steps {
            for act in ["paused", "stopped"] {
                check::nothing_runs_of(&space, &step.task(act), step.kept).await;
                assert_eq!(witness.jobs_ever(&space, &step.task(act)), 1, "{}", step.name);
            }
        }
    })
    .await;
}
