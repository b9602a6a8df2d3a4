//! What the pod tells its agent: variables whose names begin with `SKY_AGENT`, which the user's scripts do not see.

use std::net::{IpAddr, SocketAddr};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;
use crate::node::{Millis, Rank, Settings};
use crate::secret::Token;

/// The port that agents listen on. A NetworkPolicy has to let nodes of one task reach it. Not from the range of ports
/// for outgoing connections or NodePorts, and none that torch uses (29400, 29500).
pub const PORT: u16 = 27597;
/// What all variables for the agent begin with.
pub const PREFIX: &str = "SKY_AGENT";

/// All of it.
#[derive(Clone)]
pub struct Config {
    /// Which node this is.
    pub rank: Rank,
    /// How many there are.
    pub nodes: usize,
    /// The task's headless Service.
    pub service: String,
    /// Where that is.
    pub namespace: String,
    /// Which attempt of the task.
    pub attempt: u32,
    /// The pod's own address.
    pub address: IpAddr,
    /// Where the agents listen.
    pub port: u16,
    /// The port that is open from the end of setup on, if somebody looks there.
    pub ready_port: Option<u16>,
    /// Where the token is.
    pub token_file: PathBuf,
    /// How long all peers may take to come.
    pub start: Duration,
    /// After which silence a peer is lost.
    pub lost: Duration,
    /// How long scripts may take to end.
    pub grace: Duration,
}

impl Config {
    /// From the environment, by a function that looks a variable up.
    pub fn new(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variables = Variables(look_up);
        let seconds = |name, usual| Ok(Duration::from_secs(variables.or(name, usual)?));
        let config = Self {
            rank: variables.get("SKY_AGENT_RANK")?,
            nodes: variables.get("SKY_AGENT_NODES")?,
            service: variables.get("SKY_AGENT_SERVICE")?,
            namespace: variables.get("SKY_AGENT_NAMESPACE")?,
            attempt: variables.or("SKY_AGENT_ATTEMPT", 0)?,
            address: variables.get("SKY_AGENT_ADDRESS")?,
            port: variables.or("SKY_AGENT_PORT", PORT)?,
            ready_port: variables.maybe("SKY_AGENT_READY_PORT")?,
            token_file: variables.get("SKY_AGENT_TOKEN_FILE")?,
            start: seconds("SKY_AGENT_START_SECONDS", 600)?,
            lost: seconds("SKY_AGENT_LOST_SECONDS", 15)?,
            grace: seconds("SKY_AGENT_GRACE_SECONDS", 30)?,
        };
        let word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        let wrong = |variable, value: &str| Err(Error::Variable { variable, value: value.to_owned() });
        if config.rank >= config.nodes {
            return wrong("SKY_AGENT_RANK", &config.rank.to_string());
        }
        if config.lost.is_zero() {
            return wrong("SKY_AGENT_LOST_SECONDS", "0");
        }
        for (name, value) in [("SKY_AGENT_SERVICE", &config.service), ("SKY_AGENT_NAMESPACE", &config.namespace)] {
            if !word(value) {
                return wrong(name, value);
            }
        }
        Ok(config)
    }

    /// The task's token.
    pub fn token(&self) -> Result<Token, Error> {
        let file = || self.token_file.clone();
        let text = std::fs::read_to_string(&self.token_file).map_err(|why| Error::TokenFile(file(), why))?;
        Token::parse(&text).ok_or_else(|| Error::Token(file()))
    }

    /// What tells this task's agents from others.
    pub fn scope(&self) -> String {
        format!("{}.{}/{}/{}", self.service, self.namespace, self.attempt, self.nodes)
    }

    /// Where this agent listens to its peers.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// Where this agent listens to the entry script. Nothing that a script could remove, and not on the network.
    pub fn local(&self) -> Result<net::SocketAddr, Error> {
        let name = format!("sky-agent {} {}", self.scope(), self.rank);
        net::SocketAddr::from_abstract_name(name).map_err(Error::Local)
    }

    /// For the state machine.
    pub fn settings(&self) -> Settings {
        let Self { rank, nodes, start, lost, grace, .. } = *self;
        Settings { rank, nodes, start: millis(start), lost: millis(lost), grace: millis(grace) }
    }
}

/// In milliseconds, as far as they fit.
pub fn millis(duration: Duration) -> Millis {
    duration.as_millis().try_into().unwrap_or(Millis::MAX / 4)
}

struct Variables<F>(F);

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn get<T: FromStr>(&self, variable: &'static str) -> Result<T, Error> {
        let value = (self.0)(variable).ok_or(Error::Missing(variable))?;
        value.parse().map_err(|_| Error::Variable { variable, value })
    }

    fn maybe<T: FromStr>(&self, variable: &'static str) -> Result<Option<T>, Error> {
        match self.get(variable) {
            Err(Error::Missing(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    fn or<T: FromStr>(&self, variable: &'static str, usual: T) -> Result<T, Error> {
        Ok(self.maybe(variable)?.unwrap_or(usual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: [(&str, &str); 6] = [
        ("SKY_AGENT_RANK", "1"),
        ("SKY_AGENT_NODES", "3"),
        ("SKY_AGENT_SERVICE", "task-0123abcd"),
        ("SKY_AGENT_NAMESPACE", "ns"),
        ("SKY_AGENT_ADDRESS", "10.0.0.7"),
        ("SKY_AGENT_TOKEN_FILE", "/sky/token/token"),
    ];

    fn config(name: &str, value: Option<&str>) -> Result<Config, Error> {
        let set = |variable: &str| SET.iter().find(|(n, _)| *n == variable).map(|(_, value)| *value);
        Config::new(|variable| if variable == name { value } else { set(variable) }.map(str::to_owned))
    }

    #[test]
    fn what_is_not_set_has_its_usual_value() {
        let config = config("", None).unwrap();
        assert_eq!(config.scope(), "task-0123abcd.ns/0/3");
        assert_eq!(config.listen(), "10.0.0.7:27597".parse().unwrap());
        let settings = Settings { rank: 1, nodes: 3, start: 600_000, lost: 15_000, grace: 30_000 };
        assert_eq!(config.settings(), settings);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, _) in SET {
            let missing = config(name, None).err().unwrap().to_string();
            assert_eq!(missing, format!("{name} is not set"));
        }
        for (name, value) in [
            ("SKY_AGENT_RANK", "3"),
            ("SKY_AGENT_RANK", "-1"),
            ("SKY_AGENT_NODES", "many"),
            ("SKY_AGENT_SERVICE", "a b"),
            ("SKY_AGENT_NAMESPACE", ""),
            ("SKY_AGENT_ADDRESS", "node-1"),
            ("SKY_AGENT_PORT", "70000"),
            ("SKY_AGENT_READY_PORT", ""),
            ("SKY_AGENT_LOST_SECONDS", "0"),
        ] {
            let wrong = config(name, Some(value)).err().unwrap().to_string();
            assert_eq!(wrong, format!("{name} cannot be '{value}'"));
        }
    }
}
