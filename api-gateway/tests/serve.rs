//! The accept loop over real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use sky_api_gateway::serve::{Limits, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Long enough that a machine with other work to do keeps them, short enough to wait for.
const LIMITS: Limits = Limits {
    header_timeout: Duration::from_secs(1),
    write_timeout: Duration::from_secs(2),
    connections: 4,
    drain: Duration::from_secs(4),
};

/// Far beyond all limits: what has not ended by then never ends.
const NEVER: Duration = Duration::from_secs(60);

struct Server {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn start() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ticks = || async {
        Body::from_stream(stream::iter(0..).then(|index: u32| async move {
            sleep(Duration::from_millis(20)).await;
            Ok::<_, Infallible>(Bytes::from(format!("tick {index}\n")))
        }))
    };
    let flood =
        || async { Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 16384])))) };
    let router =
        Router::new().route("/", get(|| async { "hello" })).route("/ticks", get(ticks)).route("/flood", get(flood));
    let stop = CancellationToken::new();
    let serving = serve(listener, router, LIMITS, stop.clone());
    let task = tokio::spawn(async move {
        let Ok(()) = serving.await;
    });
    Server { address, stop, task }
}

async fn send(server: &Server, text: &str) -> TcpStream {
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = timeout(NEVER, connection.read_to_end(&mut text)).await.expect("never closed");
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let server = start().await;
    let mut slow = send(&server, "GET / HTTP/1.1\r\nHost: x\r\n").await;
    read_to_end(&mut slow).await;
}

#[tokio::test]
async fn idle_connections_do_not_keep_others_out() {
    let server = start().await;
    let mut idle = Vec::new();
    for _ in 0..LIMITS.connections {
        idle.push(send(&server, "").await);
    }
    let mut late = send(&server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(read_to_end(&mut late).await.ends_with("hello"));
}

#[tokio::test]
async fn lines_arrive_one_by_one() {
    let server = start().await;
    let mut reader = send(&server, "GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut buffer = [0; 4096];
    let mut seen = String::new();
    while !seen.contains("tick 2") {
        let size = timeout(NEVER, reader.read(&mut buffer)).await.unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&buffer[..size]));
    }
    // A server that filled a buffer of 4 KiB first would have sent some hundreds at once.
    assert!(!seen.contains("tick 199"), "{seen}");
}

#[tokio::test]
async fn a_shutdown_drains_and_then_cuts_streams_without_an_end() {
    let server = start().await;
    let mut idle = send(&server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut stream = send(&server, "GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    server.stop.cancel();
    assert!(read_to_end(&mut idle).await.ends_with("hello"));
    assert!(start.elapsed() < LIMITS.drain, "an idle connection ends at once");
    let text = read_to_end(&mut stream).await;
    assert!(text.contains("tick 5") && !text.ends_with("0\r\n\r\n"), "a cut stream must not look complete: {text}");
    timeout(NEVER, server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_never_reads_loses_its_place_and_a_slow_one_does_not() {
    let server = start().await;
    let mut never = Vec::new();
    for _ in 0..LIMITS.connections - 1 {
        never.push(send(&server, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await);
    }
    let mut slow = send(&server, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut buffer = vec![0; 8 << 20];
    let reading = async {
        for _ in 0..8 {
            sleep(Duration::from_millis(200)).await;
            // More than the kernel's buffers, so that the server has something to write again.
            slow.read_exact(&mut buffer).await.unwrap();
        }
    };
    let late = async {
        let mut late = send(&server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        read_to_end(&mut late).await
    };
    let ((), text) = tokio::join!(reading, late);
    assert!(text.ends_with("hello"), "all places were taken by those who never read");
}
