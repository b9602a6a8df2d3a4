//! Ports that a task serves.

use serde_json::json;
use sky_tests::space::Space;

#[tokio::test(flavor = "multi_thread")]
async fn rank_0_is_reached_by_its_service() {
    Space::with("ports", 2, async |space| {
        let server = json!({
            "taskId": "00c0ffee", "resources": {"ports": ["8080", "9000-9001"]},
            "run": "mkdir -p /tmp/w; cd /tmp/w; echo \"rank $NODE_RANK\" > index.html; exec python3 -m http.server 8080",
        });
        space.task("server", server).await;
        let told = space.when("server", "says where", |task| {
            task.status.as_ref().is_some_and(|status| !status.endpoints.is_empty())
        });
        let endpoint = told.await.status.expect("a status").endpoints.remove(0);
        assert_eq!(endpoint.address, format!("task-00c0ffee-ports.{}.svc", space.name));
        assert_eq!((endpoint.kind.as_str(), endpoint.ports), ("ClusterIP", vec!["8080".to_owned(), "9000-9001".to_owned()]));
        let ask = format!(
            "for _ in $(seq 240); do python3 -c 'import urllib.request as r; \
             print(r.urlopen(\"http://{}:8080\", timeout=2).read().decode(), end=\"\")' 2>/dev/null && exit 0; sleep 0.25; done; exit 1",
            endpoint.address
        );
        space.task("client", json!({ "run": ask })).await;
        let client = space.finished("client").await;
        assert_eq!(space.log(&client, 0).await, "rank 0\n");
    })
    .await;
}
