use std::{convert::Infallible, future::pending};

use tokio::time::{Instant, sleep};

use super::*;

const DRAIN: Duration = Duration::from_secs(10);

async fn until_cancelled(token: CancellationToken) -> Result<(), Infallible> {
    token.cancelled().await;
    Ok(())
}

fn signals_after(delays: &'static [u64]) -> impl Stream<Item = &'static str> {
    stream::iter(delays).then(|seconds| async move {
        sleep(Duration::from_secs(*seconds)).await;
        "SIGTERM"
    })
}

#[tokio::test(start_paused = true)]
async fn a_signal_stops_all_tasks_and_is_no_error() {
    let mut supervisor = Supervisor::new(DRAIN);
    supervisor.spawn("one", until_cancelled(supervisor.shutdown_token()));
    supervisor.spawn("two", until_cancelled(supervisor.shutdown_token()));
    assert_eq!(supervisor.run_until(signals_after(&[5])).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_first_task_that_ends_ends_the_others() {
    let mut supervisor = Supervisor::new(DRAIN);
    let token = supervisor.shutdown_token();
    supervisor.spawn("steady", until_cancelled(token.clone()));
    supervisor.spawn("watch", async { Ok::<_, Infallible>(()) });
    assert_eq!(supervisor.run_until(stream::empty()).await, Err(SuperviseError::Ended { task: "watch" }));
    assert!(token.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_task_and_the_reason() {
    let mut supervisor = Supervisor::new(DRAIN);
    supervisor.spawn("watch", async { Err("connection refused") });
    let expected = SuperviseError::Failed { task: "watch", reason: "connection refused".to_owned() };
    assert_eq!(supervisor.run_until(stream::pending()).await, Err(expected));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_no_silent_death() {
    let mut supervisor = Supervisor::new(DRAIN);
    supervisor.spawn("watch", async {
        sleep(Duration::from_secs(1)).await;
        assert!(std::hint::black_box(false), "index {} is gone", 7);
        Ok::<_, Infallible>(())
    });
    let expected = SuperviseError::Panicked { task: "watch", reason: "index 7 is gone".to_owned() };
    assert_eq!(supervisor.run_until(stream::pending()).await, Err(expected));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_left_behind_after_the_drain_time() {
    let mut supervisor = Supervisor::new(DRAIN);
    supervisor.spawn("stubborn", pending::<Result<(), Infallible>>());
    let start = Instant::now();
    assert_eq!(supervisor.run_until(signals_after(&[1])).await, Ok(()));
    assert_eq!(start.elapsed(), DRAIN + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_aborts_at_once() {
    let mut supervisor = Supervisor::new(DRAIN);
    supervisor.spawn("stubborn", pending::<Result<(), Infallible>>());
    let start = Instant::now();
    assert_eq!(supervisor.run_until(signals_after(&[1, 2])).await, Err(SuperviseError::Aborted));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_error_while_stopping_does_not_turn_a_stop_into_a_failure() {
    let mut supervisor = Supervisor::new(DRAIN);
    let token = supervisor.shutdown_token();
    supervisor.spawn("sloppy", async move {
        token.cancelled().await;
        Err("connection closed")
    });
    assert_eq!(supervisor.run_until(signals_after(&[1])).await, Ok(()));
}
