//! The gateway over HTTP.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::{DEADLINE, cluster::required};

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: ureq::http::HeaderMap,
    /// Body as text.
    pub text: String,
}

impl Answer {
    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text))
    }
}

/// The gateway as one user.
#[derive(Clone, Debug)]
pub struct Gateway {
    url: String,
    user: Option<String>,
}

impl Gateway {
    /// For a user; `None` sends no header.
    pub fn of(user: Option<&str>) -> Self {
        Self { url: required("SKY_TEST_API_URL"), user: user.map(str::to_owned) }
    }

    /// The one at this address, for a user.
    pub fn at(url: &str, user: &str) -> Self {
        Self { url: url.to_owned(), user: Some(user.to_owned()) }
    }

    /// One request with a JSON body, or an empty one.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let text = body.map(Value::to_string).unwrap_or_default();
        self.send(method, path, &[("content-type", "application/json")], text)
    }

    /// One request as it is, with the headers given and the user's. Redirects are answers.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent: ureq::Agent = config.timeout_global(Some(DEADLINE)).build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let user = self.user.as_deref().map(|user| ("X-User", user));
        for (name, value) in headers.iter().copied().chain(user) {
            request = request.header(name, value);
        }
        let request = request.body(body).expect("a request");
        let answer = tokio::task::block_in_place(|| agent.run(request));
        let mut answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.body_mut().read_to_string().expect("a body") }
    }

    /// The lines of a stream as they come; the channel closes when the stream ends.
    pub fn follow(&self, path: &str) -> tokio::sync::mpsc::UnboundedReceiver<String> {
        let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
        let request =
            ureq::get(format!("{}{path}", self.url)).header("X-User", self.user.as_deref().unwrap_or_default());
        std::thread::spawn(move || {
            let answer = request.call().expect("the stream begins");
            for line in BufReader::new(answer.into_body().into_reader()).lines() {
                // Nobody reads any more: the test is over.
                if sender.send(line.expect("text")).is_err() {
                    return;
                }
            }
        });
        lines
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None)
    }

    /// `POST`.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(body))
    }

    /// Submits a task and returns its id.
    pub fn submit(&self, body: &Value) -> String {
        let answer = self.post("/tasks/submit", body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["task_id"].as_str().expect("an id").to_owned()
    }

    /// The task once its status is one of these.
    pub async fn wait(&self, id: &str, statuses: &[&str]) -> Value {
        let is = |task: &Value| task["status"].as_str().is_some_and(|status| statuses.contains(&status));
        self.when(id, &format!("is {statuses:?}"), is).await
    }

    /// The task once it fits.
    pub async fn when(&self, id: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let task = self.get(&format!("/tasks/{id}")).json();
            if fits(&task) {
                return task;
            }
            assert!(tokio::time::Instant::now() < deadline, "not in time: task {id} {what}: {task:#}");
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
    }
}
