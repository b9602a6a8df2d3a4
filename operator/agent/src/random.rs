//! Numbers that nobody can guess.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// So many bytes. From the kernel, which needs no file.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let count = getrandom(&mut bytes, GetRandomFlags::empty())?;
    // Up to 256 bytes come whole.
    if count == N { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// A number of 16 bits.
pub(crate) fn number() -> io::Result<u16> {
    bytes().map(u16::from_ne_bytes)
}
