//! A stranger in the cluster that knows the protocol and the port, but not the token.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use sky_agent::handshake::{Handshake, Hello, Progress};
use sky_agent::secret::{Side, Token};

use crate::world::{DEADLINE, Task, in_own_network};

/// Waits until the agent is there.
fn dial(rank: usize) -> TcpStream {
    let deadline = std::time::Instant::now() + DEADLINE;
    loop {
        match TcpStream::connect(Task::agent(rank)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
                return stream;
            }
            Err(why) => assert!(std::time::Instant::now() < deadline, "{why}"),
        }
        std::thread::yield_now();
    }
}

/// Sends this, and expects that the other side closes. Returns what it said first.
fn refused(text: &[u8]) -> String {
    let mut stream = dial(0);
    let _ = stream.write_all(text);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(why) => assert_eq!(why.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(answer).unwrap()
}

/// The first line of node 1, which it never wrote.
fn hello() -> Hello {
    let scope = "task-0123abcd.ns/0/3".to_owned();
    Hello { scope, rank: 1, incarnation: 1, address: Task::address(1).into(), nonce: [1; 32] }
}

#[test]
fn strangers_change_nothing() {
    in_own_network("hostile::strangers_change_nothing", || {
        let task = Task::new(3, "", "echo run $SKYPILOT_NODE_IPS; read -r x <pipe");
        let mut all = vec![task.start(0)];

        // More than may wait, none of which says anything.
        let silent: Vec<TcpStream> = (0..200).map(|_| dial(0)).collect();
        let long = "x".repeat(100_000);
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 5000], b"\n", b"\n\n\n\n", long.as_bytes()] {
            assert_eq!(refused(garbage), "");
        }
        // It sends what an agent would, without a proof, with a wrong one, and with the one that it was given.
        let opening = format!("{}\n", hello());
        let wrong = Token::parse(&"ab".repeat(32)).unwrap();
        let mut stream = dial(0);
        stream.write_all(opening.as_bytes()).unwrap();
        let answer = refused(format!("{opening}{}\n", "ab".repeat(32)).as_bytes());
        let lines: Vec<&str> = answer.lines().collect();
        assert_eq!(lines.len(), 2, "{answer}");
        refused(format!("{opening}{}\n", lines[1]).as_bytes());
        let mut handshake = Handshake::new(Side::Dial, hello(), 3);
        assert!(matches!(handshake.receive(lines[0], &wrong), Some(Progress::More(_))));
        assert!(handshake.receive(lines[1], &wrong).is_none(), "the agent has another token");
        // And says the rest without having been let in.
        refused(format!("{opening}{}\n", "0".repeat(32) + " failed run 1").as_bytes());

        // More come while the others do.
        let more: Vec<TcpStream> = (0..50).map(|_| dial(0)).collect();
        all.extend([1, 2].map(|rank| task.start(rank)));
        for node in &mut all {
            node.wait_for("run 127.0.1.1 127.0.1.2 127.0.1.3");
        }
        let late: Vec<TcpStream> = (0..50).map(|_| dial(2)).collect();
        for node in &mut all {
            node.release();
            let ended = node.end();
            assert_eq!((ended.code, ended.message.as_str()), (0, ""), "{ended:?}");
        }
        drop((silent, stream, more, late));
    });
}
