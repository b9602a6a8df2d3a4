//! Runs the entry script as PID 1 of a namespace of its own, with a `/dev` of its own, in images that differ in what
//! their `sh` is and in whether they have bash.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use sky_operator_core::task::entry::{ScriptSource, entry_args};

/// For what ends in milliseconds: long enough for a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(90);

/// Between two looks at something that nobody announces.
const POLL: Duration = Duration::from_millis(1);

/// What scripts and tests call besides shells.
const TOOLS: [&str; 17] = [
    "cat", "chmod", "cp", "env", "grep", "head", "kill", "ln", "mkdir", "mkfifo", "printf", "readlink", "rm", "setsid",
    "sleep", "tr", "true",
];

/// Runs as PID 1 before the entry script: `DIR SETTING COMMAND…`. /dev is made of what a container has there, with the
/// message file of the pod; the real root's home, which a bash without HOME goes to, is hidden; `SETTING` are further
/// commands.
const CONTAINER: &str = r#"
set -e
dir=$1 setting=$2
shift 2
mount -t tmpfs -o mode=755 none "$dir/dev"
for device in null zero; do
  : >"$dir/dev/$device"
  mount --bind "/dev/$device" "$dir/dev/$device"
done
mkdir "$dir/dev/shm"
mount -t tmpfs -o mode=1777 none "$dir/dev/shm"
: >"$dir/dev/termination-log"
mount --bind "$dir/message" "$dir/dev/termination-log"
mount --rbind "$dir/dev" /dev
mount -t tmpfs none /root
cd "$dir/image"
mkfifo -m 666 pipe
unset prefix
eval "$setting"
exec $prefix "$@"
"#;

/// An image: a `PATH` with an `sh`, the usual tools and perhaps bash.
pub(crate) struct Image {
    pub(crate) sh: &'static str,
    pub(crate) bash: bool,
}

impl Image {
    /// Makes the directory for `PATH`. Busybox brings its own tools, as it does in a real image.
    fn make_path(&self, dir: &Path) {
        fs::create_dir(dir).unwrap();
        let busybox = (self.sh == "busybox").then(|| which("busybox").unwrap());
        symlink(which(self.sh).unwrap(), dir.join("sh")).unwrap();
        for tool in TOOLS {
            symlink(busybox.clone().or_else(|| which(tool)).unwrap(), dir.join(tool)).unwrap();
        }
        write_tool(dir, "busy", "echo up; exec sleep 1000");
        if self.bash {
            symlink(which("bash").unwrap(), dir.join("bash")).unwrap();
        }
    }
}

fn write_tool(dir: &Path, name: &str, script: &str) {
    fs::write(dir.join(name), format!("#!{}/sh\n{script}", dir.display())).unwrap();
    fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The program's path, outside of any image.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].iter().map(|dir| Path::new(dir).join(program)).find(|path| path.exists())
}

/// Why nothing of this can run here, if so.
pub(crate) fn missing(sh: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let root = status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        return Some("needs root".to_owned());
    }
    [sh, "bash", "unshare", "setpriv"].iter().find(|program| which(program).is_none()).map(|p| format!("needs {p}"))
}

/// A user's script.
enum Script {
    Absent,
    Text(String),
    File(String),
}

impl Script {
    fn source(&self) -> ScriptSource<'_> {
        match self {
            Self::Absent => ScriptSource::Absent,
            Self::Text(text) => ScriptSource::Text(text),
            Self::File(path) => ScriptSource::File(path),
        }
    }
}

/// A task that has not started.
pub(crate) struct Task<'a> {
    image: &'a Image,
    dir: PathBuf,
    workdir: Option<String>,
    repository: Option<String>,
    setup: Script,
    run: Script,
    env: Vec<(String, String)>,
    setting: String,
}

impl<'a> Task<'a> {
    /// A task without scripts, with an empty home and current directory.
    pub(crate) fn new(image: &'a Image) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("sky-entry-{}-{serial}", std::process::id()));
        for sub in ["", "dev", "home", "image"] {
            fs::create_dir(dir.join(sub)).unwrap();
            fs::set_permissions(dir.join(sub), fs::Permissions::from_mode(0o777)).unwrap();
        }
        fs::write(dir.join("message"), "").unwrap();
        fs::set_permissions(dir.join("message"), fs::Permissions::from_mode(0o666)).unwrap();
        image.make_path(&dir.join("bin"));
        let env = [("PATH", "bin"), ("HOME", "home")];
        let env = env.map(|(name, sub)| (name.to_owned(), dir.join(sub).to_str().unwrap().to_owned()));
        let (setup, run) = (Script::Absent, Script::Absent);
        Self { image, dir, workdir: None, repository: None, setup, run, env: env.into(), setting: String::new() }
    }

    pub(crate) fn setup(mut self, text: impl Into<String>) -> Self {
        self.setup = Script::Text(text.into());
        self
    }

    pub(crate) fn run(mut self, text: impl Into<String>) -> Self {
        self.run = Script::Text(text.into());
        self
    }

    /// Both scripts, in files that only root may write.
    pub(crate) fn files(mut self, setup: &str, run: &str) -> Self {
        let file = |name: &str, text: &str| {
            fs::write(self.dir.join(name), text).unwrap();
            Script::File(self.path(name))
        };
        (self.setup, self.run) = (file("setup", setup), file("run", run));
        self
    }

    pub(crate) fn workdir(mut self, path: impl Into<String>) -> Self {
        self.workdir = Some(path.into());
        self
    }

    /// A repository was checked out in this directory of the test's own.
    pub(crate) fn repository(mut self, sub: &str) -> Self {
        self.repository = Some(self.path(sub));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.env.retain(|(n, _)| n != name);
        self
    }

    /// Shell commands that prepare the container, as root. What they leave in `$prefix` runs the entry script.
    pub(crate) fn setting(mut self, commands: &str) -> Self {
        self.setting.push_str(commands);
        self.setting.push('\n');
        self
    }

    /// A directory of the test's own: `home`, `image` (the current directory), `bin` (`PATH`).
    pub(crate) fn path(&self, sub: &str) -> String {
        self.dir.join(sub).to_str().unwrap().to_owned()
    }

    /// Replaces a tool of the image by a script.
    pub(crate) fn tool(self, name: &str, script: &str) -> Self {
        fs::remove_file(self.dir.join("bin").join(name)).unwrap();
        write_tool(&self.dir.join("bin"), name, script);
        self
    }

    /// Gives the task an agent, as if it had several nodes. What it writes to `$log` comes out in the log.
    pub(crate) fn agent(self, script: &str) -> Self {
        write_tool(&self.dir.join("bin"), "sky-agent", &format!("log=/proc/1/fd/1\n{script}"));
        let path = self.path("bin/sky-agent");
        self.env("SKY_AGENT", &path).env("SKY_AGENT_RANK", "1")
    }

    /// Starts it. What goes to the container's stderr is kept apart.
    pub(crate) fn start(self) -> Running {
        let stderr = fs::File::create(self.dir.join("stderr")).unwrap();
        let mut command = Command::new(which("unshare").unwrap());
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        command.args(["/bin/sh", "-c", CONTAINER, "container"]).arg(&self.dir).arg(&self.setting);
        // A container starts with every signal at its default; whoever started the tests may ignore some (`nohup` does).
        command.arg(which("env").unwrap()).args(["-i", "--default-signal"]);
        command.args(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(self.dir.join("bin/sh")).arg("-c");
        command.args(entry_args(self.workdir.as_deref(), self.setup.source(), self.run.source()));
        command.args(&self.repository);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();

        let (send, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                let read = stdout.read_until(b'\n', &mut line);
                if !matches!(read, Ok(1..)) || send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        let name = format!("{} {} bash", self.image.sh, if self.image.bash { "with" } else { "without" });
        Running { name, dir: self.dir, child, lines, output: String::new() }
    }

    /// Runs it to its end.
    pub(crate) fn end(self) -> Ended {
        self.start().end()
    }
}

/// A task that has been started. It is killed when this is dropped.
pub(crate) struct Running {
    name: String,
    dir: PathBuf,
    child: Child,
    lines: Receiver<String>,
    output: String,
}

/// A task that has ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) code: i32,
    pub(crate) output: String,
    /// What `/dev/termination-log` holds.
    pub(crate) message: String,
}

impl Running {
    /// Waits for a line of the output.
    pub(crate) fn wait_for(&mut self, line: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !self.output.lines().any(|l| l == line) {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(more) => self.output.push_str(&more),
                Err(why) => panic!("{}: no line {line:?} ({why}) in {:?} {}", self.name, self.output, self.stderr()),
            }
        }
    }

    /// Waits until the entry script has its traps, and so would notice a signal.
    pub(crate) fn wait_for_traps(&self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.init().is_some_and(|pid| {
            let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let status = read("status");
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
            let winch = u64::from_str_radix(caught, 16).unwrap() >> 27 & 1 == 1;
            winch && read("cmdline").contains("\0sky-task\0")
        }) {
            assert!(Instant::now() < deadline, "{}: no traps {}", self.name, self.stderr());
            std::thread::sleep(POLL);
        }
    }

    /// Waits until the entry script has marked the task as stopped.
    pub(crate) fn wait_for_stop(&self) {
        let mark = PathBuf::from(format!("/proc/{}/root/dev/shm/.sky-task/stop", self.init().unwrap()));
        let deadline = Instant::now() + DEADLINE;
        while !mark.exists() {
            assert!(Instant::now() < deadline, "{}: not stopped", self.name);
            std::thread::sleep(POLL);
        }
    }

    /// The process that is PID 1 of the container.
    fn init(&self) -> Option<u32> {
        let parent = self.child.id();
        fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?.trim().parse().ok()
    }

    /// Sends PID 1 a signal, as the container runtime does.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(self.try_signal(signal), "{}: has ended", self.name);
    }

    /// The same for a task that may have ended. False if it has.
    pub(crate) fn try_signal(&self, signal: &str) -> bool {
        let Some(init) = self.init() else { return false };
        let mut kill = Command::new(which("kill").unwrap());
        kill.args(["-s", signal, "--", &init.to_string()]).stderr(Stdio::null()).status().unwrap().success()
    }

    /// Lets a script go on that waits in `read x <pipe` in the image's directory.
    pub(crate) fn release(&self) {
        // Without this flag the call would wait for a reader, also for one that was killed.
        const O_NONBLOCK: i32 = 0o4000;
        let deadline = Instant::now() + DEADLINE;
        let mut pipe = fs::OpenOptions::new();
        pipe.write(true).custom_flags(O_NONBLOCK);
        let mut pipe = loop {
            match pipe.open(self.dir.join("image/pipe")) {
                Ok(pipe) => break pipe,
                Err(why) => assert!(Instant::now() < deadline, "{}: {why}", self.name),
            }
            std::thread::sleep(POLL);
        };
        pipe.write_all(b"go\n").unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(more) => self.output.push_str(&more),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{}: has not ended: {:?}", self.name, self.output),
            }
        }
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| -status.signal().unwrap());
        assert_eq!(self.stderr(), "", "{}", self.name);
        let message = fs::read_to_string(self.dir.join("message")).unwrap();
        Ended { name: self.name.clone(), code, output: std::mem::take(&mut self.output), message }
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.dir.join("stderr")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // PID 1 dies with `unshare`, and everything else with PID 1.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Ended {
    /// It ended with this code and wrote exactly this.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, output: &str) -> &Self {
        let mut report = String::new();
        if (self.code, self.output.as_str()) != (code, output) {
            let _ = write!(report, "exit code {}, expected {code}\n{}\nexpected\n{output}", self.code, self.output);
        }
        assert_eq!(report, "", "{}", self.name);
        self
    }
}
