//! Which part of a log is asked for, and a connection that breaks while the task lives.

use serde_json::json;

use crate::{
    gateway::{Gateway, LOGS, Reply, Step, log, submitted, task},
    program::Home,
};

const HEAD: &str = "\nTailing logs for task abc12345...\nPress Ctrl+C to stop tailing logs\n\n";

/// A stream that is cut after these pieces.
fn cut(pieces: &[String]) -> Reply {
    let mut steps: Vec<Step> = pieces.iter().map(|piece| Step::Send(piece.as_bytes().to_vec())).collect();
    steps.push(Step::Cut);
    Reply::Stream(steps)
}

/// A line as the gateway sends it, `second` seconds into the hour.
fn line(second: u32, text: &str) -> String {
    format!("2026-11-24T10:{:02}:{:02}.500000000Z {text}\n", second / 60, second % 60)
}

fn since(second: u32) -> String {
    format!("{LOGS}&since=2026-11-24T10%3A{:02}%3A{:02}Z", second / 60, second % 60)
}

#[test]
fn the_options_reach_the_gateway() {
    for (args, query, head) in [
        ("", "", HEAD),
        ("--follow", "", HEAD),
        ("--no-follow --follow", "", HEAD),
        ("--no-follow", "&follow=false", ""),
        ("--tail 2 --since 10m", "&tail=2&since=10m", HEAD),
        ("--no-follow --since 2026-11-24T10:00:00Z", "&follow=false&since=2026-11-24T10%3A00%3A00Z", ""),
        ("--node 0 --node 3", "&node=0&node=3", HEAD),
    ] {
        let gateway = Gateway::new().on(&format!("{LOGS}{query}"), log(&[&line(1, "x")]));
        let ran = Home::bob(&gateway.url).run(&format!("jobs logs abc12345 {args}"));
        assert_eq!((ran.code, ran.stdout), (Some(0), format!("{head}x\n")), "{args}");
    }
}

#[test]
fn stamps_are_shown_on_request() {
    let gateway = Gateway::new().on(&format!("{LOGS}&follow=false"), log(&[&line(1, "x")]));
    let ran = Home::bob(&gateway.url).run("jobs logs abc12345 --no-follow --timestamps");
    assert_eq!((ran.code, ran.stdout), (Some(0), line(1, "x")));
}

#[test]
fn options_that_mean_nothing() {
    let detail = json!([{"type": "value_error", "loc": ["query", "since"], "msg": "write 10m", "input": "soon"}]);
    let gateway = Gateway::new().on(&format!("{LOGS}&since=soon"), Reply::Json(422, json!({"detail": detail})));
    let home = Home::bob(&gateway.url);
    let ran = home.run("jobs logs abc12345 --since soon");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), "hint: since: write 10m\n"));
    for args in ["--tail -1", "--tail x", "--node -1", "--node one", "--since="] {
        assert_eq!(home.run(&format!("jobs logs abc12345 {args}")).code, Some(2), "{args}");
    }
}

#[test]
fn twenty_cuts_lose_nothing_and_repeat_nothing() {
    let lines: Vec<String> = (0..21).map(|second| line(second, &format!("line {second}"))).collect();
    let mut gateway = Gateway::new().json("GET /tasks/abc12345", task("running", &json!({})));
    gateway = gateway.on(LOGS, cut(&[lines[0].clone(), lines[1][..34].to_owned()]));
    for last in 1..20u32 {
        // The gateway answers from the second before the last line on, and is cut inside the line after the next.
        let known = (last.saturating_sub(2) as usize)..=(last as usize);
        let mut pieces = lines[known].to_vec();
        pieces.push(lines[last as usize + 1][..34].to_owned());
        // The address of the second before the first line is one before the hour.
        let route = if last == 1 { since_before_the_hour() } else { since(last - 2) };
        gateway = gateway.on(&route, cut(&pieces));
    }
    gateway = gateway.on(&since(18), log(&lines[18..].iter().map(String::as_str).collect::<Vec<_>>()));
    let ran = Home::bob(&gateway.url).run("jobs logs abc12345");
    let expected: String = lines.iter().map(|line| &line[31..]).collect();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{:?}", gateway.seen());
    assert_eq!(ran.stdout, format!("{HEAD}{expected}"));
}

fn since_before_the_hour() -> String {
    format!("{LOGS}&since=2026-11-24T09%3A59%3A59Z")
}

#[test]
fn a_node_that_has_said_nothing_yet_is_asked_for_from_its_beginning() {
    let of = |rank: u32, second: u32, text: &str| format!("node-{rank} | {}", line(second, text));
    let gateway = Gateway::new()
        .json("GET /tasks/abc12345", task("running", &json!({"num_nodes": 2})))
        .on(LOGS, cut(&[of(0, 10, "a")]))
        .on(LOGS, cut(&[of(1, 1, "early"), of(0, 10, "a"), of(0, 20, "b")]))
        .on(
            &since(0),
            log(&[&of(0, 10, "a"), &of(0, 20, "b"), &of(1, 1, "early"), &of(1, 30, "late"), &of(0, 21, "c")]),
        );
    let ran = Home::bob(&gateway.url).run("jobs logs abc12345");
    let expected = "node-0 | a\nnode-1 | early\nnode-0 | b\nnode-1 | late\nnode-0 | c\n";
    assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout), (Some(0), "", format!("{HEAD}{expected}")));
}

#[test]
fn the_last_lines_are_asked_for_again_when_none_has_come() {
    let last = format!("{LOGS}&tail=2");
    let gateway = Gateway::new()
        .json("GET /tasks/abc12345", task("running", &json!({})))
        .on(&last, cut(&[]))
        .on(&last, cut(&[line(10, "a")[..8].to_owned()]))
        .on(&last, log(&[&line(10, "a"), &line(11, "b")]));
    let ran = Home::bob(&gateway.url).run("jobs logs abc12345 --tail 2");
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("{HEAD}a\nb\n")));
}

#[test]
fn a_gateway_that_restarts_meanwhile() {
    let away = Reply::Json(503, json!({"detail": "away"}));
    let gateway = Gateway::new()
        .json("GET /tasks/abc12345", task("running", &json!({})))
        .on(LOGS, cut(&[line(10, "a")]))
        .on(&since(9), away.clone())
        .on(&since(9), Reply::Text(502, "<html>"))
        .on(&since(9), log(&[&line(10, "a"), &line(11, "b")]));
    let ran = Home::bob(&gateway.url).run("jobs logs abc12345");
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("{HEAD}a\nb\n")));
    // At the beginning it is no interruption.
    let ran = Home::bob(&Gateway::new().on(LOGS, away).url).run("jobs logs abc12345");
    assert_eq!((ran.code, ran.stdout), (Some(1), format!("{HEAD}Error: away\n")));
}

#[test]
fn a_gateway_that_goes_away_between_submit_and_log() {
    let gateway = Gateway::new()
        .json("POST /tasks/submit", submitted())
        .json("GET /tasks/abc12345", task("completed", &json!({})))
        .on(LOGS, Reply::Json(503, json!({"detail": "away"})))
        .on(LOGS, log(&[&line(10, "a")]));
    let home = Home::bob(&gateway.url);
    home.file("task.yaml", "run: x");
    let ran = home.run("jobs submit task.yaml");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.ends_with("\n\na\n"), "{}", ran.stdout);
}

#[test]
fn a_task_that_is_stopped_while_the_connection_is_broken() {
    let gone = Reply::Json(404, json!({"detail": "Task abc12345 not found"}));
    let gateway = Gateway::new().on(LOGS, cut(&[line(10, "a")])).on(&since(9), gone);
    let ran = Home::bob(&gateway.url).run("jobs logs abc12345");
    assert_eq!((ran.code, ran.stdout, ran.stderr.as_str()), (Some(0), format!("{HEAD}a\n"), ""));
}
