//! Every line of the contract between SkyPilot and its scripts that needs more than one node.

use serde_json::json;
use sky_crd::task::SkyTask;
use sky_tests::space::Space;

/// Both phases check for themselves: what is wrong is in the log.
const CHECK: &str = r#"
wrong=0
check() { [ "$2" = "$3" ] || { echo "$1 is [$2], not [$3]"; wrong=1; }; }
line() { echo "$1" | sed -n "$(($2 + 1))p"; }
own=$(hostname -i)
check NUM_NODES "$NUM_NODES" 2
check SKYPILOT_NUM_NODES "$SKYPILOT_NUM_NODES" 2
check MASTER_ADDR "$(getent hosts "$MASTER_ADDR" | cut -d' ' -f1)" "$(line "$ips" 0)"
check MASTER_PORT "$MASTER_PORT" 29500
check "number of addresses" "$(echo "$ips" | wc -l)" 2
check "own address" "$(line "$ips" "$NODE_RANK")" "$own"
check "addresses of the agent" "$(env | grep -c '^SKY_AGENT')" 0
"#;
const SETUP: &str = r#"
ips=$SKYPILOT_SETUP_NODE_IPS
. /dev/stdin <<<"$CHECK"
check SKYPILOT_SETUP_NODE_RANK "$SKYPILOT_SETUP_NODE_RANK" "$NODE_RANK"
check SKYPILOT_SETUP_NUM_GPUS_PER_NODE "$SKYPILOT_SETUP_NUM_GPUS_PER_NODE" 0
check "SKYPILOT_NODE_IPS in setup" "${SKYPILOT_NODE_IPS-unset}" unset
echo "export FROM_RC='written by $NODE_RANK'; alias greet='echo hello from an alias'" >>~/.bashrc
cd /tmp
export EXPORTED=yes
[ $wrong = 0 ] && exit 0
exit 9
"#;
const RUN: &str = r#"
ips=$SKYPILOT_NODE_IPS
. /dev/stdin <<<"$CHECK"
check SKYPILOT_NODE_RANK "$SKYPILOT_NODE_RANK" "$NODE_RANK"
check SKYPILOT_NUM_GPUS_PER_NODE "$SKYPILOT_NUM_GPUS_PER_NODE" 0
check "rc file of setup" "$FROM_RC" "written by $NODE_RANK"
check "alias of setup" "$(greet)" "hello from an alias"
check "exported by setup" "$EXPORTED" yes
check directory "$PWD" /
check SKYPILOT_USER "$SKYPILOT_USER" default
check SKYPILOT_CLUSTER_INFO "$(python3 -c 'import json, os; print(json.loads(os.environ["SKYPILOT_CLUSTER_INFO"])["cloud"])')" Kubernetes
python3 -c "$ALL_REDUCE" || wrong=1
echo "$SKYPILOT_TASK_ID"
exit $wrong
"#;
/// A program of the users', with Python's standard library only.
const ALL_REDUCE: &str = include_str!("all_reduce.py");

#[tokio::test(flavor = "multi_thread")]
async fn scripts_find_what_skypilot_promises() {
    Space::with("contract", 2, async |space| {
        let envs = json!({"CHECK": CHECK, "ALL_REDUCE": ALL_REDUCE});
        space.task("pair", json!({"numNodes": 2, "setup": SETUP, "run": RUN, "envs": envs})).await;
        let task = space.finished("pair").await;
        let status = task.status.as_ref().expect("a status");
        let id = status.task_id.clone().expect("an id");
        for index in 0..2 {
            assert_eq!(space.log(&task, index).await, format!("sum 3\n{id}\n"), "log of node {index}: {status:#?}");
        }
        assert_eq!(status.succeeded_nodes, Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_nodes_reduce_over_tcp() {
    Space::with("reduce", 4, async |space| {
        let spec = json!({"numNodes": 4, "run": "python3 -c \"$ALL_REDUCE\"", "envs": {"ALL_REDUCE": ALL_REDUCE}});
        space.task("four", spec).await;
        let task = space.finished("four").await;
        all_said(&space, &task, 4, "sum 10\n").await;
    })
    .await;
}

/// More pods than anything else here: no node waits for another that has no room.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the cluster for itself"]
async fn sixteen_nodes_say_one_word_each() {
    Space::with("sixteen", 16, async |space| {
        let spec =
            json!({"numNodes": 16, "run": "echo word-$NODE_RANK of $(echo \"$SKYPILOT_NODE_IPS\" | sort -u | wc -l)"});
        space.task("choir", spec).await;
        let task = space.finished("choir").await;
        let status = task.status.as_ref().expect("a status");
        assert_eq!(status.succeeded_nodes, Some(16), "{status:#?}");
        for index in 0..16 {
            assert_eq!(space.log(&task, index).await, format!("word-{index} of 16\n"));
        }
    })
    .await;
}

async fn all_said(space: &Space, task: &SkyTask, nodes: usize, log: &str) {
    for index in 0..nodes {
        assert_eq!(space.log(task, index).await, log, "log of node {index}: {:#?}", task.status);
    }
}
