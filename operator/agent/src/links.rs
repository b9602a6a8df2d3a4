//! The connections of a node: whom to dial, which of two to keep, what to pass on. All of it is about who can be reached;
//! what that means is decided in `node`.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

use crate::config::Config;
use crate::connection::{Connection, Received};
use crate::handshake::{Handshake, Hello};
use crate::node::{Event, Message, Millis, Rank};
use crate::random;
use crate::secret::{Side, Token};
use crate::wire::Line;

/// For how long somebody may take to prove itself.
const HANDSHAKE: Millis = 5000;
/// How many may try to at once, from one address.
const STRANGERS_PER_ADDRESS: usize = 16;
/// How many besides one per node may try to at once, from anywhere.
const STRANGERS: usize = 64;
/// How many calls may be without an answer.
const CALLS: usize = 64;
/// Before dialling again.
const DIAL_AGAIN: Millis = 500;
/// The same for the one whose turn it is not.
const DIAL_BACK: Millis = 2500;

#[derive(Clone, Default)]
struct Peer {
    connection: Option<u64>,
    incarnation: Option<u64>,
    address: Option<IpAddr>,
    dial: Millis,
}

/// All connections.
pub(crate) struct Links {
    config: Config,
    token: Token,
    incarnation: u64,
    listener: TcpListener,
    connections: BTreeMap<u64, Connection>,
    /// Numbers of connections grow, so that the oldest has the lowest.
    next: u64,
    peers: Vec<Peer>,
    /// Addresses that DNS gave, and when to dial them.
    found: BTreeMap<IpAddr, Millis>,
    beat: Millis,
}

impl Links {
    /// Without any.
    pub(crate) fn new(config: &Config, token: Token) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen())?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            token,
            incarnation: u64::from_ne_bytes(random::bytes()?),
            listener,
            connections: BTreeMap::new(),
            next: 0,
            peers: vec![Peer::default(); config.nodes],
            found: BTreeMap::new(),
            beat: 0,
            config: config.clone(),
        })
    }

    /// What others dial.
    pub(crate) fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// For `poll`: number, stream, and whether there is something to write.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (u64, &TcpStream, bool)> {
        self.connections.iter().map(|(number, c)| (*number, c.stream(), c.wants_to_write()))
    }

    /// There is a connection.
    pub(crate) fn is_connected(&self, peer: Rank) -> bool {
        self.peers[peer].connection.is_some()
    }

    /// By rank: this node's own, and what peers have said theirs is.
    pub(crate) fn addresses(&self) -> Vec<Option<IpAddr>> {
        let own = |rank| (rank == self.config.rank).then_some(self.config.address);
        self.peers.iter().enumerate().map(|(rank, peer)| own(rank).or(peer.address)).collect()
    }

    /// Everything that was said to peers was handed to the system.
    pub(crate) fn is_flushed(&self) -> bool {
        self.connections.values().all(|connection| connection.peer().is_none() || connection.is_flushed())
    }

    /// Takes in who has dialled.
    pub(crate) fn accept(&mut self, now: Millis) {
        for _ in 0..STRANGERS {
            let Ok((stream, from)) = self.listener.accept() else { return };
            let Ok(handshake) = self.handshake(Side::Accept) else { return };
            let Ok(connection) = Connection::accept(stream, from.ip(), handshake, now) else { continue };
            self.add(connection);
            self.limit_strangers(from.ip());
        }
    }

    fn limit_strangers(&mut self, from: IpAddr) {
        let strange = |c: &Connection| c.peer().is_none() && c.side() == Side::Accept;
        let all: Vec<u64> = self.connections.iter().filter(|(_, c)| strange(c)).map(|(number, _)| *number).collect();
        let same = |number: &&u64| self.connections[*number].address() == from;
        let of_address: Vec<u64> = all.iter().filter(same).copied().collect();
        let oldest = |numbers: &[u64], limit: usize| numbers.first().copied().filter(|_| numbers.len() > limit);
        let limit = self.config.nodes + STRANGERS;
        let surplus = oldest(&of_address, STRANGERS_PER_ADDRESS).or(oldest(&all, limit));
        if let Some(number) = surplus {
            self.connections.remove(&number);
        }
    }

    /// DNS has given these addresses.
    pub(crate) fn found(&mut self, addresses: Vec<IpAddr>) {
        if self.found.len() > 4 * self.config.nodes + STRANGERS {
            self.found.clear();
        }
        for address in addresses {
            self.found.entry(address).or_insert(0);
        }
    }

    /// Goes on with a connection. Returns what came of it.
    pub(crate) fn proceed(&mut self, number: u64, read: bool, write: bool, now: Millis) -> Vec<Event> {
        let mut events = Vec::new();
        if self.try_proceed(number, (read, write), now, &mut events).is_err() {
            self.close(number, now);
        }
        events
    }

    fn try_proceed(
        &mut self,
        number: u64,
        (read, write): (bool, bool),
        now: Millis,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let nodes = self.config.nodes;
        let connection = self.connections.get_mut(&number).ok_or_else(gone)?;
        if write {
            connection.write()?;
        }
        let open = !read || connection.fill()?;
        while let Some(connection) = self.connections.get_mut(&number)
            && let Some(received) = connection.next(&self.token, nodes, now)?
        {
            match received {
                Received::Proven(hello) => events.extend(self.open(number, &hello, now)),
                Received::Said(peer, Line::Node(message)) => events.push(Event::Heard { peer, message }),
                Received::Said(_, Line::Introduction(rank, address)) => self.introduced(rank, address),
            }
        }
        if open { Ok(()) } else { Err(gone()) }
    }

    /// A connection is proven. If the peer has one already, both sides have to keep the same.
    fn open(&mut self, number: u64, hello: &Hello, now: Millis) -> Option<Event> {
        let rank = hello.rank;
        let peer = &self.peers[rank];
        if let Some(old) = peer.connection {
            let better = |number: &u64| (self.connections[number].side() == Side::Dial) == (self.config.rank > rank);
            if peer.incarnation == Some(hello.incarnation) && better(&old) && !better(&number) {
                self.connections.remove(&number);
                return None;
            }
            self.connections.remove(&old);
        }
        self.peers[rank] = Peer {
            connection: Some(number),
            incarnation: Some(hello.incarnation),
            address: Some(hello.address),
            dial: now,
        };
        self.introduce(rank);
        Some(Event::Connected { peer: rank, incarnation: hello.incarnation })
    }

    /// Makes a newcomer known: to the lowest rank, or by it to all. In each pair the higher one dials.
    fn introduce(&mut self, newcomer: Rank) {
        let connected = |rank: &Rank| *rank != newcomer && self.is_connected(*rank);
        let others: Vec<Rank> = (0..self.config.nodes).filter(connected).collect();
        let whom = match others.first() {
            Some(lowest) if *lowest < self.config.rank => &others[..1],
            _ => &others[..],
        };
        for other in whom {
            let (low, high) = (newcomer.min(*other), newcomer.max(*other));
            if let Some(address) = self.peers[low].address {
                self.say(high, Line::Introduction(low, address));
            }
        }
    }

    fn introduced(&mut self, rank: Rank, address: IpAddr) {
        if rank != self.config.rank && !self.is_connected(rank) {
            self.peers[rank].address = Some(address);
        }
    }

    /// Tells a peer something, if there is a connection.
    pub(crate) fn send(&mut self, peer: Rank, message: Message) {
        self.say(peer, Line::Node(message));
    }

    fn say(&mut self, peer: Rank, line: Line) {
        let connection = self.peers[peer].connection.and_then(|number| self.connections.get_mut(&number));
        if let Some(connection) = connection {
            // A broken one shows when it is read.
            let _ = connection.say(line);
        }
    }

    fn close(&mut self, number: u64, now: Millis) {
        let peer = self.connections.remove(&number).and_then(|connection| connection.peer());
        let Some(rank) = peer.filter(|rank| self.peers[*rank].connection == Some(number)) else { return };
        let pause = if rank < self.config.rank { DIAL_AGAIN } else { DIAL_BACK };
        self.peers[rank].connection = None;
        self.peers[rank].dial = now + pause;
    }

    /// Gives up what is silent, dials whom it is time to dial, and lets everybody know that this node is there.
    pub(crate) fn tick(&mut self, now: Millis) {
        let lost = self.config.settings().lost;
        let limit = |c: &Connection| if c.peer().is_some() { lost * 2 / 5 } else { HANDSHAKE.min(lost / 2) };
        let silent = |c: &Connection| c.silence(now) >= limit(c);
        let silent: Vec<u64> = self.connections.iter().filter(|(_, c)| silent(c)).map(|(number, _)| *number).collect();
        for number in silent {
            self.close(number, now);
        }
        if now >= self.beat {
            self.beat = now + lost / 7;
            for peer in 0..self.config.nodes {
                self.send(peer, Message::Alive);
            }
        }
        self.dial(now);
    }

    fn dial(&mut self, now: Millis) {
        let calls: Vec<IpAddr> = self
            .connections
            .values()
            .filter(|c| c.peer().is_none() && c.side() == Side::Dial)
            .map(Connection::address)
            .collect();
        let connected: Vec<IpAddr> =
            self.peers.iter().filter(|peer| peer.connection.is_some()).filter_map(|peer| peer.address).collect();
        let mut whom = Vec::new();
        for (rank, peer) in self.peers.iter_mut().enumerate() {
            if let Some(address) = peer.address
                && rank != self.config.rank
                && peer.connection.is_none()
                && now >= peer.dial
            {
                peer.dial = now + DIAL_AGAIN;
                whom.push(address);
            }
        }
        for (address, next) in &mut self.found {
            if now >= *next && !connected.contains(address) && !whom.contains(address) {
                *next = now + DIAL_AGAIN;
                whom.push(*address);
            }
        }
        whom.retain(|address| !calls.contains(address));
        for address in whom.into_iter().take(CALLS.saturating_sub(calls.len())) {
            let to = SocketAddr::new(address, self.config.port);
            // Whatever is wrong, it is tried again.
            if let Ok(handshake) = self.handshake(Side::Dial)
                && let Ok(connection) = Connection::dial(self.config.address, to, handshake, now)
            {
                self.add(connection);
            }
        }
    }

    /// All have been met: what DNS says is of no use any more.
    pub(crate) fn forget_found(&mut self) {
        self.found.clear();
    }

    fn add(&mut self, connection: Connection) {
        self.connections.insert(self.next, connection);
        self.next += 1;
    }

    fn handshake(&self, side: Side) -> io::Result<Handshake> {
        let hello = Hello {
            scope: self.config.scope(),
            rank: self.config.rank,
            incarnation: self.incarnation,
            address: self.config.address,
            nonce: random::bytes()?,
        };
        Ok(Handshake::new(side, hello, self.config.nodes))
    }
}
