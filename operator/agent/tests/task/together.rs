//! Tasks that succeed, however their nodes come and go.

use crate::world::{Task, in_own_network};

/// Says what it knows, and that its setup has ended where all can see it.
const SETUP: &str = r#"
    echo setup $SKYPILOT_SETUP_NODE_IPS
    [ $RANK != "$SLOW" ] || read -r x <pipe
    : >"$SHARED/setup-$RANK""#;
/// Looks whether all have done so.
const RUN: &str = r#"
    set -- "$SHARED"/setup-*
    echo run $# $SKYPILOT_NODE_IPS
    printf %s "$SKYPILOT_NODE_IPS" >"$SHARED/ips-$RANK"
    env | grep SKY_AGENT
    [ $RANK = 0 ] || read -r x <pipe"#;

/// Rank 0 leaves first, while the others go on.
fn barrier(nodes: usize) {
    let slow = nodes - 1;
    let task = Task::new(nodes, SETUP, RUN).env("SLOW", &slow.to_string());
    let addresses: Vec<String> = (0..nodes).map(|rank| Task::address(rank).to_string()).collect();
    let mut all = task.start_all();
    for node in &mut all {
        assert_eq!(node.wait_for("setup "), addresses.join(" "));
    }
    all[slow].release();
    for node in &mut all {
        assert_eq!(node.wait_for("run "), format!("{nodes} {}", addresses.join(" ")));
    }
    let zero = all[0].end();
    assert_eq!((zero.code, zero.message.as_str()), (0, ""), "{zero:?}");
    for (rank, node) in all.iter_mut().enumerate().skip(1) {
        node.release();
        let ended = node.end();
        assert_eq!((ended.code, ended.message.as_str()), (0, ""), "{ended:?}");
        assert_eq!(ended.output.lines().count(), 2, "{ended:?}");
        assert_eq!(std::fs::read_to_string(task.shared(&format!("ips-{rank}"))).unwrap(), addresses.join("\n"));
    }
}

#[test]
fn two_nodes() {
    in_own_network("together::two_nodes", || barrier(2));
}

#[test]
fn three_nodes() {
    in_own_network("together::three_nodes", || barrier(3));
}

#[test]
fn four_nodes() {
    in_own_network("together::four_nodes", || barrier(4));
}

#[test]
fn sixteen_nodes() {
    in_own_network("together::sixteen_nodes", || barrier(16));
}

#[test]
#[ignore = "as many processes as a machine of tests should not have at once"]
fn hundred_nodes() {
    in_own_network("together::hundred_nodes", || barrier(100));
}

fn one_script(setup: &str, run: &str) {
    let task = Task::new(2, setup, run);
    for mut node in task.start_all() {
        let ended = node.end();
        assert_eq!((ended.code, ended.output.as_str()), (0, "127.0.1.1 127.0.1.2\n"), "{ended:?}");
    }
}

#[test]
fn setup_may_be_absent() {
    in_own_network("together::setup_may_be_absent", || one_script("", "echo $SKYPILOT_NODE_IPS"));
}

#[test]
fn run_may_be_absent() {
    in_own_network("together::run_may_be_absent", || one_script("echo $SKYPILOT_SETUP_NODE_IPS", ""));
}

/// The others have asked for it in vain, and the server keeps that a name does not exist.
fn is_late(late: usize) {
    let task = Task::new(4, "", "echo run $SKYPILOT_NODE_IPS");
    task.dns.be_stubborn();
    let others = (0..4).filter(|rank| *rank != late);
    let mut all: Vec<_> = others.map(|rank| task.start(rank)).collect();
    task.dns.wait_for_questions(20);
    all.push(task.start(late));
    for node in &mut all {
        node.wait_for("run 127.0.1.1 127.0.1.2 127.0.1.3 127.0.1.4");
        assert_eq!(node.end().code, 0);
    }
}

#[test]
fn the_first_may_be_late() {
    in_own_network("together::the_first_may_be_late", || is_late(0));
}

#[test]
fn the_last_may_be_late() {
    in_own_network("together::the_last_may_be_late", || is_late(3));
}

#[test]
fn dns_may_be_down_for_a_while() {
    in_own_network("together::dns_may_be_down_for_a_while", || {
        let task = Task::new(3, "", "echo run $SKYPILOT_NODE_IPS");
        task.dns.set_down(true);
        let mut all = task.start_all();
        task.dns.wait_for_questions(12);
        task.dns.set_down(false);
        for node in &mut all {
            node.wait_for("run 127.0.1.1 127.0.1.2 127.0.1.3");
            assert_eq!(node.end().code, 0);
        }
    });
}

/// From the end of the slowest setup to the start of the last run.
#[test]
fn run_starts_soon_after_the_last_setup() {
    in_own_network("together::run_starts_soon_after_the_last_setup", || {
        let setup = "echo up; [ $RANK != 7 ] || read -r x <pipe; echo done $(date +%s%N)";
        let mut task = Task::new(8, setup, "echo run $(date +%s%N); read -r x <pipe");
        task = task.env("SLOW", "7");
        let mut all = task.start_all();
        for node in &mut all {
            node.wait_for("up");
        }
        all[7].release();
        let time = |text: String| text.parse::<u64>().unwrap();
        let done = time(all[7].wait_for("done "));
        let last = all.iter_mut().map(|node| time(node.wait_for("run "))).max().unwrap();
        let memory: Vec<String> = all.iter().map(|node| node.agent_status("VmHWM:")).collect();
        let took = last.saturating_sub(done) / 1_000_000;
        println!("8 nodes: {took} ms from the last setup to the last run; memory {}", memory.join(", "));
        assert!(took < 10_000, "{took} ms");
        for node in &mut all {
            node.release();
            assert_eq!(node.end().code, 0);
        }
    });
}
