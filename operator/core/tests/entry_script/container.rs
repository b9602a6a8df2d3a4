//! Directories, file systems, users and processes of the container.

use super::harness::{Image, Task};

pub(crate) fn workdir_is_entered_by_both(image: &Image) {
    let show = "pwd; [ \"$PWD\" = \"$(pwd -P)\" ] || echo differs; cd /; exit 0";
    // Given, and where that is below the test's directory.
    for (given, place) in [
        ("~", "home"),
        ("~/", "home/"),
        ("~/a b/c", "home/a b/c"),
        ("relative", "image/relative"),
        ("-x", "image/-x"),
        ("$X 'q' \"r\" ~/ü\\n", "image/$X 'q' \"r\" ~/ü\\n"),
    ] {
        let task = Task::new(image).workdir(given).setup(show).run(show);
        let path = task.path(place);
        let path = path.trim_end_matches('/');
        task.end().expect(0, &format!("{path}\n{path}\n"));
    }
    for below in ["home", "home/deep/er dir"] {
        let task = Task::new(image);
        let path = task.path(below);
        task.workdir(path.clone()).setup(show).run(show).end().expect(0, &format!("{path}\n{path}\n"));
    }
    let task = Task::new(image).setup(show).run(show);
    let path = task.path("image");
    task.end().expect(0, &format!("{path}\n{path}\n"));

    // Setup may replace it, and change what `~` is.
    let task = Task::new(image).workdir("~/w").setup("echo a >a; rm -rf ~/w; export HOME=/none");
    let path = task.path("home/w");
    task.run("pwd; cat a 2>/dev/null || echo new").end().expect(0, &format!("{path}\nnew\n"));
}

pub(crate) fn unusable_workdir_is_reported(image: &Image) {
    for (path, setting) in [("/proc/x/y", ""), ("file", ": >file"), ("~/w", "mount -t tmpfs -o ro none \"$dir/home\"")]
    {
        let task = Task::new(image).workdir(path).setting(setting).setup("echo no").run("echo no");
        let name = path.replace('~', &task.path("home")).replace("file", &task.path("image/file"));
        let ended = task.end();
        assert_eq!(ended.code, 1, "{ended:?}");
        let lines: Vec<&str> = ended.output.lines().collect();
        assert_eq!(lines.last(), Some(&format!("sky-task: cannot use workdir '{name}'").as_str()), "{ended:?}");
        // The reason, and the log is what Kubernetes shows.
        assert_eq!((lines.len(), ended.message.as_str()), (2, ""), "{ended:?}");
    }
}

/// Where it was checked out, with a link in it that leads nowhere.
const CHECKOUT: &str = "mkdir -p \"$dir/image/repo/src\"; ln -s nowhere \"$dir/image/repo/link\"; \
                        printf 'hello\\n' >\"$dir/image/repo/src/file\"; ";

/// Its user gets a link, another user a copy, and both find it as SkyPilot's scripts do.
pub(crate) fn repository_is_the_workdir(image: &Image) {
    let setup = "cat src/file; readlink link; echo set up >made; cd /";
    let run = "cat made; cd ~/sky_workdir && cat made; (cd -P . && pwd)";
    let own = Task::new(image).repository("image/repo").setting(CHECKOUT).setup(setup).run(run);
    let place = own.path("image/repo");
    own.end().expect(0, &format!("hello\nnowhere\nset up\nset up\n{place}\n"));

    let stranger = "prefix='setpriv --reuid 54321 --regid 54321 --clear-groups'";
    let other = Task::new(image).repository("image/repo").setting(CHECKOUT).setting(stranger).setup(setup).run(run);
    let place = other.path("home/sky_workdir");
    other.end().expect(0, &format!("hello\nnowhere\nset up\nset up\n{place}\n"));

    // A home that outlives the task: with the link of the last one, or with a directory.
    let again = Task::new(image).repository("image/repo").setting(CHECKOUT);
    let link = "ln -s \"$dir/image/repo\" \"$dir/home/sky_workdir\"";
    again.setting(link).run("cat src/file; [ ! -e sky_workdir ] && [ ! -e repo ]").end().expect(0, "hello\n");
    let full = Task::new(image).repository("image/repo").setting(CHECKOUT);
    let made = "mkdir \"$dir/home/sky_workdir\"; : >\"$dir/home/sky_workdir/kept\"";
    full.setting(made).run("cat src/file; [ -e kept ]").end().expect(0, "hello\n");
}

pub(crate) fn unusable_repository_is_reported(image: &Image) {
    let read_only = "mount -t tmpfs -o ro none \"$dir/home\"";
    let task = Task::new(image).repository("image/repo").setting(CHECKOUT).setting(read_only);
    let place = task.path("home/sky_workdir");
    let ended = task.setup("echo no").run("echo no").end();
    assert_eq!(ended.code, 1, "{ended:?}");
    let why = format!("sky-task: cannot bring the repository to '{place}'");
    assert_eq!(ended.output.lines().last(), Some(why.as_str()), "{ended:?}");
    assert_eq!(ended.message, "", "{ended:?}");
}

/// Makes everything but /dev read-only, and /dev/shm too.
const READ_ONLY: &str = r#"
for at in / /tmp /var/tmp; do mount --bind $at $at; mount -o remount,bind,ro $at; done
cd "$dir/image"
mount -o remount,ro /dev/shm"#;

pub(crate) fn files_go_where_there_is_room(image: &Image) {
    let show = "echo \"$0\" wow!; export A=1";
    let shm = "/dev/shm/.sky-task";
    let both = |at: &str| format!("{at}/setup wow!\n{at}/run wow!\n");
    let task = |setting: &str| Task::new(image).setting(setting).setup(show).run(show);
    task("").env("TMPDIR", "/none").end().expect(0, &both(shm));
    // The container was restarted: what the first one left must not count.
    let stale =
        format!("mkdir {shm}; echo stop >{shm}/stop; echo 'exit 9' >{shm}/exports; : >{shm}/rc; chmod 0 {shm}/*");
    task(&stale).end().expect(0, &both(shm));

    let home = "mount --bind \"$dir/home\" \"$dir/home\"; mount -o remount,bind,rw \"$dir/home\"";
    let writable = format!("{READ_ONLY}\n{home}");
    let (in_home, in_tmpdir) = (task(&writable), task(&writable));
    let (home, tmpdir) = (in_home.path("home"), in_tmpdir.path("home"));
    in_home.env("TMPDIR", "/a b").end().expect(0, &both(&format!("{home}/.sky-task")));
    in_tmpdir.env_remove("HOME").env("TMPDIR", &tmpdir).end().expect(0, &both(&format!("{tmpdir}/.sky-task")));

    let why = "sky-task: no writable directory: tried /dev/shm, TMPDIR, /tmp, HOME, /var/tmp\n";
    task(READ_ONLY).env_remove("HOME").end().expect(1, why);
}

/// Without an entry in passwd, with nothing to write to but /dev/shm.
pub(crate) fn any_user_will_do(image: &Image) {
    let user = "prefix='setpriv --reuid 54321 --regid 54321 --clear-groups'";
    let setting = format!("{READ_ONLY}\nmount -o remount,rw /dev/shm\n{user}");
    let setup = "export A=\"$(grep ^Uid /proc/self/status | tr -d '\\t')\"";
    let run = "echo $A wow!; : 2>/dev/null >~/x || echo no home; exit 3";
    let output = "Uid:54321543215432154321 wow!\nno home\n";
    // Under `exec`, a failed redirection of `:` ends some shells.
    let run = run.replace(": 2>/dev/null >~/x ||", "(echo >~/x) 2>/dev/null ||");
    for home in [None, Some("/none"), Some("/")] {
        let mut task = Task::new(image).setting(&setting).setup(setup).run(run.as_str()).env_remove("HOME");
        if let Some(home) = home {
            task = task.env("HOME", home);
        }
        task.end().expect(3, output);
    }
    // Somebody else's leftovers.
    let task = Task::new(image).setting("mkdir -m 700 /dev/shm/.sky-task").setting(user);
    let home = task.path("home");
    task.env("TMPDIR", &home).run("echo $0").end().expect(0, &format!("{home}/.sky-task/run\n"));
}

/// A user whom the image does not know has the home that the runtime thinks of; a named one stays, there or not.
pub(crate) fn a_user_without_a_home_gets_one(image: &Image) {
    let user = "prefix='setpriv --reuid 54321 --regid 54321 --clear-groups'";
    let hidden = "chmod 700 /root";
    let script = "mkdir -p ~/x; echo 'echo from rc' >~/.bashrc; (cd ~ && pwd)";
    for (home, of_ours) in [("/", true), ("/root", true), ("image/own", false)] {
        let task = Task::new(image).setting(hidden).setting(user).env_remove("HOME");
        let (tmp, own) = (task.path("home"), task.path(home));
        let (given, place) = if of_ours { (home.to_owned(), format!("{tmp}/home")) } else { (own.clone(), own) };
        let shell = if image.bash { "from rc\n" } else { "" };
        let output = format!("{place}\n{shell}{place}\n");
        task.env("HOME", &given).env("TMPDIR", &tmp).setup(script).run("(cd ~ && pwd)").end().expect(0, &output);
    }
    let root = Task::new(image).env_remove("HOME").env("HOME", "/root").run("(cd ~ && pwd)");
    root.end().expect(0, "/root\n");
}

/// Processes whose parents have gone are PID 1's to bury. Only it and the shell are left, then.
pub(crate) fn orphans_are_reaped(image: &Image) {
    let run = r"
        i=0
        while [ $i -lt 50 ]; do (sh -c : & sleep 0 &); i=$((i + 1)); done
        while set -- /proc/[0-9]*; [ $# -gt 2 ]; do sleep 0.02; done
        echo reaped";
    Task::new(image).run(run).end().expect(0, "reaped\n");
    Task::new(image).setup(run).end().expect(0, "reaped\n");
}
