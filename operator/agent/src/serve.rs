//! The agent itself: one thread that waits for something to happen, lets `node` decide, and does what it says.

use std::io::{self, Write as _};
use std::os::unix::process::parent_id;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit, test_kill_process};

use crate::config::{Config, millis};
use crate::error::Error;
use crate::gate::Gate;
use crate::links::Links;
use crate::local::{Local, Request};
use crate::lookup::Lookup;
use crate::node::{Action, Event, Millis, Node, Phase, Status};
use crate::report;

/// What tells the entry script that a peer has ended this node.
const STOP: Signal = Signal::USR2;
/// How often to look at the clock while something is about to happen, and otherwise.
const BUSY: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_millis(500);
/// Between two words about whom this node waits for.
const SAY_AGAIN: Millis = 60_000;

/// What there is to read or write.
enum Ready {
    Local,
    Answer,
    Call,
    Kubelet,
    Connection { number: u64, read: bool, write: bool },
}

struct Server {
    config: Config,
    /// The entry script. When it has gone, so has the reason to be here.
    main: Pid,
    start: Instant,
    node: Node,
    links: Links,
    lookup: Lookup,
    local: Local,
    gate: Gate,
    say: Millis,
}

/// Serves one node until its entry script, `main`, has gone. By default that is the parent.
pub(crate) fn serve(config: &Config, main: Option<u32>) -> Result<(), Error> {
    let pid = i32::try_from(main.unwrap_or_else(parent_id)).ok().and_then(Pid::from_raw);
    let main = pid.ok_or(Error::Usage)?;
    allow_files();
    let local = Local::new(config)?;
    let listen = |why| Error::Listen(config.listen(), why);
    let links = Links::new(config, config.token()?).map_err(listen)?;
    let node = Node::new(config.settings(), 0);
    let lookup = Lookup::default();
    let gate = Gate::closed(config.address, config.ready_port);
    let config = config.clone();
    let mut server = Server { config, main, start: Instant::now(), node, links, lookup, local, gate, say: SAY_AGAIN };
    while is_there(main) {
        server.turn()?;
    }
    Ok(())
}

/// Whether there is such a process, whoever's it is.
fn is_there(pid: Pid) -> bool {
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// A connection to each of a thousand peers is more than the usual limit allows.
fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

impl Server {
    fn now(&self) -> Millis {
        millis(self.start.elapsed())
    }

    /// Everything that has come is taken in before the clock counts: after a pause of this machine, peers must not be
    /// lost whose words are there to be read.
    fn turn(&mut self) -> Result<(), Error> {
        for ready in self.wait().map_err(Error::System)? {
            self.take(&ready);
        }
        let now = self.now();
        self.step(Event::Tick);
        self.links.tick(now);
        if self.node.has_met_all() {
            self.lookup.stop();
            self.links.forget_found();
        } else {
            self.lookup.tick(&self.config, now);
        }
        self.answer();
        if now >= self.say {
            self.say = now + SAY_AGAIN;
            self.tell_whom_it_waits_for();
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<Vec<Ready>> {
        let mut ready = vec![];
        let mut fds: Vec<PollFd<'_>> = self.local.poll_fds().collect();
        let locals = fds.len();
        fds.push(PollFd::new(self.links.listener(), PollFlags::IN));
        let streams: Vec<_> = self.links.streams().collect();
        let flags = |write| if write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        fds.extend(streams.iter().map(|(_, stream, write)| PollFd::new(*stream, flags(*write))));
        let lookups = fds.len();
        fds.extend(self.lookup.socket().map(|socket| PollFd::new(socket, PollFlags::IN)));
        let gates = fds.len();
        fds.extend(self.gate.listener().map(|listener| PollFd::new(listener, PollFlags::IN)));
        let pause = if self.is_busy() { BUSY } else { IDLE };
        let pause = Timespec::try_from(pause).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&pause)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        let happened = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let (local, rest) = fds.split_at(locals);
        ready.extend(local.iter().any(happened).then_some(Ready::Local));
        ready.extend(happened(&rest[0]).then_some(Ready::Call));
        for ((number, ..), fd) in streams.iter().zip(&rest[1..]).filter(|(_, fd)| happened(fd)) {
            // Errors and the end show when it is read.
            let write = fd.revents().contains(PollFlags::OUT);
            let read = fd.revents().intersects(!PollFlags::OUT);
            ready.push(Ready::Connection { number: *number, read, write });
        }
        ready.extend(fds[lookups..gates].iter().any(happened).then_some(Ready::Answer));
        ready.extend(fds[gates..].iter().any(happened).then_some(Ready::Kubelet));
        Ok(ready)
    }

    fn is_busy(&self) -> bool {
        let connected = |rank| rank == self.config.rank || self.links.is_connected(rank);
        let leaving = self.local.pending().any(|request| matches!(request, Request::Done(..)));
        leaving || !(0..self.config.nodes).all(connected)
    }

    fn take(&mut self, ready: &Ready) {
        let now = self.now();
        match *ready {
            Ready::Local => {
                for request in self.local.receive() {
                    match request {
                        Request::Wait(Phase::Run) => {
                            self.gate.open();
                            self.step(Event::Ready);
                        }
                        Request::Done(phase, code) => self.step(Event::Done { phase, code }),
                        Request::Wait(Phase::Setup) | Request::Waiting => {}
                    }
                }
            }
            Ready::Answer => {
                let addresses = self.lookup.receive(&self.config);
                self.links.found(addresses);
            }
            Ready::Call => self.links.accept(now),
            Ready::Kubelet => self.gate.let_go(),
            Ready::Connection { number, read, write } => {
                for event in self.links.proceed(number, read, write, now) {
                    self.step(event);
                }
            }
        }
    }

    fn step(&mut self, event: Event) {
        let now = self.now();
        for action in self.node.step(event, now) {
            match action {
                Action::Send { peer, message } => self.links.send(peer, message),
                // Why is said by `done`, for the status: the log is the user's.
                Action::Stop(_) | Action::Kill => self.signal(),
            }
        }
    }

    fn signal(&self) {
        // If it has gone, there is nothing to end.
        let _ = kill_process(self.main, STOP);
    }

    fn answer(&mut self) {
        let Self { local, node, links, .. } = self;
        let now = millis(self.start.elapsed());
        let ended = node.status().is_final();
        let addresses = || links.addresses().into_iter().flatten().map(|a| a.to_string()).collect::<Vec<_>>().join(" ");
        let awaited = || report::awaited(node, |peer| links.is_connected(peer));
        local.answer(|request| match request {
            // A command of a node that was ended gets no answer: it is about to be ended as well.
            Request::Wait(Phase::Setup) => (!ended && node.has_met_all()).then(addresses),
            Request::Wait(Phase::Run) => node.may_run().then(addresses),
            Request::Done(..) => (node.may_leave(now) && links.is_flushed()).then(|| match node.status() {
                Status::Ended(cause) => report::json(cause),
                _ => String::new(),
            }),
            Request::Waiting => Some(awaited()),
        });
    }

    fn tell_whom_it_waits_for(&self) {
        let waits = self.local.pending().any(|request| matches!(request, Request::Wait(_)));
        let awaited = report::awaited(&self.node, |peer| self.links.is_connected(peer));
        if waits && !awaited.is_empty() {
            say(&format!("waiting for {awaited}"));
        }
    }
}

/// A line for the task's log, as the entry script would write it.
pub(crate) fn say(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stdout(), "sky-task: {text}");
}
