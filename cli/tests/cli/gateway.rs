//! A gateway with canned answers.

use std::{
    collections::{HashMap, VecDeque},
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// What is sent back.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A status and a JSON body.
    Json(u16, Value),
    /// A status and some other text.
    Text(u16, &'static str),
    /// A stream in chunks.
    Stream(Vec<Step>),
}

/// One step of a stream.
#[derive(Clone)]
pub(crate) enum Step {
    /// Bytes, as a chunk of their own.
    Send(Vec<u8>),
    /// Nothing for a while.
    Pause(Duration),
    /// Nothing until the client goes away.
    Hang,
    /// The connection ends without the mark of an end.
    Cut,
}

type Routes = HashMap<String, VecDeque<Reply>>;

/// Answers every request by its method and path; the last answer of a route is repeated.
pub(crate) struct Gateway {
    pub(crate) url: String,
    routes: Arc<Mutex<Routes>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (routes, seen) = (Arc::default(), Arc::default());
        let gateway = Self { url, routes: Arc::clone(&routes), seen: Arc::clone(&seen) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (routes, seen) = (Arc::clone(&routes), Arc::clone(&seen));
                // An error is a client that went away.
                thread::spawn(move || drop(serve(&stream, &routes, &seen)));
            }
        });
        gateway
    }

    /// Adds an answer for `GET /path`.
    pub(crate) fn on(self, route: &str, reply: Reply) -> Self {
        self.routes.lock().unwrap().entry(route.to_owned()).or_default().push_back(reply);
        self
    }

    /// As [`Gateway::on`], with status 200.
    pub(crate) fn json(self, route: &str, body: Value) -> Self {
        self.on(route, Reply::Json(200, body))
    }

    /// The requests so far: `METHOD /path user body`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, routes: &Mutex<Routes>, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    while let Some((route, request)) = receive(&mut input)? {
        seen.lock().unwrap().push(request);
        let reply = {
            let mut routes = routes.lock().unwrap();
            match routes.get_mut(&route) {
                Some(replies) if replies.len() > 1 => replies.pop_front().unwrap(),
                Some(replies) => replies[0].clone(),
                None => Reply::Json(404, json!({"detail": "Not Found"})),
            }
        };
        send(stream, reply)?;
    }
    Ok(())
}

fn receive(input: &mut impl BufRead) -> std::io::Result<Option<(String, String)>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let route = line.rsplit_once(' ').unwrap().0.to_owned();
    let (mut user, mut length) = (String::new(), 0);
    loop {
        line.clear();
        input.read_line(&mut line)?;
        match line.trim().split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("x-user") => value.clone_into(&mut user),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let request = format!("{route} {user} {}", String::from_utf8_lossy(&body)).trim_end().to_owned();
    Ok(Some((route, request)))
}

fn send(mut stream: &TcpStream, reply: Reply) -> std::io::Result<()> {
    let whole = |status, kind, body: &str| {
        format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let steps = match reply {
        Reply::Json(status, body) => {
            return stream.write_all(whole(status, "application/json", &body.to_string()).as_bytes());
        }
        Reply::Text(status, body) => return stream.write_all(whole(status, "text/html", body).as_bytes()),
        Reply::Stream(steps) => steps,
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for step in steps {
        match step {
            Step::Send(bytes) => {
                stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
                stream.write_all(&bytes)?;
                stream.write_all(b"\r\n")?;
            }
            Step::Pause(time) => thread::sleep(time),
            Step::Hang => drop(stream.read(&mut [0])),
            Step::Cut => return stream.shutdown(std::net::Shutdown::Both),
        }
    }
    stream.write_all(b"0\r\n\r\n")
}

/// The id of the task in these tests.
pub(crate) const ID: &str = "abc12345";

/// A task with one node, with these values in its metadata too.
pub(crate) fn task(status: &str, more: &Value) -> Value {
    let count = |wanted: &str| u8::from(status == wanted);
    let mut task = json!({
        "task_id": ID, "name": "train", "status": status,
        "created_at": "2025-10-05T12:34:56.789012", "updated_at": "2025-10-05T12:35:01.234567", "username": "bob",
        "metadata": {
            "job_name": "train-abc12345", "namespace": "default", "num_nodes": 1, "node_jobs": ["train-abc12345"],
            "succeeded_nodes": count("completed"), "failed_nodes": count("failed"),
            "running_nodes": count("running"), "pending_nodes": count("pending"),
        },
    });
    for (key, value) in more.as_object().unwrap() {
        task["metadata"][key] = value.clone();
    }
    task
}

/// The answer to a submit.
pub(crate) fn submitted() -> Value {
    json!({"task_id": ID, "status": "submitted", "message": format!("Task submitted successfully with ID: {ID}")})
}

/// The route of the whole log, followed.
pub(crate) const LOGS: &str = "GET /tasks/abc12345/logs?timestamps=true";

/// A stream of these pieces.
pub(crate) fn log(pieces: &[&str]) -> Reply {
    Reply::Stream(pieces.iter().map(|piece| Step::Send(piece.as_bytes().to_vec())).collect())
}
