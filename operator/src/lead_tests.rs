//! Leader election against an API server that is a function: time stands still unless somebody waits.

use std::{
    convert::Infallible,
    future,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

/// An API server with one Lease.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    down: bool,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let method = request.method().clone();
                let body = request.into_body().collect_bytes().await.unwrap();
                if server.0.lock().unwrap().down {
                    future::pending::<()>().await;
                }
                Ok::<_, Infallible>(server.answer(&method, serde_json::from_slice(&body).unwrap_or_default()))
            }
        });
        Client::new(service, "ns")
    }

    fn answer(&self, method: &Method, mut sent: Value) -> Response<Body> {
        let mut state = self.0.lock().unwrap();
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
        let status = match (method, &state.lease) {
            (&Method::GET | &Method::PUT, None) => StatusCode::NOT_FOUND,
            (&Method::PUT, Some(lease)) if version(lease) != version(&sent) => StatusCode::CONFLICT,
            (&Method::POST, Some(_)) => StatusCode::CONFLICT,
            _ => StatusCode::OK,
        };
        if status == StatusCode::OK && method != Method::GET {
            state.version += 1;
            sent["metadata"]["resourceVersion"] = json!(state.version.to_string());
            state.lease = Some(sent);
        }
        let reason = if status == StatusCode::NOT_FOUND { "NotFound" } else { "Conflict" };
        let no = json!({"kind": "Status", "status": "Failure", "reason": reason, "code": status.as_u16()});
        let body = state.lease.as_ref().filter(|_| status == StatusCode::OK).unwrap_or(&no);
        Response::builder().status(status).body(Body::from(body.to_string().into_bytes())).unwrap()
    }

    fn candidate(&self, me: &str) -> Arc<Candidate> {
        Arc::new(Candidate::new(&self.client(), ("ns", "lease"), me.to_owned(), Terms::new(15), || {
            Timestamp::UNIX_EPOCH
        }))
    }

    fn holder(&self) -> Value {
        self.0.lock().unwrap().lease.as_ref().unwrap()["spec"]["holderIdentity"].clone()
    }

    fn change(&self, change: impl Fn(&mut Value)) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let version = state.version.to_string();
        let lease = state.lease.as_mut().unwrap();
        change(lease);
        lease["metadata"]["resourceVersion"] = json!(version);
    }
}

/// A candidate that leads, or wants to.
struct Standing {
    candidate: Arc<Candidate>,
    elected: CancellationToken,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), Lost>>,
}

fn stand(candidate: Arc<Candidate>) -> Standing {
    let (elected, shutdown) = (CancellationToken::new(), CancellationToken::new());
    let task = tokio::spawn({
        let (candidate, elected, shutdown) = (candidate.clone(), elected.clone(), shutdown.clone());
        async move { candidate.lead(|| {}, elected, shutdown).await }
    });
    Standing { candidate, elected, shutdown, task }
}

async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_other_takes_over_when_it_is_gone() {
    let server = Server::default();
    let first = stand(server.candidate("a"));
    first.elected.cancelled().await;
    let second = stand(server.candidate("b"));
    pass(3600).await;
    assert!(first.candidate.hold.is_valid() && !second.elected.is_cancelled());
    first.task.abort();
    let gone = Instant::now();
    second.elected.cancelled().await;
    let waited = gone.elapsed().as_secs();
    assert!((10..=17).contains(&waited), "{waited} s");
    assert_eq!(server.holder(), "b");
    assert!(!first.candidate.hold.is_valid(), "nobody writes beside the next holder");
}

#[tokio::test(start_paused = true)]
async fn a_lease_given_back_is_taken_at_once() {
    let server = Server::default();
    let first = stand(server.candidate("a"));
    first.elected.cancelled().await;
    let second = stand(server.candidate("b"));
    pass(1).await;
    first.shutdown.cancel();
    assert!(first.task.await.unwrap().is_ok());
    assert!(first.candidate.hold.is_valid(), "passes on their way may still write");
    first.candidate.release().await;
    assert!(!first.candidate.hold.is_valid());
    let begin = Instant::now();
    second.elected.cancelled().await;
    assert!(begin.elapsed() <= Terms::new(15).retry());
    second.candidate.release().await;
    assert_eq!(server.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn a_silent_api_server_ends_the_hold_before_anybody_else_may_take_it() {
    let server = Server::default();
    let first = stand(server.candidate("a"));
    first.elected.cancelled().await;
    pass(60).await;
    server.0.lock().unwrap().down = true;
    let begin = Instant::now();
    let lost = first.task.await.unwrap().unwrap_err();
    assert!(begin.elapsed() <= Terms::new(15).patience() && matches!(lost, Lost::Expired { .. }), "{lost}");
    assert!(!first.candidate.hold.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_stopped_writes_nothing_and_ends() {
    let server = Server::default();
    let first = stand(server.candidate("a"));
    first.elected.cancelled().await;
    pass(1).await;
    // Time goes on and nothing is run.
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(!first.candidate.hold.is_valid());
    let lost = first.task.await.unwrap().unwrap_err();
    assert!(matches!(lost, Lost::Expired { seconds: 30.., .. }), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn another_holder_or_a_deletion_ends_it_and_a_label_does_not() {
    let server = Server::default();
    let first = stand(server.candidate("a"));
    first.elected.cancelled().await;
    server.change(|lease| lease["metadata"]["labels"] = json!({"by": "hand"}));
    pass(60).await;
    assert!(first.candidate.hold.is_valid());
    server.change(|lease| lease["spec"]["holderIdentity"] = json!("b"));
    let lost = first.task.await.unwrap().unwrap_err();
    assert!(matches!(&lost, Lost::Taken { holder, .. } if holder == "b"), "{lost}");
    first.candidate.release().await;
    assert_eq!(server.holder(), "b", "only the holder gives it back");

    server.change(|lease| lease["spec"]["holderIdentity"] = json!(""));
    let second = stand(server.candidate("c"));
    second.elected.cancelled().await;
    server.0.lock().unwrap().lease = None;
    let lost = second.task.await.unwrap().unwrap_err();
    assert!(matches!(lost, Lost::Deleted { .. }), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn a_fenced_client_reads_always_and_writes_only_while_the_lease_is_held() {
    let server = Server::default();
    let candidate = server.candidate("a");
    let api: Api<Lease> = Api::namespaced(crate::fence::fenced(server.client(), candidate.hold()), "ns");
    let lease = lease::new("lease", "x", Terms::new(15), Timestamp::UNIX_EPOCH);
    let refused = api.create(&PostParams::default(), &lease).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Service(_)), "{refused}");
    assert!(api.get_opt("lease").await.unwrap().is_none());
    candidate.hold.extend(Instant::now(), Terms::new(15));
    api.create(&PostParams::default(), &lease).await.unwrap();
    pass(10).await;
    assert!(api.replace("lease", &PostParams::default(), &lease).await.is_err());
    assert!(api.get_opt("lease").await.unwrap().is_some());
}
