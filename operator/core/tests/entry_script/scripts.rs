//! The user's text runs as it would from a file of its own.

use super::harness::{Image, Task};

/// Name, setup, run, exit code, output. An absent script is `-`.
const CASES: &[(&str, &str, &str, i32, &str)] = &[
    ("nothing to do", "-", "-", 0, ""),
    ("empty scripts", "", "", 0, ""),
    ("one line, no newline", "-", "echo hi", 0, "hi\n"),
    ("no set -e", "-", "false\necho on\n", 0, "on\n"),
    ("the last command's code", "-", "echo a\nfalse\n", 1, "a\n"),
    ("explicit exit", "-", "exit 7\necho no", 7, ""),
    ("comment as last line", "-", "echo a # b\n# c", 0, "a\n"),
    ("shebang is a comment", "-", "#!/bin/false\necho a\n", 0, "a\n"),
    ("set -e of the user", "-", "set -e\nfalse\necho no\n", 1, ""),
    ("dollars", "-", r#"X=1; echo '$X' "$(echo $X)" \$\$ '$$' $(X=2; echo $X)"#, 0, "$X 1 $$ $$ 2\n"),
    ("not PID 1", "-", "[ $$ != 1 ] && echo child", 0, "child\n"),
    (
        "exclamation marks",
        "-",
        "echo wow! \"so!much\" !! !-1 '!echo'\necho !$ x",
        0,
        "wow! so!much !! !-1 !echo\n!$ x\n",
    ),
    ("unicode", "-", "X='naïve 日本 🚀'; echo \"$X\" ü", 0, "naïve 日本 🚀 ü\n"),
    ("backslashes", "-", r"printf '%s\n' 'a\nb' \\ \\n", 0, "a\\nb\n\\\n\\n\n"),
    ("here-document", "-", "X=6\ncat <<E\nzwölf $((X * 2)) 'q'\nE", 0, "zwölf 12 'q'\n"),
    ("quoted here-document", "-", "cat <<'E'\n$X `no` \\\n!\nE\n", 0, "$X `no` \\\n!\n"),
    ("carriage returns", "-", "printf '[%s]' a\r\necho b\r\n", 0, "[a\r]b\r\n"),
    ("stderr in order", "-", "echo a >&2; echo b; echo c >&2", 0, "a\nb\nc\n"),
    ("nothing in between", "-", "[ \"$(readlink /proc/self/fd/2)\" = \"$(readlink /proc/1/fd/1)\" ]", 0, ""),
    ("stdin is empty", "-", "read -r x || echo eof; cat", 0, "eof\n"),
    ("no arguments", "-", "echo $# \"$@\"", 0, "0\n"),
    ("subshells and pipes", "-", "(exit 3); echo $?; echo a | { read -r x; echo $x; }", 0, "3\na\n"),
    ("kills itself", "-", "kill -9 $$; echo no", 137, ""),
    ("kills its group", "-", "kill -9 0; echo no", 137, ""),
    ("ends its group", "-", "sleep 1000 & kill 0; echo on", 0, "on\n"),
    ("ends its group at the end", "-", "trap 'kill 0' EXIT; sleep 1000 & echo on", 0, "on\n"),
    ("background child holds stdout", "-", "sleep 1000 & echo on", 0, "on\n"),
    ("stubborn background child", "-", "(trap '' TERM HUP; sleep 1000) & echo on", 0, "on\n"),
    ("setup only", "echo s", "-", 0, "s\n"),
    ("failing setup only", "echo s; exit 3", "-", 3, "s\n"),
    ("setup and run", "echo s", "echo r; exit 4", 4, "s\nr\n"),
    ("exit 0 ends only setup", "echo s; exit 0; echo no", "echo r", 0, "s\nr\n"),
    ("failing setup", "echo s; false", "echo no", 1, "s\n"),
    ("no set -e in setup", "false; echo s", "echo r", 0, "s\nr\n"),
    ("killed setup", "kill -9 $$", "echo no", 137, ""),
    ("shell options end with setup", "set -eu; set -f", "false; echo \"[$NONE]\" /de[v]", 0, "[] /dev\n"),
    ("background child of setup", "sleep 1000 &", "echo r", 0, "r\n"),
    ("setup closes its output", "exec >/dev/null 2>&1", "echo r", 0, "r\n"),
];

pub(crate) fn scripts_run_as_written(image: &Image) {
    for &(name, setup, run, code, output) in CASES {
        let mut task = Task::new(image);
        if setup != "-" {
            task = task.setup(setup);
        }
        if run != "-" {
            task = task.run(run);
        }
        eprintln!("{name}");
        task.end().expect(code, output);
    }
}

pub(crate) fn syntax_errors_are_those_of_the_shell(image: &Image) {
    for (text, line) in [("echo a\nif true; fi\necho no\n", 2), ("echo a\n\ncat 'open\n", 3), ("echo a\n(", 2)] {
        let ended = Task::new(image).run(text).end();
        let more = ended.output.strip_prefix("a\n").unwrap_or_else(|| panic!("{ended:?}"));
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(more.contains("/run: "), "names the script: {ended:?}");
        // Where a text ends too early, shells differ in which line they name.
        let lines = [line, line + 1].map(|n| [format!(": line {n}: "), format!(": {n}: ")]).concat();
        assert!(lines.iter().any(|line| more.contains(line)), "{ended:?}");
        assert!(!more.contains("no\n") && !ended.output.contains("_sky"), "{ended:?}");

        let ended = Task::new(image).setup(text).run("echo no").end();
        assert_eq!((ended.code, ended.output.contains("no\n")), (2, false), "{ended:?}");
    }
    let ended = Task::new(image).run("cat <<E\nopen $((1 + 1))").end();
    assert!(ended.code == 0 && ended.output.contains("open 2"), "{ended:?}");
}

pub(crate) fn large_scripts_come_in_files(image: &Image) {
    let filler = format!(": 'größer! {}'\n", "x".repeat(100)).repeat(5000);
    assert!(filler.len() > 512 << 10);
    let setup = format!("{filler}export X=from-setup\n");
    let run = format!("{filler}echo $X wow!\nexit 9");
    Task::new(image).files(&setup, &run).end().expect(9, "from-setup wow!\n");
}

pub(crate) fn bashrc_is_read_as_by_a_person(image: &Image) {
    let setup = r#"
        cat >>~/.bashrc <<'RC'
case $- in *i*) ;; *) return;; esac
export PATH=$HOME/tools:$PATH FROM_RC=yes SETUP=overridden
alias hi="echo aliased"
false
RC
        export SETUP=yes PATH=$PATH:/setup
        exit 0"#;
    let run = "echo $? [$FROM_RC] [$SETUP] $#; echo $PATH; alias hi >/dev/null 2>&1 && hi; [ -e ~/.bash_history ]";
    let task = Task::new(image).setup(setup).run(run);
    let (bin, tools) = (task.path("bin"), task.path("home/tools"));
    if image.bash {
        task.end().expect(1, &format!("0 [yes] [overridden] 0\n{tools}:{bin}:/setup\naliased\n"));
    } else {
        task.end().expect(1, &format!("0 [] [yes] 0\n{bin}:/setup\n"));
    }

    // What is wrong there is in the log, and does not keep the script from running.
    let run = "echo on";
    let ended = Task::new(image).setup("echo 'no-such-command' >~/.bashrc; echo 'if fi' >>~/.bashrc").run(run).end();
    assert!(ended.code == 0 && ended.output.ends_with("on\n"), "{ended:?}");
    assert_eq!(ended.output.contains("no-such-command"), image.bash, "{ended:?}");
}

/// Bash from the moment it is there.
pub(crate) fn setup_may_install_bash(image: &Image) {
    let task = Task::new(image);
    let bin = task.path("bin");
    let install = format!("[ -e {bin}/bash ] || ln -s /bin/bash {bin}/bash; export A=1");
    task.setup(install)
        .run("case $- in *i*) echo $A wow! $0 ;; esac")
        .end()
        .expect(0, "1 wow! /dev/shm/.sky-task/run\n");
}

/// A shell's background child ignores INT and QUIT; what it starts would, too. Busybox has nothing against it.
pub(crate) fn signals_are_not_ignored(image: &Image) {
    if image.sh == "busybox" {
        return;
    }
    let show = "grep SigIgn /proc/self/status";
    let ended = Task::new(image).setup(show).run(show).end();
    for line in ended.output.lines() {
        let ignored = u64::from_str_radix(line.trim_start_matches("SigIgn:").trim(), 16).unwrap();
        // Above are those of the C library, which the test's own parents may ignore.
        assert_eq!(ignored & 0x7fff_ffff, 0, "{ended:?}");
    }
    assert_eq!(ended.output.lines().count(), 2, "{ended:?}");
}
