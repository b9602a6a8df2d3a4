//! What setup leaves to run, and what it does not.

use super::harness::{Image, Task};

/// Exactly the container's variables and PYTHONUNBUFFERED; what shells count and remember for themselves aside.
pub(crate) fn environment_is_the_containers(image: &Image) {
    let own = ["PWD=", "SHLVL=", "_="];
    let nasty = "a 'b' \"c\" $d `e` \\f ü!";
    for (user, expected) in [(None, "1"), (Some("0"), "0"), (Some(""), "")] {
        let show = "env; echo --; set | grep ^_sky; echo \"$SHLVL\"; echo --";
        let mut task = Task::new(image).setup(show).run(show).env("NASTY", nasty).env("dir", "own");
        let mut wanted = vec![
            format!("PATH={}", task.path("bin")),
            format!("HOME={}", task.path("home")),
            format!("NASTY={nasty}"),
            "dir=own".to_owned(),
            format!("PYTHONUNBUFFERED={expected}"),
        ];
        wanted.sort();
        if let Some(value) = user {
            task = task.env("PYTHONUNBUFFERED", value);
        }
        let ended = task.end();
        let parts: Vec<&str> = ended.output.split("--\n").collect();
        assert_eq!(parts.len(), 5, "{ended:?}");
        for part in [parts[0], parts[2]] {
            let mut lines: Vec<&str> = part.lines().filter(|line| !own.iter().any(|o| line.starts_with(o))).collect();
            lines.sort_unstable();
            assert_eq!(lines, wanted, "{}", ended.name);
        }
        assert_eq!(parts[1], parts[3], "the same depth, and no names of ours");
        assert_eq!(parts[1].lines().count(), 1, "{ended:?}");
    }
}

/// Name, what setup does, what run prints with `printf '[%s]'`, and what that is.
const KEPT: &[(&str, &str, &str, &str)] = &[
    ("plain", "export A=1", "$A", "1"),
    ("exported later", "A=1; export A; A=2", "$A", "2"),
    ("empty", "export A=", "${A-unset}", ""),
    ("not text", "export A='x  y'; export B=\"$A\"", "$B", "x  y"),
    ("newlines", "export A='\n1\n\n2\n'", "$A", "\n1\n\n2\n"),
    ("looks like an export", "export A='x\nexport B=no\n'\"'\"'$(echo no)'", "$A$B", "x\nexport B=no\n'$(echo no)"),
    ("quotes", r#"export A="a'b\"c\`d\\e\$f"'$(echo no)'"#, "$A", "a'b\"c`d\\e$f$(echo no)"),
    ("unicode", "export A='naïve 日本 🚀!'", "$A", "naïve 日本 🚀!"),
    ("read only", "export A=1; readonly A", "$A", "1"),
    ("changed", "export GIVEN=\"$GIVEN more\"", "$GIVEN", "given more"),
    ("exit 0", "export A=1; exit 0", "$A", "1"),
    ("set -eux", "set -eux; export A=1", "$A", "1"),
    ("noclobber and odd fields", "set -C; IFS=x; set -f; export A=axb", "$A", "axb"),
    ("exported field separators", "export IFS=/; export A=1/2", "$A", "1/2"),
    ("path without programs", "export PATH=/none A=1", "$PATH $A", "/none 1"),
    ("readonly in a bash", "export UID SHELLOPTS EUID PPID BASHOPTS A=1; set -e", "$A", "1"),
    ("all that a shell knows", "A=1; export $(set | grep -o '^[A-Za-z_]*=' | tr -d =)", "$A", "1"),
    ("from a function", "f() { export A=1; return 0; }; f", "$A", "1"),
];

pub(crate) fn exports_are_handed_over(image: &Image) {
    for &(name, setup, print, wanted) in KEPT {
        if image.sh == "busybox" && image.bash && setup.contains("PATH=") {
            // Debian's busybox runs its tools without looking for them, so it cannot tell bash where they are.
            continue;
        }
        let run = format!("printf '[%s]\n' \"{print}\"");
        let ended = Task::new(image).setup(setup).run(run).env("GIVEN", "given").end();
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
        let output = if name == "set -eux" {
            assert!(!ended.output.contains("sky"), "{ended:?}");
            ended.output.lines().last().unwrap()
        } else {
            ended.output.trim_end_matches('\n')
        };
        assert_eq!(output, format!("[{wanted}]"), "{name}: {}", ended.name);
    }

    // Every byte that can be in a variable.
    let all =
        r#"i=1; while [ $i -lt 256 ]; do all="$all\\$(printf %03o $i)"; i=$((i + 1)); done; all=$(printf "${all}x")"#;
    let task = Task::new(image).setup(format!("{all}; export A=\"$all\""));
    task.run(format!("{all}; [ \"$A\" = \"$all\" ] && echo ${{#all}} same")).end().expect(0, "256 same\n");

    if image.bash {
        let setup = "f() { echo \"f $1\"; }; g() { :; }; export -f f; set -o posix; set -u";
        let run = "f 1; type g >/dev/null 2>&1 || echo no g; bash -c 'f 2'";
        Task::new(image).setup(setup).run(run).end().expect(0, "f 1\nno g\nf 2\n");
    }
}

pub(crate) fn nothing_else_is_handed_over(image: &Image) {
    let setup = "A=1; cd /; export PWD OLDPWD; umask 077; f() { :; }; alias a=b; exec 3>&1; exec >/dev/null";
    let run = r#"
        echo "[$A]" "${OLDPWD-none}"
        pwd
        umask
        command -v f || alias a 2>/dev/null || echo none
        { echo open >&3; } 2>/dev/null || echo closed"#;
    let task = Task::new(image).setup("umask").run("");
    let umask = task.end().output;
    let task = Task::new(image).setup(setup).run(run);
    let output = format!("[] none\n{}\n{umask}none\nclosed\n", task.path("image"));
    task.end().expect(0, &output);
}

pub(crate) fn setup_that_ends_otherwise_hands_nothing_over(image: &Image) {
    let run = "echo \"[$A]\"";
    let ended = |setup: &str| Task::new(image).setup(setup).run(run).end();
    ended("export A=1; trap 'echo mine' EXIT; exit 0").expect(0, "mine\n[]\n");
    ended("export A=1; trap 'echo mine' EXIT; exit 5").expect(5, "mine\n");
    ended("export A=1; exec sh -c 'echo other'").expect(0, "other\n[]\n");
    ended("export A=1; exec sh -c 'exit 6'").expect(6, "");
    ended("export A=1; kill -9 $$").expect(137, "");
    // Our files gone, or no room for them: said in the log, and the exit code still counts.
    let lost = "sky-task: exports are lost\n";
    ended("set -e; export A=1; rm -rf /dev/shm/.sky-task").expect(0, &format!("{lost}[]\n"));
    ended("set -e; export A=1; rm -rf /dev/shm/.sky-task; exit 3").expect(3, lost);
    let full = Task::new(image).setting("mount -o remount,size=16k /dev/shm");
    full.setup("export A=1; cat /dev/zero >/dev/shm/full 2>/dev/null; true")
        .run("echo no")
        .end()
        .expect(1, &format!("{lost}sky-task: cannot write /dev/shm/.sky-task/run\n"));
}

/// The operator learns the phase; for a failing run Kubernetes shows the log's last lines instead.
pub(crate) fn failing_setup_is_marked(image: &Image) {
    let message = |setup: &str, run: &str| Task::new(image).setup(setup).run(run).end().message;
    assert_eq!(message("exit 3", "echo no"), "{\"phase\":\"setup\",\"exitCode\":3}\n");
    assert_eq!(message("kill -9 $$", "echo no"), "{\"phase\":\"setup\",\"exitCode\":137}\n");
    assert_eq!(message("exit 0", "exit 3"), "");
    assert_eq!(message("exit 0", "exit 0"), "");

    let gone = "umount /dev/termination-log \"$dir/dev/termination-log\"; rm /dev/termination-log";
    let kept = Task::new(image).setting(gone).setup("exit 3").end();
    assert_eq!((kept.code, kept.output.as_str()), (3, ""));
    let locked = "mount -o remount,bind,ro /dev/termination-log";
    Task::new(image).setting(locked).setup("exit 3").end().expect(3, "");
}
