//! The gateway over HTTP: one method per endpoint that the commands use.

use std::{
    io::{self, Read},
    time::Duration,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sky_crd::api::{RerunRequest, TaskRequest, TaskView, VolumeRequest, VolumeView};
use ureq::{Agent, Body, RequestBuilder, http, typestate::WithBody};

use crate::error::Error;

/// Longest time of one call, the log excepted: as the original.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time until the gateway accepts the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a log may bring nothing before it is asked for again: a machine that slept, or a router that forgot the
/// connection, leaves one on which nothing will ever come.
const SILENCE: Duration = Duration::from_secs(60);
/// Largest answer: a list of some 100,000 tasks.
const MAX_ANSWER: u64 = 256 << 20;

/// A connection to the gateway as one user.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    agent: Agent,
    base: String,
    user: String,
    timeout: Duration,
    silence: Duration,
}

/// An answer: what the commands read of it, and all of it as it came.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) view: T,
    pub(crate) raw: Value,
}

/// Answer to a task that was submitted or stopped.
#[derive(Debug, Deserialize)]
pub(crate) struct TaskChange {
    pub(crate) task_id: String,
    pub(crate) status: String,
}

/// Answer to tasks that were stopped.
#[derive(Debug, Deserialize)]
pub(crate) struct TasksStopped {
    pub(crate) count: u64,
    pub(crate) status: String,
}

/// Answer to a volume that was created or deleted.
#[derive(Debug, Deserialize)]
pub(crate) struct VolumeChange {
    pub(crate) volume_id: String,
    pub(crate) status: String,
}

/// Answer to the list of tasks.
#[derive(Debug, Deserialize)]
pub(crate) struct TaskList {
    pub(crate) tasks: Vec<TaskView>,
}

/// Answer to the list of volumes.
#[derive(Debug, Deserialize)]
pub(crate) struct VolumeList {
    pub(crate) volumes: Vec<VolumeView>,
}

/// Which part of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogQuery {
    /// Until the task ends, or only what there is now.
    pub(crate) follow: bool,
    /// So many of the last lines of each node.
    pub(crate) tail: Option<u64>,
    /// From this time on, in the words of the gateway.
    pub(crate) since: Option<String>,
    /// These ranks; all if there is none.
    pub(crate) nodes: Vec<u32>,
}

impl LogQuery {
    /// Only what differs from the gateway's defaults; the stamps are what a broken connection is resumed by.
    fn encoded(&self) -> String {
        let mut parts = vec!["timestamps=true".to_owned()];
        parts.extend((!self.follow).then(|| "follow=false".to_owned()));
        parts.extend(self.tail.map(|lines| format!("tail={lines}")));
        parts.extend(self.since.as_ref().map(|since| format!("since={}", segment(since))));
        parts.extend(self.nodes.iter().map(|rank| format!("node={rank}")));
        parts.join("&")
    }
}

impl Api {
    pub(crate) fn new(base: String, user: String) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("k8s-cli/", env!("CARGO_PKG_VERSION")));
        if is_local(&base) {
            // A proxy for the world cannot reach this machine's own ports.
            config = config.proxy(None);
        }
        Self { agent: config.build().into(), base, user, timeout: TIMEOUT, silence: SILENCE }
    }

    /// Waits at most so long for an answer.
    pub(crate) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) fn submit(&self, task: &TaskRequest) -> Result<Answer<TaskChange>, Error> {
        self.post("/tasks/submit", Some(task))
    }

    pub(crate) fn rerun(&self, id: &str, changes: &RerunRequest) -> Result<Answer<TaskChange>, Error> {
        self.post(&format!("/tasks/{}/rerun", segment(id)), Some(changes))
    }

    pub(crate) fn tasks(&self, all_users: bool) -> Result<Answer<TaskList>, Error> {
        self.get(&format!("/tasks{}", all_users_query(all_users)))
    }

    pub(crate) fn task(&self, id: &str) -> Result<Answer<TaskView>, Error> {
        self.get(&format!("/tasks/{}", segment(id)))
    }

    pub(crate) fn stop(&self, id: &str) -> Result<Answer<TaskChange>, Error> {
        self.post::<(), _>(&format!("/tasks/{}/stop", segment(id)), None)
    }

    pub(crate) fn stop_all(&self, all_users: bool) -> Result<Answer<TasksStopped>, Error> {
        self.post::<(), _>(&format!("/tasks/stop{}", all_users_query(all_users)), None)
    }

    pub(crate) fn create_volume(&self, volume: &VolumeRequest) -> Result<Answer<VolumeChange>, Error> {
        self.post("/volumes/create", Some(volume))
    }

    /// As [`Api::create_volume`], and once only: who asks again, or at the same moment, gets the same volume.
    pub(crate) fn create_volume_once(&self, volume: &VolumeRequest) -> Result<Answer<VolumeChange>, Error> {
        let request = self.agent.post(self.url("/volumes/create")).header("X-User", &self.user);
        // A gateway that does not know the header makes a volume each time.
        self.send(request.header("Idempotency-Key", "apply"), Some(volume))
    }

    pub(crate) fn volumes(&self, all_users: bool) -> Result<Answer<VolumeList>, Error> {
        self.get(&format!("/volumes{}", all_users_query(all_users)))
    }

    pub(crate) fn delete_volume(&self, id: &str) -> Result<Answer<VolumeChange>, Error> {
        let request = self.agent.delete(self.url(&format!("/volumes/{}", segment(id))));
        self.answer(request.header("X-User", &self.user).config().timeout_global(Some(self.timeout)).build().call())
    }

    /// The task's log, each line with its stamp if the gateway knows stamps. There is no time limit: it ends when the
    /// task ends. A read that brings nothing for [`SILENCE`] fails with [`is_silence`], and may be
    /// repeated.
    pub(crate) fn logs(&self, id: &str, query: &LogQuery) -> Result<impl Read + use<>, Error> {
        let path = format!("/tasks/{}/logs?{}", segment(id), query.encoded());
        let request = self.agent.get(self.url(&path)).header("X-User", &self.user);
        let response = self.received(request.config().timeout_per_read(Some(self.silence)).build().call())?;
        Ok(response.into_body().into_reader())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Error> {
        let request = self.agent.get(self.url(path)).header("X-User", &self.user);
        self.answer(request.config().timeout_global(Some(self.timeout)).build().call())
    }

    fn post<B: serde::Serialize, T: DeserializeOwned>(&self, path: &str, body: Option<&B>) -> Result<Answer<T>, Error> {
        self.send(self.agent.post(self.url(path)).header("X-User", &self.user), body)
    }

    fn send<B: serde::Serialize, T: DeserializeOwned>(
        &self,
        request: RequestBuilder<WithBody>,
        body: Option<&B>,
    ) -> Result<Answer<T>, Error> {
        let request = request.config().timeout_global(Some(self.timeout)).build();
        self.answer(match body {
            // Compact: the library's own form is indented, and the gateway limits the size.
            Some(body) => serde_json::to_vec(body)
                .map_err(|error| ureq::Error::Io(error.into()))
                .and_then(|body| request.content_type("application/json").send(&body)),
            None => request.send_empty(),
        })
    }

    fn answer<T: DeserializeOwned>(
        &self,
        result: Result<http::Response<Body>, ureq::Error>,
    ) -> Result<Answer<T>, Error> {
        let body = self.body(self.received(result)?)?;
        let strange = |error: serde_json::Error| self.strange(error.to_string());
        let raw: Value = serde_json::from_slice(&body).map_err(strange)?;
        let view = T::deserialize(&raw).map_err(strange)?;
        Ok(Answer { view, raw })
    }

    /// A response that is a success; any other becomes an error with the gateway's own words.
    fn received(&self, result: Result<http::Response<Body>, ureq::Error>) -> Result<http::Response<Body>, Error> {
        let response = result.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(response)?;
        let text = || String::from_utf8_lossy(&body).trim().to_owned();
        let detail = serde_json::from_slice::<Value>(&body).ok().and_then(|body| body.get("detail").cloned());
        match detail {
            Some(detail) => Err(Error::Refused { status: status.as_u16(), detail }),
            None if status.is_redirection() => Err(self.strange(format!("HTTP {status}"))),
            None => {
                let text = text();
                let detail = if text.is_empty() { format!("HTTP {status}") } else { text };
                Err(Error::Refused { status: status.as_u16(), detail: Value::String(detail) })
            }
        }
    }

    fn body(&self, mut response: http::Response<Body>) -> Result<Vec<u8>, Error> {
        let config = response.body_mut().with_config().limit(MAX_ANSWER);
        config.read_to_vec().map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        Error::Unreachable { url: self.base.clone(), reason: reason(error) }
    }

    fn strange(&self, reason: String) -> Error {
        Error::NotTheGateway { url: self.base.clone(), reason }
    }
}

/// A failure of the network as Python words it, where the operating system says which.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(io) => os_reason(io),
        ureq::Error::HostNotFound => "[Errno -2] Name or service not known".to_owned(),
        ureq::Error::Timeout(_) => "timed out".to_owned(),
        other => other.to_string(),
    }
}

/// Whether a read of a log has failed only because nothing came.
pub(crate) fn is_silence(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_)))
}

/// `[Errno 111] Connection refused`.
pub(crate) fn os_reason(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => format!("[Errno {code}] {}", text.split(" (os error").next().unwrap_or(&text)),
        None => text,
    }
}

fn all_users_query(all_users: bool) -> &'static str {
    if all_users { "?all_users=true" } else { "" }
}

/// One segment of a path: whatever the user typed stays inside it.
fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

fn is_local(base: &str) -> bool {
    let host = base.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()) || host == "[::1]"
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, iter, net::TcpListener, sync::mpsc, thread};

    use super::*;

    #[test]
    fn a_segment_stays_one() {
        assert_eq!(segment("abc12345"), "abc12345");
        assert_eq!(segment("../a?b=c é"), "%2E%2E%2Fa%3Fb%3Dc%20%C3%A9");
    }

    #[test]
    fn a_log_is_asked_for_as_the_gateway_reads_it() {
        let whole = LogQuery { follow: true, tail: None, since: None, nodes: Vec::new() };
        assert_eq!(whole.encoded(), "timestamps=true");
        let time = "2026-11-24T10:00:00+01:00".to_owned();
        let part = LogQuery { follow: false, tail: Some(3), since: Some(time), nodes: vec![0, 2] };
        let expected = "timestamps=true&follow=false&tail=3&since=2026-11-24T10%3A00%3A00%2B01%3A00&node=0&node=2";
        assert_eq!(part.encoded(), expected);
    }

    #[test]
    fn a_silent_log_times_out_and_can_still_be_read() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let serving = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n").unwrap();
            may_go_on.recv().unwrap();
            stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
        });
        let api = Api { silence: Duration::from_millis(50), ..Api::new(url, "bob".to_owned()) };
        let query = LogQuery { follow: true, tail: None, since: None, nodes: Vec::new() };
        let mut log = api.logs("abc12345", &query).unwrap();
        let mut buffer = [0; 3];
        log.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"one");
        assert!(is_silence(&log.read(&mut buffer).unwrap_err()));
        go_on.send(()).unwrap();
        // It may be silent again before that reaches us.
        let two = iter::repeat_with(|| log.read(&mut buffer)).find_map(Result::ok);
        assert_eq!((two, &buffer), (Some(3), b"two"));
        serving.join().unwrap();
    }

    #[test]
    fn this_machine_needs_no_proxy() {
        for (url, local) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:80", true),
            ("https://gateway.example.com", false),
        ] {
            assert_eq!(is_local(url), local, "{url}");
        }
    }
}
