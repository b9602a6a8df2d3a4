//! A cluster's DNS, as far as agents ask it: knows the nodes that have an address, and may be down.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};

use crate::world::DEADLINE;

#[derive(Default)]
struct State {
    nodes: BTreeMap<usize, Ipv4Addr>,
    down: bool,
    /// Says for ever that a name does not exist once it has said so.
    stubborn: Option<Vec<String>>,
    asked: usize,
}

/// The server.
#[derive(Clone, Default)]
pub(crate) struct Dns(Arc<(Mutex<State>, Condvar)>);

pub(crate) const SERVER: &str = "127.0.0.53";
const SERVICE: &str = "task-0123abcd.ns.svc.cluster.test";

impl Dns {
    /// Serves until the end of the process.
    pub(crate) fn start() -> Self {
        let dns = Self::default();
        let socket = UdpSocket::bind((SERVER, 53)).unwrap();
        let server = dns.clone();
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut packet).unwrap();
                if let Some(answer) = server.answer(&packet[..length]) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        dns
    }

    pub(crate) fn add(&self, rank: usize, address: Ipv4Addr) {
        self.0.0.lock().unwrap().nodes.insert(rank, address);
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.0.0.lock().unwrap().down = down;
    }

    pub(crate) fn be_stubborn(&self) {
        self.0.0.lock().unwrap().stubborn = Some(Vec::new());
    }

    /// Waits until it was asked so many times more.
    pub(crate) fn wait_for_questions(&self, count: usize) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.asked = 0;
        let (_state, wait) = changed.wait_timeout_while(state, DEADLINE, |state| state.asked < count).unwrap();
        assert!(!wait.timed_out(), "nobody asks");
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.asked += 1;
        changed.notify_all();
        if state.down {
            return None;
        }
        let name = name(&question[12..]);
        let node = name.strip_suffix(SERVICE).unwrap_or_else(|| panic!("asked for {name}"));
        let mut addresses: Vec<Ipv4Addr> = match node.strip_prefix("node-").and_then(|node| node.strip_suffix('.')) {
            Some(rank) => state.nodes.get(&rank.parse().unwrap()).copied().into_iter().collect(),
            None => state.nodes.values().copied().collect(),
        };
        if let Some(refused) = &mut state.stubborn {
            if addresses.is_empty() {
                refused.push(name.clone());
            }
            if refused.contains(&name) {
                addresses.clear();
            }
        }
        let mut answer = question.to_vec();
        let code = if addresses.is_empty() { 3 } else { 0 };
        answer[2..4].copy_from_slice(&[0x84, code]);
        answer[6..8].copy_from_slice(&u16::try_from(addresses.len()).unwrap().to_be_bytes());
        for address in addresses {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}

fn name(mut bytes: &[u8]) -> String {
    let mut labels = Vec::new();
    while let Some((length @ 1.., rest)) = bytes.split_first() {
        let (label, rest) = rest.split_at(usize::from(*length));
        labels.push(std::str::from_utf8(label).unwrap());
        bytes = rest;
    }
    labels.join(".")
}
