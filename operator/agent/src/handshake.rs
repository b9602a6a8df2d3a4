//! How two agents prove to each other that they are of one task, without IO.

use std::fmt;
use std::net::IpAddr;

use crate::node::Rank;
use crate::secret::{Session, Side, Token, from_hex, to_hex};
use crate::wire;

const VERSION: &str = "sky-agent/1";

/// What an agent says of itself first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The task, its attempt and size.
    pub scope: String,
    /// Which node.
    pub rank: Rank,
    /// Which start of its agent.
    pub incarnation: u64,
    /// Where it is.
    pub address: IpAddr,
    /// Never the same again.
    pub nonce: [u8; 32],
}

impl Hello {
    fn parse(line: &str, nodes: usize) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next();
        (word()? == VERSION).then_some(())?;
        let hello = Self {
            scope: word()?.to_owned(),
            rank: wire::rank(word()?, nodes)?,
            incarnation: u64::from_str_radix(word()?, 16).ok()?,
            address: word()?.parse().ok()?,
            nonce: from_hex(word()?)?.try_into().ok()?,
        };
        word().is_none().then_some(hello)
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, rank, incarnation, address, nonce } = self;
        write!(f, "{VERSION} {scope} {rank} {incarnation:016x} {address} {}", to_hex(nonce))
    }
}

/// A connection that has not been proven yet.
pub struct Handshake {
    side: Side,
    nodes: usize,
    own: Hello,
    other: Option<(Hello, String)>,
}

/// What a line has led to.
pub enum Progress {
    /// Send these lines, and go on.
    More(Vec<String>),
    /// Send these lines; the connection is proven.
    Proven(Vec<String>, Hello, Session),
}

impl Handshake {
    /// Of an agent that says this of itself.
    pub fn new(side: Side, own: Hello, nodes: usize) -> Self {
        Self { side, nodes, own, other: None }
    }

    /// What to send before anything was received.
    pub fn opening(&self) -> Option<String> {
        (self.side == Side::Dial).then(|| self.own.to_string())
    }

    /// Takes a line of the other side. None: close the connection.
    pub fn receive(&mut self, line: &str, token: &Token) -> Option<Progress> {
        let own = self.own.to_string();
        let Some((hello, other)) = &self.other else {
            let hello = Hello::parse(line, self.nodes)?;
            (hello.scope == self.own.scope && hello.rank != self.own.rank).then_some(())?;
            self.other = Some((hello, line.to_owned()));
            return Some(Progress::More(match self.side {
                Side::Dial => Vec::new(),
                Side::Accept => {
                    let proof = token.prove(Side::Accept, [line, &own]);
                    vec![own, proof]
                }
            }));
        };
        let lines = match self.side {
            Side::Dial => [own.as_str(), other],
            Side::Accept => [other, own.as_str()],
        };
        token.is_proof(line, self.side.other(), lines).then_some(())?;
        let reply = match self.side {
            Side::Dial => vec![token.prove(Side::Dial, lines)],
            Side::Accept => Vec::new(),
        };
        Some(Progress::Proven(reply, hello.clone(), token.session(self.side, lines)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(digit: char) -> Token {
        Token::parse(&String::from(digit).repeat(64)).unwrap()
    }

    fn hello(rank: Rank, nonce: u8) -> Hello {
        let address = format!("10.0.0.{rank}").parse().unwrap();
        Hello { scope: "task-0.ns/0/3".to_owned(), rank, incarnation: 7, address, nonce: [nonce; 32] }
    }

    fn more(progress: Option<Progress>) -> Vec<String> {
        let Some(Progress::More(lines)) = progress else { panic!("no progress") };
        lines
    }

    fn proven(progress: Option<Progress>) -> (Vec<String>, Hello, Session) {
        let Some(Progress::Proven(lines, hello, session)) = progress else { panic!("not proven") };
        (lines, hello, session)
    }

    #[test]
    fn two_of_one_task_get_through() {
        let (mut dial, mut accept) =
            (Handshake::new(Side::Dial, hello(2, 2), 3), Handshake::new(Side::Accept, hello(0, 1), 3));
        assert_eq!(accept.opening(), None);
        let answer = more(accept.receive(&dial.opening().unwrap(), &token('a')));
        assert!(more(dial.receive(&answer[0], &token('a'))).is_empty());
        let (proof, zero, mut session) = proven(dial.receive(&answer[1], &token('a')));
        let (rest, two, mut other) = proven(accept.receive(&proof[0], &token('a')));
        assert!(rest.is_empty());
        assert_eq!((zero, two), (hello(0, 1), hello(2, 2)));
        assert_eq!(other.open(&session.seal("alive")), Some("alive"));
        assert_eq!(session.open(&other.seal("ack")), Some("ack"));
    }

    #[test]
    fn a_wrong_token_does_not() {
        let (mut dial, mut accept) =
            (Handshake::new(Side::Dial, hello(2, 2), 3), Handshake::new(Side::Accept, hello(0, 1), 3));
        let answer = more(accept.receive(&dial.opening().unwrap(), &token('a')));
        more(dial.receive(&answer[0], &token('b')));
        assert!(dial.receive(&answer[1], &token('b')).is_none());
        assert!(accept.receive(&answer[1], &token('a')).is_none(), "its own proof came back");
    }

    #[test]
    fn a_proof_is_good_for_one_connection() {
        let mut first = Handshake::new(Side::Accept, hello(0, 1), 3);
        let mut dial = Handshake::new(Side::Dial, hello(2, 2), 3);
        let opening = dial.opening().unwrap();
        let answer = more(first.receive(&opening, &token('a')));
        more(dial.receive(&answer[0], &token('a')));
        let (proof, ..) = proven(dial.receive(&answer[1], &token('a')));
        let mut second = Handshake::new(Side::Accept, hello(0, 9), 3);
        more(second.receive(&opening, &token('a')));
        assert!(second.receive(&proof[0], &token('a')).is_none());
    }

    #[test]
    fn strangers_and_oneself_are_refused_at_once() {
        let good = hello(2, 2).to_string();
        let mut lines = vec![
            String::new(),
            "GET / HTTP/1.1".to_owned(),
            good.replace("task-0.", "task-1."),
            good.replace("/0/3", "/1/3"),
            good.replace(" 2 ", " 3 "),
            good.replace(" 2 ", " 0 "),
            good.replace("agent/1", "agent/2"),
            good.replace("10.0.0.2", "node-2"),
            format!("{good} "),
        ];
        lines.extend((1..good.len()).map(|end| good[..end].to_owned()));
        for line in lines {
            let mut accept = Handshake::new(Side::Accept, hello(0, 1), 3);
            assert!(accept.receive(&line, &token('a')).is_none(), "{line}");
        }
    }
}
