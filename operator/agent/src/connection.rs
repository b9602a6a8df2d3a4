//! One connection to a peer, or to somebody who has yet to show that it is one.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::handshake::{Handshake, Hello, Progress};
use crate::lines::Lines;
use crate::node::{Millis, Rank};
use crate::secret::{Session, Side, Token};
use crate::wire::Line;

enum Stage {
    Shaking(Handshake),
    Open(Rank, Session),
}

/// A connection.
pub(crate) struct Connection {
    lines: Lines<TcpStream>,
    stage: Stage,
    /// Dialled, no answer yet.
    connecting: bool,
    side: Side,
    /// Whom it goes to or comes from.
    address: IpAddr,
    /// When it began, or was last heard of.
    since: Millis,
}

/// What came over a connection.
pub(crate) enum Received {
    /// The peer has proven itself.
    Proven(Hello),
    /// The peer has said something.
    Said(Rank, Line),
}

impl Connection {
    /// Of somebody who has dialled.
    pub(crate) fn accept(stream: TcpStream, from: IpAddr, handshake: Handshake, now: Millis) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let stage = Stage::Shaking(handshake);
        Ok(Self { lines: Lines::new(stream), stage, connecting: false, side: Side::Accept, address: from, since: now })
    }

    /// To somebody, from this pod's own address. Does not wait for an answer.
    pub(crate) fn dial(from: IpAddr, to: SocketAddr, handshake: Handshake, now: Millis) -> io::Result<Self> {
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddr::new(from, 0))?;
        match connect(&socket, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(why) => return Err(why.into()),
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        let stage = Stage::Shaking(handshake);
        Ok(Self { lines: Lines::new(stream), stage, connecting: true, side: Side::Dial, address: to.ip(), since: now })
    }

    /// For `poll`.
    pub(crate) fn stream(&self) -> &TcpStream {
        self.lines.stream()
    }

    /// There is something to send, or a call to be answered.
    pub(crate) fn wants_to_write(&self) -> bool {
        self.connecting || !self.lines.is_flushed()
    }

    /// Everything was handed to the system.
    pub(crate) fn is_flushed(&self) -> bool {
        self.lines.is_flushed()
    }

    /// Which end this is.
    pub(crate) fn side(&self) -> Side {
        self.side
    }

    /// Whom it goes to or comes from.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// Whose it is, once proven.
    pub(crate) fn peer(&self) -> Option<Rank> {
        match self.stage {
            Stage::Open(peer, _) => Some(peer),
            Stage::Shaking(_) => None,
        }
    }

    /// For how long there was nothing.
    pub(crate) fn silence(&self, now: Millis) -> Millis {
        now.saturating_sub(self.since)
    }

    /// Says something, if the connection is open.
    pub(crate) fn say(&mut self, line: Line) -> io::Result<()> {
        match &mut self.stage {
            Stage::Open(_, session) => self.lines.send(&session.seal(&line.to_string())),
            Stage::Shaking(_) => Ok(()),
        }
    }

    /// Goes on with writing.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.connecting {
            if let Some(why) = self.lines.stream().take_error()? {
                return Err(why);
            }
            // `poll` may call although there is no answer yet.
            if self.lines.stream().peer_addr().is_err() {
                return Ok(());
            }
            self.connecting = false;
            if let Stage::Shaking(handshake) = &self.stage
                && let Some(opening) = handshake.opening()
            {
                self.lines.send(&opening)?;
            }
        }
        self.lines.flush()
    }

    /// Takes in what there is. False at the end.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        self.lines.fill()
    }

    /// The next of what was taken in.
    pub(crate) fn next(&mut self, token: &Token, nodes: usize, now: Millis) -> io::Result<Option<Received>> {
        while let Some(line) = self.lines.next_line()? {
            let refused = || io::Error::from(ErrorKind::PermissionDenied);
            match &mut self.stage {
                Stage::Open(peer, session) => {
                    let text = session.open(&line).ok_or_else(refused)?;
                    let line = Line::parse(text, nodes).ok_or_else(refused)?;
                    self.since = now;
                    return Ok(Some(Received::Said(*peer, line)));
                }
                Stage::Shaking(handshake) => {
                    let (reply, proven) = match handshake.receive(&line, token).ok_or_else(refused)? {
                        Progress::More(reply) => (reply, None),
                        Progress::Proven(reply, hello, session) => (reply, Some((hello, session))),
                    };
                    for line in reply {
                        self.lines.send(&line)?;
                    }
                    if let Some((hello, session)) = proven {
                        self.stage = Stage::Open(hello.rank, session);
                        self.since = now;
                        return Ok(Some(Received::Proven(hello)));
                    }
                }
            }
        }
        Ok(None)
    }
}
