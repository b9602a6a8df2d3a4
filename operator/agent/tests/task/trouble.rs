//! One node fails, or is gone: then all end, each with its own code and a reason that names where it began.

use std::process::Command;
use std::time::Duration;

use crate::world::{Ended, Node, Task, in_own_network};

/// Works until it is told to stop, and says so.
const WORK: &str = "trap 'echo told; exit 3' TERM; echo up; sleep 1000 & wait";

fn expect(ended: &Ended, code: i32, message: &str) {
    assert_eq!(ended.code, code, "{ended:?}");
    assert_eq!(ended.message.trim_end(), message, "{ended:?}");
}

fn wait_for_all(nodes: &mut [Node], line: &str) {
    for node in nodes {
        node.wait_for(line);
    }
}

/// What a node that was ended tells the operator.
fn because(phase: &str, rest: &str) -> String {
    format!("{{\"phase\":\"{phase}\",\"exitCode\":137,{rest}}}")
}

#[test]
fn setup_fails_on_a_worker() {
    in_own_network("trouble::setup_fails_on_a_worker", || {
        // Node 0 is at the barrier, node 1 in its setup.
        let setup = format!("case $RANK in 0) echo up ;; 1) {WORK} ;; 2) echo up; read -r x <pipe; exit 7; esac");
        let task = Task::new(3, &setup, "echo no");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        all[2].release();
        let reason = r#""peer":2,"peerState":"failed","peerPhase":"setup","peerExitCode":7"#;
        for (node, phase) in all.iter_mut().zip(["run", "setup"]) {
            let ended = node.end();
            expect(&ended, 137, &because(phase, reason));
            assert!(!ended.output.contains("no\n") && ended.output.contains("told") == (phase == "setup"), "{ended:?}");
        }
        expect(&all[2].end(), 7, r#"{"phase":"setup","exitCode":7}"#);
    });
}

fn run_fails_on(rank: usize, ends: impl Fn(&Node)) -> Vec<Ended> {
    let run = format!("[ $RANK = {rank} ] || {{ {WORK}; }}; echo up; read -r x <pipe; exit 9");
    let task = Task::new(3, "", &run).env("SKY_AGENT_LOST_SECONDS", "60");
    let mut all = task.start_all();
    wait_for_all(&mut all, "up");
    ends(&all[rank]);
    all.iter_mut().map(Node::end).collect()
}

#[test]
fn run_fails_on_the_first() {
    in_own_network("trouble::run_fails_on_the_first", || {
        for (rank, ended) in run_fails_on(0, Node::release).iter().enumerate() {
            let reason = r#""peer":0,"peerState":"failed","peerPhase":"run","peerExitCode":9"#;
            let (code, message) = if rank == 0 { (9, String::new()) } else { (137, because("run", reason)) };
            expect(ended, code, &message);
            assert_eq!(ended.output.contains("told"), rank != 0, "{ended:?}");
        }
    });
}

#[test]
fn run_fails_on_a_worker() {
    in_own_network("trouble::run_fails_on_a_worker", || {
        for (rank, ended) in run_fails_on(1, Node::release).iter().enumerate() {
            let reason = r#""peer":1,"peerState":"failed","peerPhase":"run","peerExitCode":9"#;
            let (code, message) = if rank == 1 { (9, String::new()) } else { (137, because("run", reason)) };
            expect(ended, code, &message);
        }
    });
}

/// Kubernetes stops one pod: a drained machine, a preemption.
#[test]
fn one_node_is_stopped() {
    in_own_network("trouble::one_node_is_stopped", || {
        for (rank, ended) in run_fails_on(2, |node| node.signal("TERM")).iter().enumerate() {
            let reason = r#""peer":2,"peerState":"failed","peerPhase":"run","peerExitCode":143"#;
            let (code, message) = if rank == 2 { (143, String::new()) } else { (137, because("run", reason)) };
            expect(ended, code, &message);
        }
    });
}

/// A script that does not listen has the grace period, and not more.
#[test]
fn the_deaf_are_ended() {
    in_own_network("trouble::the_deaf_are_ended", || {
        let run = "echo up; [ $RANK = 0 ] || { trap '' TERM; while :; do sleep 1000; done; }; read -r x <pipe; exit 9";
        let task = Task::new(2, "", run).env("SKY_AGENT_GRACE_SECONDS", "1");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        all[0].release();
        expect(&all[0].end(), 9, "");
        let reason = r#""peer":0,"peerState":"failed","peerPhase":"run","peerExitCode":9"#;
        expect(&all[1].end(), 137, &because("run", reason));
    });
}

fn is_killed(setup: &str, run: &str, phase: &str) {
    let task = Task::new(3, setup, run).env("SKY_AGENT_LOST_SECONDS", "5");
    let mut all = task.start_all();
    wait_for_all(&mut all, "up");
    all.remove(1).kill();
    for node in &mut all {
        let ended = node.end();
        expect(&ended, 137, &because(phase, r#""peer":1,"peerState":"lost""#));
        assert!(!ended.output.contains("no\n"), "{ended:?}");
    }
}

#[test]
fn a_node_is_killed_in_setup() {
    in_own_network("trouble::a_node_is_killed_in_setup", || is_killed(WORK, "echo no", "setup"));
}

/// It is at the barrier, or just before it; the others are there.
#[test]
fn a_node_is_killed_at_the_barrier() {
    let setup = "echo up; [ $RANK != 0 ] || read -r x <pipe";
    in_own_network("trouble::a_node_is_killed_at_the_barrier", || {
        let task = Task::new(3, setup, "echo no").env("SKY_AGENT_LOST_SECONDS", "5");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        all.remove(1).kill();
        for (node, phase) in all.iter_mut().zip(["setup", "run"]) {
            let ended = node.end();
            expect(&ended, 137, &because(phase, r#""peer":1,"peerState":"lost""#));
            assert!(!ended.output.contains("no\n"), "{ended:?}");
        }
    });
}

#[test]
fn a_node_is_killed_in_run() {
    in_own_network("trouble::a_node_is_killed_in_run", || is_killed("", WORK, "run"));
}

#[test]
fn a_node_never_comes() {
    in_own_network("trouble::a_node_never_comes", || {
        let task = Task::new(3, "echo no", "echo no").env("SKY_AGENT_START_SECONDS", "5");
        let mut all = [0, 1].map(|rank| task.start(rank));
        for node in &mut all {
            let ended = node.end();
            expect(&ended, 137, &because("setup", r#""peer":2,"peerState":"absent""#));
            assert_eq!(ended.output, "", "the log is the user's");
        }
    });
}

/// A machine that hangs: its connections stay, but nothing comes over them. When it goes on, it is too late for it.
#[test]
fn a_node_falls_silent() {
    in_own_network("trouble::a_node_falls_silent", || {
        let task = Task::new(3, "", WORK).env("SKY_AGENT_LOST_SECONDS", "5");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        let agent = all[1].agent_status("Pid:");
        let kill = |signal| assert!(Command::new("kill").args(["-s", signal, &agent]).status().unwrap().success());
        kill("STOP");
        for rank in [0, 2] {
            expect(&all[rank].end(), 137, &because("run", r#""peer":1,"peerState":"lost""#));
        }
        kill("CONT");
        let ended = all[1].end();
        assert!(ended.code == 137 && ended.message.contains(r#""peerState":"lost""#), "{ended:?}");
    });
}

/// For longer than a connection may be silent, but not for so long that anybody is lost.
#[test]
fn the_network_is_gone_for_a_while() {
    in_own_network("trouble::the_network_is_gone_for_a_while", || {
        let run = format!("[ $RANK = 0 ] || {{ {WORK}; }}; echo up; read -r x <pipe; exit 9");
        let task = Task::new(3, "", &run).env("SKY_AGENT_LOST_SECONDS", "30");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        let set = |state| assert!(Command::new("ip").args(["link", "set", "lo", state]).status().unwrap().success());
        set("down");
        std::thread::sleep(Duration::from_secs(15));
        set("up");
        all[0].release();
        expect(&all[0].end(), 9, "");
        let reason = r#""peer":0,"peerState":"failed","peerPhase":"run","peerExitCode":9"#;
        for node in &mut all[1..] {
            expect(&node.end(), 137, &because("run", reason));
        }
    });
}

#[test]
fn an_agent_is_killed() {
    in_own_network("trouble::an_agent_is_killed", || {
        let task = Task::new(2, "", WORK).env("SKY_AGENT_LOST_SECONDS", "5");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        let agent = all[0].agent_status("Pid:");
        assert!(Command::new("kill").args(["-s", "KILL", &agent]).status().unwrap().success());
        let ended = all[0].end();
        expect(&ended, 137, &because("run", r#""agent":"lost""#));
        assert!(
            ended.output.contains("told") && ended.output.contains("sky-task: no agent on this node: "),
            "{ended:?}"
        );
        expect(&all[1].end(), 137, &because("run", r#""peer":0,"peerState":"lost""#));
    });
}

/// The grace period is the script's, also where nobody is left who counts it.
#[test]
fn an_agent_of_a_deaf_script_is_killed() {
    in_own_network("trouble::an_agent_of_a_deaf_script_is_killed", || {
        let run = "echo up; trap '' TERM; while :; do sleep 1000; done";
        let task = Task::new(2, "", run).env("SKY_AGENT_LOST_SECONDS", "5").env("SKY_AGENT_GRACE_SECONDS", "1");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        let agent = all[1].agent_status("Pid:");
        assert!(Command::new("kill").args(["-s", "KILL", &agent]).status().unwrap().success());
        expect(&all[1].end(), 137, &because("run", r#""agent":"lost""#));
        expect(&all[0].end(), 137, &because("run", r#""peer":1,"peerState":"lost""#));
    });
}

/// A script that ends everything it may, its agent too and the shell that would notice: the others find out.
#[test]
fn a_script_kills_everything() {
    in_own_network("trouble::a_script_kills_everything", || {
        let run = format!("[ $RANK = 0 ] || {{ {WORK}; }}; echo up; read -r x <pipe; kill -9 -1");
        let task = Task::new(2, "", &run).env("SKY_AGENT_LOST_SECONDS", "5");
        let mut all = task.start_all();
        wait_for_all(&mut all, "up");
        all[0].release();
        expect(&all[1].end(), 137, &because("run", r#""peer":0,"peerState":"lost""#));
        // Linux spares who asks for it, and so the script's code counts.
        let ended = all[0].end();
        expect(&ended, 0, "");
        assert!(ended.output.contains("sky-task: no agent on this node: "), "{ended:?}");
    });
}
