//! One node's log as a stream of bytes: waits for its pod, follows it, and goes on after broken connections.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{AsyncBufRead, AsyncBufReadExt as _, FutureExt as _, Stream, stream};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{Api, api::LogParams};
use sky_crd::task::SkyTask;
use tokio::{sync::watch, time::timeout};

use super::{
    Selection,
    cursor::{Cursor, Start, Style},
    target::{Step, Target, is_gone, next_step},
};

/// The status says when a pod starts; this is only for when the status is late.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// First pause before a new connection, doubled each time without a byte in between.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A connection that is silent for so long may be dead; a new one costs little and loses nothing.
const SILENCE: Duration = Duration::from_secs(300);
/// At most so many bytes are gathered before they are passed on.
const BATCH: usize = 128 * 1024;
/// How often others get their turn before a batch ends.
const TURNS: usize = 3;

type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

/// What one node's stream needs.
#[derive(Debug)]
pub struct NodeLog {
    pods: Api<Pod>,
    task: watch::Receiver<Option<Arc<SkyTask>>>,
    uid: String,
    index: u32,
    style: Style,
    follow: bool,
    tail: Option<u32>,
    since: Option<Timestamp>,
    done: Option<Target>,
}

/// One pod being followed.
struct Following {
    target: Target,
    cursor: Cursor,
    reader: Option<Reader>,
    /// Whether the container had ended when the reader was opened: then its end is the log's end.
    complete: bool,
    pause: Duration,
}

enum State {
    Between,
    Following(Box<Following>),
}

/// What is known of a pod.
enum Seen {
    /// It is not there, or another object has its name.
    Missing,
    /// Its container has not started.
    Waiting,
    /// Its container runs or has ended.
    Started { container: Option<String>, ended: bool },
}

impl NodeLog {
    /// The log of node `index` of the task with this UID.
    pub fn new(
        pods: Api<Pod>,
        task: watch::Receiver<Option<Arc<SkyTask>>>,
        uid: &str,
        index: u32,
        style: Style,
        selection: &Selection,
    ) -> Self {
        let Selection { follow, tail, since, .. } = *selection;
        Self { pods, task, uid: uid.to_owned(), index, style, follow, tail, since, done: None }
    }

    /// The bytes, in batches of whole lines as they come. Ends with the task.
    pub fn into_stream(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold((self, State::Between), |(mut log, state)| async move {
            let mut gone = log.task.clone();
            let uid = log.uid.clone();
            tokio::select! {
                biased;
                _ = gone.wait_for(|task| is_gone(task.as_deref(), &uid)) => None,
                next = log.next(state) => next.map(|(bytes, state)| (bytes, (log, state))),
            }
        })
    }

    async fn next(&mut self, mut state: State) -> Option<(Bytes, State)> {
        loop {
            let mut out = Vec::new();
            state = match state {
                State::Between => State::Following(Box::new(self.wait_for_pod().await?)),
                State::Following(following) => self.read(following, &mut out).await,
            };
            if !out.is_empty() {
                return Some((Bytes::from(out), state));
            }
        }
    }

    /// Waits until there is a pod to follow; `None` when there will be none.
    async fn wait_for_pod(&mut self) -> Option<Following> {
        loop {
            let step = next_step(self.task.borrow_and_update().as_deref(), &self.uid, self.index, self.done.as_ref());
            match step {
                Step::End => return None,
                Step::Follow(target) => {
                    let start = Start { since: self.since, midway: self.tail.is_some() };
                    let cursor = Cursor::new(self.style.clone(), start);
                    return Some(Following { target, cursor, reader: None, complete: false, pause: FIRST_PAUSE });
                }
                Step::Wait if !self.follow => return None,
                // The sender lives as long as the cache, which is as long as the process.
                Step::Wait => self.task.changed().await.ok()?,
            }
        }
    }

    async fn read(&mut self, mut following: Box<Following>, out: &mut Vec<u8>) -> State {
        let Some(mut reader) = following.reader.take() else {
            return self.open(following, out).await;
        };
        match timeout(SILENCE, fill(&mut reader, &mut following.cursor, out)).await {
            Ok(Ok(true)) => {
                if !out.is_empty() {
                    following.pause = FIRST_PAUSE;
                }
                following.reader = Some(reader);
            }
            Ok(Ok(false)) if following.complete || !self.follow => {
                following.cursor.finish(out);
                self.done = Some(following.target);
                return State::Between;
            }
            // The container has just ended, or somebody between us and it has closed the connection.
            Ok(Ok(false)) => following.pause().await,
            Ok(Err(error)) => {
                tracing::debug!(pod = following.target.pod, %error, "log connection broke, going on");
                following.pause().await;
            }
            Err(_) => {}
        }
        State::Following(following)
    }

    /// Opens the pod's log where the cursor stands, or waits a moment and leaves it to the next call.
    async fn open(&mut self, mut following: Box<Following>, out: &mut Vec<u8>) -> State {
        match self.look_at(&following.target).await {
            Ok(Seen::Started { container, ended }) => {
                // An ended container writes no more: to follow it would only make the kubelet send every line by itself.
                let follow = self.follow && !ended;
                let params = self.params(container, following.cursor.reconnect(), follow);
                match self.pods.log_stream(&following.target.pod, &params).await {
                    Ok(reader) => {
                        following.reader = Some(Box::pin(reader));
                        following.complete = ended;
                    }
                    Err(error) => return self.try_again(following, &error, out).await,
                }
            }
            Ok(Seen::Waiting) if !self.follow => {
                self.done = Some(following.target);
                return State::Between;
            }
            Ok(Seen::Waiting) => self.wait_for_start(&mut following).await,
            Ok(Seen::Missing) => return self.missing(following, out).await,
            Err(error) => return self.try_again(following, &error, out).await,
        }
        State::Following(following)
    }

    /// What to ask the kubelet for: from this second on; for the first time, what the reader has asked for.
    fn params(&self, container: Option<String>, second: Option<i64>, follow: bool) -> LogParams {
        let begin = self.since.map(Timestamp::as_second).filter(|_| second.is_none());
        LogParams {
            container,
            follow,
            timestamps: true,
            tail_lines: self.tail.filter(|_| second.is_none()).map(i64::from),
            // A whole second: kube rounds others up, and lines would be lost.
            since_time: second.or(begin).and_then(|second| Timestamp::from_second(second).ok()),
            ..LogParams::default()
        }
    }

    /// Waits a moment before the log is asked for again. Who asked only for what there is now is not kept for ever.
    async fn try_again(&mut self, mut following: Box<Following>, error: &kube::Error, out: &mut Vec<u8>) -> State {
        tracing::warn!(pod = following.target.pod, %error, "log cannot be read yet, trying again");
        if !self.follow && following.pause >= LONGEST_PAUSE {
            following.cursor.mark_gap(out);
            self.done = Some(following.target);
            return State::Between;
        }
        following.pause().await;
        State::Following(following)
    }

    async fn look_at(&self, target: &Target) -> kube::Result<Seen> {
        let Some(pod) = self.pods.get_opt(&target.pod).await? else { return Ok(Seen::Missing) };
        let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
        if !owners.iter().any(|owner| owner.uid == target.job_uid) {
            return Ok(Seen::Missing);
        }
        Ok(seen(&pod))
    }

    /// The pod is there and its container has not started.
    async fn wait_for_start(&mut self, following: &mut Following) {
        let pause = if following.target.started { following.next_pause() } else { LOOK_AGAIN };
        let _ = timeout(pause, self.task.changed()).await;
        let step = next_step(self.task.borrow_and_update().as_deref(), &self.uid, self.index, self.done.as_ref());
        if let Step::Follow(target) = step
            && target.pod == following.target.pod
        {
            following.target = target;
        }
    }

    /// The pod is not there: not yet, or not any more.
    async fn missing(&mut self, following: Box<Following>, out: &mut Vec<u8>) -> State {
        let has_been_read = following.cursor.has_begun();
        if !self.follow && !following.target.started && !has_been_read {
            self.done = Some(following.target);
            return State::Between;
        }
        if following.target.started || has_been_read {
            // It ran, so there was a log; it may have been deleted before we had read all of it.
            following.cursor.mark_gap(out);
            self.done = Some(following.target);
            return State::Between;
        }
        let step = next_step(self.task.borrow_and_update().as_deref(), &self.uid, self.index, self.done.as_ref());
        match step {
            Step::Follow(target) if target == following.target => {
                let _ = timeout(LOOK_AGAIN, self.task.changed()).await;
                if self.task.borrow().as_deref().is_some_and(crate::store::volumes::is_finished) {
                    self.done = Some(following.target);
                }
            }
            _ => {}
        }
        State::Between
    }
}

impl Following {
    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }
}

/// Reads what is there, at least something; `false` at the end.
async fn fill(reader: &mut Reader, cursor: &mut Cursor, out: &mut Vec<u8>) -> std::io::Result<bool> {
    let chunk = reader.fill_buf().await?;
    let mut size = chunk.len();
    if size == 0 {
        return Ok(false);
    }
    cursor.feed(chunk, out);
    reader.consume_unpin(size);
    // What has come already goes into the same batch. A kubelet sends every line by itself, and the task that reads the
    // connection hands it on by itself: it gets its turn before we conclude that there is no more for now.
    let mut turns = 0;
    while out.len() < BATCH && turns < TURNS {
        let Some(more) = reader.fill_buf().now_or_never() else {
            turns += 1;
            tokio::task::yield_now().await;
            continue;
        };
        turns = 0;
        let more = more?;
        size = more.len();
        if size == 0 {
            break;
        }
        cursor.feed(more, out);
        reader.consume_unpin(size);
    }
    Ok(true)
}

fn seen(pod: &Pod) -> Seen {
    let spec_names = pod.spec.iter().flat_map(|spec| &spec.containers).map(|container| &container.name);
    // Something that injects containers marks ours; without it ours is the first.
    let marked = pod.metadata.annotations.as_ref().and_then(|all| all.get("kubectl.kubernetes.io/default-container"));
    let container = marked.or_else(|| spec_names.into_iter().next()).cloned();
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let state =
        statuses.filter(|status| Some(&status.name) == container.as_ref()).find_map(|status| status.state.as_ref());
    match state {
        Some(state) if state.terminated.is_some() => Seen::Started { container, ended: true },
        Some(state) if state.running.is_some() => Seen::Started { container, ended: false },
        _ => Seen::Waiting,
    }
}
