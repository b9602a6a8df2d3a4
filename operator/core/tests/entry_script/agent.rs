//! A task of several nodes: what the entry script asks its agent, and what it does when that ends it. The agent here is a
//! script; the real one is tested with the real entry script in its own package.

use super::harness::{Image, Task};

/// Answers everything at once, with what the real one would say.
const AGENT: &str = r#"
case $1 in
serve) exec sleep 1000 ;;
wait)
  echo "$*" >>$log
  name=SKYPILOT_NODE_IPS
  [ $2 = run ] || name=SKYPILOT_SETUP_NODE_IPS
  echo "export $name='10.0.0.1
10.0.0.2'; unset SKY_AGENT SKY_AGENT_RANK" ;;
done)
  echo "$*" >>$log
  printf %s "$WHY"
esac"#;
/// What the real one says when node 1 has failed.
const WHY: &str = r#","peer":1,"peerState":"failed""#;

fn task(image: &Image) -> Task<'_> {
    Task::new(image).agent(AGENT)
}

pub(crate) fn agent_is_called_at_its_points(image: &Image) {
    let setup = "echo setup \"$SKYPILOT_SETUP_NODE_IPS\" [$SKYPILOT_NODE_IPS]; env | grep SKY_AGENT; export A=1";
    let run = "echo run \"$SKYPILOT_NODE_IPS\" $A; env | grep SKY_AGENT; exit 3";
    let output = "wait setup\nsetup 10.0.0.1\n10.0.0.2 []\nwait run\nrun 10.0.0.1\n10.0.0.2 1\ndone run 3\n";
    let ended = task(image).setup(setup).run(run).end();
    ended.expect(3, output);
    assert_eq!(ended.message, "");
    // What setup exports does not stand above what the agent says.
    let setup = "export SKYPILOT_NODE_IPS=none SKY_AGENT_RANK=none";
    let run = "echo $SKYPILOT_NODE_IPS $SKY_AGENT_RANK";
    task(image).setup(setup).run(run).end().expect(0, "wait setup\nwait run\n10.0.0.1 10.0.0.2\ndone run 0\n");
    // Who has no setup is ready.
    task(image).run("echo run").end().expect(0, "wait run\nrun\ndone run 0\n");
    task(image).setup("echo setup").end().expect(0, "wait setup\nsetup\ndone setup 0\n");
}

/// It outlives a script that ends everything that it finds, and the stop of the container.
pub(crate) fn agent_has_the_last_word(image: &Image) {
    let agent = r"
        case $1 in
        serve)
          until read -r x <pipe; do :; done
          echo still here >>$log
          : >said ;;
        wait) echo : ;;
        done)
          echo go >pipe
          until [ -e said ]; do sleep 0.01; done
        esac";
    let mut running = Task::new(image).agent(agent).run("kill -TERM -1; busy").start();
    running.wait_for("up");
    running.signal("TERM");
    let ended = running.end();
    assert!(ended.code == 143 && ended.output.ends_with("still here\n"), "{ended:?}");
}

pub(crate) fn failing_scripts_are_reported(image: &Image) {
    let ended = task(image).setup("exit 4").run("echo no").end();
    ended.expect(4, "wait setup\ndone setup 4\n");
    assert_eq!(ended.message, "{\"phase\":\"setup\",\"exitCode\":4}\n");

    let ended = task(image).workdir("/proc/x").setup("echo no").run("echo no").end();
    assert!(ended.code == 1 && ended.output.ends_with("done setup 1\n"), "{ended:?}");
    assert_eq!(ended.message, "");

    let mut running = task(image).run("busy").start();
    running.wait_for("up");
    running.signal("TERM");
    let ended = running.end();
    assert!(ended.code == 143 && ended.output.ends_with("done run 143\n"), "{ended:?}");
    assert_eq!(ended.message, "");
}

pub(crate) fn peer_ends_a_node(image: &Image) {
    for (phase, script) in [("setup", "busy & wait"), ("run", "trap 'echo handled; exit 0' TERM; busy & wait")] {
        let task = task(image).env("WHY", WHY);
        let mut running = if phase == "setup" { task.setup(script).run("echo no") } else { task.run(script) }.start();
        running.wait_for("up");
        running.signal("USR2");
        let ended = running.end();
        assert_eq!(ended.code, 137, "{ended:?}");
        assert_eq!(ended.output.contains("handled\n"), phase == "run", "{ended:?}");
        assert!(ended.output.ends_with(&format!("done {phase} 137\n")), "{ended:?}");
        assert_eq!(ended.message, format!("{{\"phase\":\"{phase}\",\"exitCode\":137{WHY}}}\n"));
    }
}

pub(crate) fn peer_ends_a_node_that_waits(image: &Image) {
    let agent = AGENT.replace("name=SKYPILOT_NODE_IPS", "exec sleep 1000");
    for (phase, signal, code) in
        [("setup", "USR2", 137), ("run", "USR2", 137), ("setup", "TERM", 143), ("run", "TERM", 143)]
    {
        let task = Task::new(image).agent(&agent).env("WHY", WHY).run("echo no");
        let mut running = if phase == "setup" { task.setup("echo no") } else { task }.start();
        running.wait_for(&format!("wait {phase}"));
        running.signal(signal);
        let ended = running.end();
        ended.expect(code, &format!("wait {phase}\ndone {phase} {code}\n"));
        let message = format!("{{\"phase\":\"{phase}\",\"exitCode\":137{WHY}}}\n");
        assert_eq!(ended.message, if code == 137 { message.as_str() } else { "" }, "{ended:?}");
    }
}

/// The agent repeats its signal when the grace period is over.
pub(crate) fn grace_period_ends(image: &Image) {
    let run = "trap 'echo deaf' TERM; (trap '' TERM; busy) & while :; do wait; done";
    let mut running = task(image).run(run).start();
    running.wait_for("up");
    running.signal("USR2");
    running.wait_for("deaf");
    running.wait_for_stop();
    // A signal between two of its commands would come to nothing, so it is repeated.
    while running.try_signal("USR2") {}
    let ended = running.end();
    assert!(ended.code == 137 && ended.output.ends_with("done run 137\n"), "{ended:?}");
}

/// When Kubernetes stops all nodes, some fail before others: that must not cut the others' grace period.
pub(crate) fn first_stop_counts(image: &Image) {
    let run = "trap 'echo saving' TERM; (trap '' TERM; busy) & until read -r x <pipe; do :; done 2>/dev/null; echo saved; exit 0";
    let mut running = task(image).env("WHY", WHY).run(run).start();
    running.wait_for("up");
    running.signal("TERM");
    running.wait_for("saving");
    for _ in 0..10 {
        running.signal("USR2");
    }
    running.release();
    let ended = running.end();
    assert!(ended.code == 143 && ended.output.ends_with("saved\ndone run 143\n"), "{ended:?}");
    assert_eq!(ended.message, "");
}

pub(crate) fn broken_agent_fails_the_task(image: &Image) {
    let cannot = "sky-task: cannot run /none\n";
    let ended = Task::new(image).env("SKY_AGENT", "/none").setup("echo no").run("echo no").end();
    ended.expect(1, &format!("{cannot}{cannot}"));
    let ended = Task::new(image).agent("[ $1 = serve ] || echo $1: no agent; exit 1").run("echo no").end();
    ended.expect(1, "sky-task: wait: no agent\nsky-task: done: no agent\n");
}
