//! Task files as SkyPilot's users write them (tests/samples), to their logs. What a small machine does not have is taken
//! away by options, as a user would who tries a file at home.

use futures::future::join_all;
use sky_tests::{
    cli::{Shell, id_after},
    cluster::room_for,
};

/// A file, its exit code, and lines of its log.
type Sample = (&'static str, i32, &'static [&'static str]);

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_one_node() {
    let shell = Shell::login("samples").await;
    let samples: &[Sample] = &[
        ("hello", 0, &["hello from node 0"]),
        ("etl", 0, &["sum 5050"]),
        ("sweep", 0, &["seed=7 steps=3 rate=0.1 loss=0.3", "seed=7 steps=3 rate=0.001 loss=0.003"]),
        ("bashrc-setup", 0, &["tool --version", "greetings"]),
        ("env-types", 0, &["True 10 750 1000 2024-01-01 [1, 'two'] yes"]),
        ("setup-only", 0, &["{\"layers\": 2}"]),
        ("labels-and-limits", 0, &["report written"]),
        ("exit-codes", 1, &["checked 3, failed 1"]),
        ("ports-and-workdir", 0, &["/srv/app", "200"]),
        ("scratch", 0, &["10"]),
    ];
    let volumes = ["etl-data", "models"];
    let mut ids = Vec::new();
    for name in volumes {
        shell.write("volume.yaml", &format!("name: {name}\ntype: k8s-pvc\nsize: 1Mi\n"));
        let made = shell.ok(&["volumes", "apply", "-f", "volume.yaml"]).await;
        let again = shell.ok(&["volumes", "apply", "-f", "volume.yaml"]).await;
        assert!(again.contains("unchanged"), "{again}");
        assert_eq!(id_after("Volume ID:", &made), id_after("Volume ID:", &again));
        ids.push(id_after("Volume ID:", &made));
    }
    check(&shell, 10, samples).await;
    for id in ids {
        shell.ok(&["volumes", "delete", &id, "--force"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_several_nodes() {
    let shell = Shell::login("sample-nodes").await;
    let samples: &[Sample] = &[
        (
            "batch-inference",
            0,
            &[
                "node-0 | shard 0 of 3: [0, 3, 6]",
                "node-1 | shard 1 of 3: [1, 4, 7]",
                "node-2 | shard 2 of 3: [2, 5, 8]",
            ],
        ),
        ("parameter-server", 0, &["node-0 | served 1", "node-1 | got weights-v1"]),
    ];
    check(&shell, 5, samples).await;
}

/// Submits all of them, follows their logs, and removes them.
async fn check(shell: &Shell, pods: u32, samples: &[Sample]) {
    let _room = room_for(pods).await;
    join_all(samples.iter().map(async |(name, code, lines)| {
        let file = format!("{}/samples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let small = ["--cpus", "50m", "--memory", "128Mi", "--image-id", "none", "--gpus", "none"];
        let run = shell.run(&[&["jobs", "submit", &file], &small[..]].concat()).await;
        assert_eq!(run.code, Some(*code), "{name}: {run:#?}");
        for line in *lines {
            assert!(run.stdout.lines().any(|found| found == *line), "{name}: {line} is not in {run:#?}");
        }
        shell.ok(&["jobs", "stop", &id_after("Task ID:", &run.stdout)]).await;
    }))
    .await;
}
