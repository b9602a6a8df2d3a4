//! A port that opens when this node's setup is over: the one thing that the kubelet, and through it the operator, sees of
//! how far a node has come.

use std::net::{IpAddr, SocketAddr, TcpListener};

use crate::serve::say;

/// How many callers are let go at once.
const CALLERS: usize = 64;

/// Closed, and from the end of setup on open. Nothing is said or heard through it.
pub(crate) struct Gate {
    at: Option<SocketAddr>,
    listener: Option<TcpListener>,
}

impl Gate {
    /// On this port, if there is to be one.
    pub(crate) fn closed(address: IpAddr, port: Option<u16>) -> Self {
        Self { at: port.map(|port| SocketAddr::new(address, port)), listener: None }
    }

    /// Opens it, once. A script that has taken the port costs the task no more than a word in its status.
    pub(crate) fn open(&mut self) {
        let Some(at) = self.at.take() else { return };
        let listener = TcpListener::bind(at).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        self.listener = listener
            .inspect_err(|why| say(&format!("{at} is taken ({why}): this node will seem to be in setup until it ends")))
            .ok();
    }

    /// What callers dial, once it is open.
    pub(crate) fn listener(&self) -> Option<&TcpListener> {
        self.listener.as_ref()
    }

    /// Lets callers go: who waits to be taken in takes up room, until nobody more can call.
    pub(crate) fn let_go(&self) {
        let Some(listener) = &self.listener else { return };
        for _ in 0..CALLERS {
            if listener.accept().is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn it_opens_once_and_keeps_nobody() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut gate = Gate::closed(free.ip(), Some(free.port()));
        TcpStream::connect(free).unwrap_err();
        gate.open();
        gate.open();
        for _ in 0..200 {
            let mut caller = TcpStream::connect(free).unwrap();
            gate.let_go();
            assert_eq!(caller.read(&mut [0]).unwrap_or(0), 0);
        }
    }

    #[test]
    fn without_a_port_there_is_none() {
        let mut gate = Gate::closed(Ipv4Addr::LOCALHOST.into(), None);
        gate.open();
        assert!(gate.listener().is_none());
        gate.let_go();
    }
}
