//! How the entry script's commands talk to the agent of their node: one line each way, over a socket without a file.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::config::Config;
use crate::error::Error;
use crate::lines::Lines;
use crate::node::Phase;
use crate::wire;

/// For how long a command tries to reach the agent, which may just be starting.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many commands may wait at once.
const CLIENTS: usize = 32;

/// What a command wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Answered with all addresses, when this script may start.
    Wait(Phase),
    /// The scripts have ended. Answered with the reason, if it was not theirs, when the container may end.
    Done(Phase, u8),
    /// Answered at once: whom this node waits for.
    Waiting,
}

impl Request {
    /// From the words of a command.
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        match words {
            ["wait", phase] => Some(Self::Wait(wire::phase(phase)?)),
            ["done", phase, code] => Some(Self::Done(wire::phase(phase)?, code.parse().ok()?)),
            ["waiting"] => Some(Self::Waiting),
            _ => None,
        }
    }

    fn line(self) -> String {
        match self {
            Self::Wait(phase) => format!("wait {phase}\n"),
            Self::Done(phase, code) => format!("done {phase} {code}\n"),
            Self::Waiting => "waiting\n".to_owned(),
        }
    }
}

/// Asks the agent of this node and waits for its answer.
pub(crate) fn ask(config: &Config, request: Request) -> Result<String, Error> {
    let address = config.local()?;
    let deadline = Instant::now() + PATIENCE;
    let mut stream = loop {
        match UnixStream::connect_addr(&address) {
            Ok(stream) => break stream,
            Err(why) if Instant::now() >= deadline => return Err(Error::Local(why)),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    stream.write_all(request.line().as_bytes()).map_err(|_| Error::Gone)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(|_| Error::Gone)?;
    match answer.strip_suffix('\n').ok_or(Error::Gone)?.split_once(' ') {
        Some(("ok", answer)) => Ok(answer.to_owned()),
        _ => Err(Error::Refused),
    }
}

struct Client {
    lines: Lines<UnixStream>,
    request: Option<Request>,
}

/// The agent's end.
pub(crate) struct Local {
    listener: UnixListener,
    clients: Vec<Client>,
}

impl Local {
    /// Starts to listen.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let listener = UnixListener::bind_addr(&config.local()?).map_err(Error::Local)?;
        listener.set_nonblocking(true).map_err(Error::Local)?;
        Ok(Self { listener, clients: Vec::new() })
    }

    /// What to watch.
    pub(crate) fn poll_fds(&self) -> impl Iterator<Item = PollFd<'_>> {
        let clients = self.clients.iter().map(|client| PollFd::new(client.lines.stream(), PollFlags::IN));
        std::iter::once(PollFd::new(&self.listener, PollFlags::IN)).chain(clients)
    }

    /// Takes in what has come. Returns new requests.
    pub(crate) fn receive(&mut self) -> Vec<Request> {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_ok() && self.clients.len() < CLIENTS {
                self.clients.push(Client { lines: Lines::new(stream), request: None });
            }
        }
        let mut requests = Vec::new();
        // Who has gone needs no answer.
        self.clients.retain_mut(|client| client.receive(&mut requests).is_ok());
        requests
    }

    /// What commands wait for.
    pub(crate) fn pending(&self) -> impl Iterator<Item = Request> {
        self.clients.iter().filter_map(|client| client.request)
    }

    /// Answers those that can be answered.
    pub(crate) fn answer(&mut self, answer: impl Fn(Request) -> Option<String>) {
        self.clients.retain_mut(|client| {
            let Some(answer) = client.request.and_then(&answer) else { return true };
            // It fits into the socket's buffer; and a command that does not read is none of ours.
            let _ = client.lines.send(&format!("ok {answer}"));
            false
        });
    }
}

impl Client {
    fn receive(&mut self, requests: &mut Vec<Request>) -> io::Result<()> {
        let open = self.lines.fill()?;
        if let Some(line) = self.lines.next_line()? {
            let words: Vec<&str> = line.split(' ').collect();
            let request = Request::parse(&words).ok_or(ErrorKind::InvalidInput)?;
            self.request = Some(request);
            requests.push(request);
        }
        if open { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_written() {
        for request in [
            Request::Wait(Phase::Setup),
            Request::Wait(Phase::Run),
            Request::Done(Phase::Setup, 255),
            Request::Done(Phase::Run, 0),
            Request::Waiting,
        ] {
            let line = request.line();
            let words: Vec<&str> = line.trim_end().split(' ').collect();
            assert_eq!(Request::parse(&words), Some(request));
        }
        for words in
            [&["wait"][..], &["wait", "walk"], &["done", "run"], &["done", "run", "256"], &["waiting", "x"], &[]]
        {
            assert_eq!(Request::parse(words), None);
        }
    }
}
