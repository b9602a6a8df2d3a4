//! Tasks of real agents under the real entry script, in a network of their own: every node is a container with an
//! address of the loopback interface.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use sky_agent::config::PORT;

use crate::dns::{Dns, SERVER};

/// For what ends in seconds: long enough for a machine that has other things to do.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
const ENTRY: &str = include_str!("../../../core/src/task/entry.sh");
pub(crate) const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Which test runs in a network of its own.
const INNER: &str = "SKY_AGENT_INNER_TEST";

/// Runs before the entry script, as PID 1: `DIR COMMAND…`.
const CONTAINER: &str = r#"
set -e
dir=$1
shift
mount -t tmpfs -o mode=755 none "$dir/dev"
for device in null zero urandom; do
  : >"$dir/dev/$device"
  mount --bind "/dev/$device" "$dir/dev/$device"
done
mkdir "$dir/dev/shm"
mount -t tmpfs -o mode=1777 none "$dir/dev/shm"
: >"$dir/dev/termination-log"
mount --bind "$dir/message" "$dir/dev/termination-log"
mount --rbind "$dir/dev" /dev
mount --bind "$dir/resolv.conf" /etc/resolv.conf
mount -t tmpfs none /root
cd "$dir/home"
mkfifo pipe
exec "$@"
"#;

/// Runs a test in a process with a network of its own. `name` is the test's.
pub(crate) fn in_own_network(name: &str, test: impl FnOnce()) {
    if std::env::var(INNER).is_ok_and(|inner| inner == name) {
        return test();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let root = status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    let tools = ["unshare", "ip"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !root || !tools {
        // Not by `eprintln`, which a passing test's output hides.
        return std::io::stderr().write_all(b"\nskipped: needs root, unshare and ip\n").unwrap();
    }
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "--", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]).arg(program);
    let output = command.args(["--exact", name, "--nocapture", "--include-ignored"]).env(INNER, name).output().unwrap();
    let report = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
    println!("{report}");
}

/// The program under test.
fn agent() -> PathBuf {
    std::env::var_os("SKY_AGENT_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_sky-agent").into(), PathBuf::from)
}

/// A task whose nodes run these scripts, which find their rank in `$RANK` and a directory of all in `$SHARED`.
pub(crate) struct Task {
    pub(crate) dns: Dns,
    dir: PathBuf,
    nodes: usize,
    pub(crate) setup: String,
    pub(crate) run: String,
    env: Vec<(String, String)>,
}

impl Task {
    pub(crate) fn new(nodes: usize, setup: &str, run: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("sky-agent-{}", std::process::id()));
        fs::create_dir_all(dir.join("shared")).unwrap();
        fs::write(dir.join("token"), format!("{TOKEN}\n")).unwrap();
        // Wherever it was built, the nodes need not see that directory: each has a home of its own.
        fs::copy(agent(), dir.join("sky-agent")).unwrap();
        let text = format!("search ns.svc.cluster.test svc.cluster.test cluster.test\nnameserver {SERVER}\n");
        fs::write(dir.join("resolv.conf"), text).unwrap();
        let (setup, run) = (setup.to_owned(), run.to_owned());
        Self { dns: Dns::start(), dir, nodes, setup, run, env: Vec::new() }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn address(rank: usize) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 1, u8::try_from(rank + 1).unwrap())
    }

    /// Where the agent of a node listens.
    pub(crate) fn agent(rank: usize) -> SocketAddr {
        SocketAddr::from((Self::address(rank), PORT))
    }

    pub(crate) fn shared(&self, name: &str) -> PathBuf {
        self.dir.join("shared").join(name)
    }

    pub(crate) fn start_all(&self) -> Vec<Node> {
        (0..self.nodes).map(|rank| self.start(rank)).collect()
    }

    /// Starts a node. DNS knows it from then on.
    pub(crate) fn start(&self, rank: usize) -> Node {
        let dir = self.dir.join(format!("node-{rank}"));
        for sub in ["", "dev", "home"] {
            fs::create_dir(dir.join(sub)).unwrap();
        }
        fs::copy(self.dir.join("resolv.conf"), dir.join("resolv.conf")).unwrap();
        fs::write(dir.join("message"), "").unwrap();
        fs::set_permissions(dir.join("message"), fs::Permissions::from_mode(0o666)).unwrap();
        self.dns.add(rank, Self::address(rank));
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--"]);
        command.args(["/bin/sh", "-c", CONTAINER, "container"]).arg(&dir);
        command.args(["/bin/sh", "-c", ENTRY, "sky-task", ""]);
        let source = |text: &str| if text.is_empty() { String::new() } else { format!("text:{text}") };
        command.args([source(&self.setup), source(&self.run)]);
        command.env_clear().envs([("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"), ("HOME", "/root")]);
        command.env("RANK", rank.to_string()).env("SHARED", self.dir.join("shared"));
        command.env("SKY_AGENT", self.dir.join("sky-agent")).env("SKY_AGENT_TOKEN_FILE", self.dir.join("token"));
        command.env("SKY_AGENT_RANK", rank.to_string()).env("SKY_AGENT_NODES", self.nodes.to_string());
        command.env("SKY_AGENT_SERVICE", "task-0123abcd").env("SKY_AGENT_NAMESPACE", "ns");
        command.env("SKY_AGENT_ADDRESS", Self::address(rank).to_string()).envs(self.env.iter().cloned());
        Node::start(rank, dir, command)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A node that was started. It is killed when this is dropped.
pub(crate) struct Node {
    rank: usize,
    dir: PathBuf,
    child: Child,
    lines: Receiver<String>,
    pub(crate) output: String,
}

/// How a node has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) output: String,
}

impl Node {
    fn start(rank: usize, dir: PathBuf, mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { rank, dir, child, lines, output: String::new() }
    }

    /// Waits for a line that begins like this, and returns the rest of it.
    pub(crate) fn wait_for(&mut self, line: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(rest) = self.output.lines().find_map(|l| l.strip_prefix(line)) {
                return rest.to_owned();
            }
            self.read(deadline)
                .unwrap_or_else(|why| panic!("node-{}: no {line:?} ({why}): {}", self.rank, self.output));
        }
    }

    fn read(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
        self.output.push_str(&line);
        self.output.push('\n');
        Ok(())
    }

    /// Waits until the container has ended.
    pub(crate) fn end(&mut self) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        let why = loop {
            if let Err(why) = self.read(deadline) {
                break why;
            }
        };
        assert_eq!(why, RecvTimeoutError::Disconnected, "node-{} has not ended: {}", self.rank, self.output);
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap());
        let message = fs::read_to_string(self.dir.join("message")).unwrap();
        Ended { code, message, output: self.output.clone() }
    }

    /// Lets a script go on that waits in `read x <pipe`.
    pub(crate) fn release(&self) {
        // Without this flag the call would wait for a reader, also for one that was killed.
        const O_NONBLOCK: i32 = 0o4000;
        let deadline = Instant::now() + DEADLINE;
        let mut options = fs::OpenOptions::new();
        options.write(true).custom_flags(O_NONBLOCK);
        let mut pipe = loop {
            match options.open(self.dir.join("home/pipe")) {
                Ok(pipe) => break pipe,
                Err(why) => assert!(Instant::now() < deadline, "node-{}: {why}", self.rank),
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        pipe.write_all(b"go\n").unwrap();
    }

    /// The whole container goes at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends PID 1 a signal, as the container runtime does.
    pub(crate) fn signal(&self, signal: &str) {
        let init = self.init();
        assert!(Command::new("kill").args(["-s", signal, "--", &init]).status().unwrap().success());
    }

    fn init(&self) -> String {
        let parent = self.child.id();
        fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap().trim().to_owned()
    }

    /// A field of `/proc/…/status` of the node's agent.
    pub(crate) fn agent_status(&self, field: &str) -> String {
        let children = |pid: &str| fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let is_agent = |pid: &String| {
            let command = fs::read_to_string(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
            command.contains("\0serve\0")
        };
        // A shell waits for it.
        let shells = children(&self.init());
        let all: Vec<_> = shells.split_whitespace().map(children).collect();
        let pid = all.iter().flat_map(|all| all.split_whitespace()).map(str::to_owned).find(is_agent).unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim().to_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // PID 1 dies with `unshare`, and everything else with PID 1.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
