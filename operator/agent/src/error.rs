//! Why an agent cannot do what it was asked to.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Every reason.
#[derive(Debug)]
pub enum Error {
    /// It was called in a way that it does not know.
    Usage,
    /// A variable is not set.
    Missing(&'static str),
    /// A variable has a value that it cannot have.
    Variable {
        /// Which.
        variable: &'static str,
        /// What it is.
        value: String,
    },
    /// The token cannot be read.
    TokenFile(PathBuf, io::Error),
    /// What is in the token's file is none.
    Token(PathBuf),
    /// It cannot listen to its peers.
    Listen(SocketAddr, io::Error),
    /// It cannot listen to the entry script, or a command cannot reach it.
    Local(io::Error),
    /// It ended while a command waited for it.
    Gone,
    /// It did not take the request.
    Refused,
    /// A system call failed that does not.
    System(io::Error),
    /// It cannot copy itself.
    Install(PathBuf, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str(
                "usage: sky-agent serve [PID] | wait setup|run | done setup|run CODE | waiting | install DIRECTORY",
            ),
            Self::Missing(variable) => write!(f, "{variable} is not set"),
            Self::Variable { variable, value } => write!(f, "{variable} cannot be '{value}'"),
            Self::TokenFile(path, why) => write!(f, "cannot read {}: {why}", path.display()),
            Self::Token(path) => write!(f, "{} is not a token of 64 hex digits", path.display()),
            Self::Listen(address, why) => write!(f, "cannot listen on {address}: {why}"),
            Self::Local(why) => write!(f, "no agent on this node: {why}"),
            Self::Gone => f.write_str("the agent of this node has ended"),
            Self::Refused => f.write_str("the agent of this node does not understand"),
            Self::System(why) => write!(f, "a system call failed: {why}"),
            Self::Install(path, why) => write!(f, "cannot copy to {}: {why}", path.display()),
        }
    }
}

impl std::error::Error for Error {}
