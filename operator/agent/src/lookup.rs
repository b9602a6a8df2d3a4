//! Asks DNS for the addresses of the task's nodes, again and again. Every failure is borne: DNS comes back.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::config::Config;
use crate::dns::{Family, Question};
use crate::node::Millis;
use crate::random;
use crate::resolv::Resolv;

/// Between two rounds of questions.
const AGAIN: Millis = 1000;
/// How many names are asked for in a round. What is left out comes later.
const NAMES: usize = 32;

/// Where a pod says whom to ask.
const RESOLV: &str = "/etc/resolv.conf";

/// The questions that are open.
#[derive(Default)]
pub(crate) struct Lookup {
    socket: Option<UdpSocket>,
    questions: Vec<Question>,
    round: usize,
    next: Millis,
    /// The last round has shown a node.
    found: bool,
}

impl Lookup {
    /// What answers come to.
    pub(crate) fn socket(&self) -> Option<&UdpSocket> {
        self.socket.as_ref()
    }

    /// Asks, when it is time to.
    pub(crate) fn tick(&mut self, config: &Config, now: Millis) {
        if now < self.next {
            return;
        }
        self.next = now + AGAIN;
        self.socket = None;
        // The next round tries the next server.
        if let Ok(socket) = self.ask(config) {
            self.socket = Some(socket);
        }
        self.round += 1;
        self.found = false;
    }

    /// Stops asking.
    pub(crate) fn stop(&mut self) {
        *self = Self { next: Millis::MAX, ..Self::default() };
    }

    fn ask(&mut self, config: &Config) -> io::Result<UdpSocket> {
        let resolv = Resolv::parse(&std::fs::read_to_string(RESOLV)?, &config.namespace);
        let server = resolv.servers.get(self.round % resolv.servers.len().max(1)).ok_or(io::ErrorKind::NotFound)?;
        let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
        // A new port each time; connected, so that only the server can answer.
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(SocketAddr::new(*server, 53))?;
        let family = Family::of(config.address);
        self.questions.clear();
        for name in names(config, &resolv.domain, self.round, self.found) {
            let question = Question { id: random::number()?, name, family };
            socket.send(&question.encode())?;
            self.questions.push(question);
        }
        Ok(socket)
    }

    /// The addresses in the answers that have come.
    pub(crate) fn receive(&mut self, config: &Config) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        let mut packet = [0; 4096];
        for _ in 0..2 * NAMES {
            let Some(Ok(length)) = self.socket.as_ref().map(|socket| socket.recv(&mut packet)) else { break };
            let answer = |question: &Question| question.answer(&packet[..length]);
            addresses.extend(self.questions.iter().find_map(answer).unwrap_or_default());
        }
        addresses.retain(|address| *address != config.address);
        self.found |= !addresses.is_empty();
        addresses
    }
}

/// What to ask for in a round: the Service, and where that has shown nobody, nodes by name.
///
/// A server may have kept from somebody's early question that the Service has nobody. It cannot have kept that of the
/// first node's own name: nobody was there to ask.
fn names(config: &Config, domain: &str, round: usize, found: bool) -> Vec<String> {
    let service = format!("{}.{}.svc.{domain}", config.service, config.namespace);
    let first = round.saturating_sub(1) * NAMES;
    let asked = if found || round == 0 { 0 } else { config.nodes.min(NAMES) };
    let ranks = (first..first + asked).map(|rank| rank % config.nodes).filter(|rank| *rank != config.rank);
    let nodes = ranks.map(|rank| format!("node-{rank}.{service}")).collect();
    [vec![service], nodes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(rank: &str, nodes: &str) -> Config {
        let look_up = |variable: &str| {
            Some(match variable {
                "SKY_AGENT_RANK" => rank.to_owned(),
                "SKY_AGENT_NODES" => nodes.to_owned(),
                "SKY_AGENT_ADDRESS" => "10.0.0.1".to_owned(),
                "SKY_AGENT_SERVICE" => "task-0".to_owned(),
                "SKY_AGENT_NAMESPACE" | "SKY_AGENT_TOKEN_FILE" => "ns".to_owned(),
                _ => return None,
            })
        };
        Config::new(look_up).unwrap()
    }

    #[test]
    fn the_service_is_asked_for_first() {
        let config = config("1", "3");
        let service = "task-0.ns.svc.x";
        let node = |rank| format!("node-{rank}.{service}");
        assert_eq!(names(&config, "x", 0, false), [service]);
        assert_eq!(names(&config, "x", 1, false), [service.to_owned(), node(0), node(2)]);
        assert_eq!(names(&config, "x", 5, true), [service]);
        // Of Kubernetes' names, the longest: a label has 63 bytes at most.
        assert!(names(&config, "x", 1, false).iter().all(|name| name.split('.').all(|label| label.len() < 64)));
    }

    #[test]
    fn all_nodes_get_their_turn() {
        let config = config("0", "100");
        let mut asked: Vec<String> = (1..5).flat_map(|round| names(&config, "x", round, false)).collect();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), 100);
        assert!(names(&config, "x", 1, false).len() <= NAMES + 1);
    }
}
