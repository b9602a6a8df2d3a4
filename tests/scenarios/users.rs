//! Users do not see each other, whatever their names.

use serde_json::json;
use sky_tests::{cluster::room_for, gateway::Gateway};

#[tokio::test(flavor = "multi_thread")]
async fn two_users_are_two_even_if_their_labels_are_alike() {
    let _room = room_for(1).await;
    let owner = Gateway::of(Some("one@here"));
    let task = owner.submit(&json!({"name": "mine", "run": "sleep 600"}));
    let volume = owner.post("/volumes/create", &json!({"name": "mine", "size": "1Mi"})).json();
    let volume = volume["volume_id"].as_str().expect("an id").to_owned();
    for stranger in ["one-here", "somebody", "one@here,username=one-here"] {
        let stranger = Gateway::of(Some(stranger));
        assert_eq!(stranger.get("/tasks").json()["tasks"], json!([]));
        assert_eq!(stranger.get("/volumes").json()["volumes"], json!([]));
        for (method, path) in [
            ("GET", format!("/tasks/{task}")),
            ("GET", format!("/tasks/{task}/logs")),
            ("POST", format!("/tasks/{task}/stop")),
            ("GET", format!("/volumes/{volume}")),
            ("DELETE", format!("/volumes/{volume}")),
        ] {
            assert_eq!(stranger.request(method, &path, None).status, 404, "{method} {path}");
        }
        assert_eq!(stranger.post("/tasks/stop", &json!(null)).json()["count"], 0);
    }
    assert_eq!(owner.get(&format!("/tasks/{task}")).status, 200);
    let all = Gateway::of(Some("somebody")).get("/tasks?all_users=true").json();
    let listed = all["tasks"].as_array().expect("a list").iter().find(|listed| listed["task_id"] == task.as_str());
    assert_eq!(listed.expect("everybody's list has it")["username"], "one-here");
    assert_eq!(owner.post(&format!("/tasks/{task}/stop"), &json!(null)).status, 200);
    assert_eq!(owner.request("DELETE", &format!("/volumes/{volume}"), None).status, 200);
}
