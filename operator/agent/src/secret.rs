//! The token of a task, and what is computed with it: proofs and tags.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a tag, of a proof's 32.
const TAG: usize = 16;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that dialled.
    Dial,
    /// The other.
    Accept,
}

impl Side {
    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Dial => Self::Accept,
            Self::Accept => Self::Dial,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::Accept => "accept",
        }
    }
}

/// What the nodes of a task know and nobody else.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// From 64 hex digits, with white space around them at most.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(from_hex(text.trim_ascii())?.try_into().ok()?))
    }

    fn mac(&self, label: &str, parts: [&str; 2]) -> Hmac<Sha256> {
        keyed(&self.0, label, parts)
    }

    /// That `side` has the token, good for the connection that began with these two lines.
    pub fn prove(&self, side: Side, lines: [&str; 2]) -> String {
        to_hex(&self.mac(side.label(), lines).finalize().into_bytes())
    }

    /// Whether `proof` is that of `side`. Takes as long for a wrong one.
    pub fn is_proof(&self, proof: &str, side: Side, lines: [&str; 2]) -> bool {
        from_hex(proof).is_some_and(|proof| self.mac(side.label(), lines).verify_slice(&proof).is_ok())
    }

    /// The tags of that connection, as `side` makes and checks them.
    pub fn session(&self, side: Side, lines: [&str; 2]) -> Session {
        let key = self.mac("session", lines).finalize().into_bytes().into();
        Session { key, side, sent: 0, received: 0 }
    }
}

fn keyed(key: &[u8; 32], label: &str, parts: [&str; 2]) -> Hmac<Sha256> {
    // A key of one block or less needs no allocation and cannot fail.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(label.as_bytes());
    for part in parts {
        mac.update(b"\n");
        mac.update(part.as_bytes());
    }
    mac
}

/// Tags messages of one connection, each direction counted.
#[derive(Clone)]
pub struct Session {
    key: [u8; 32],
    side: Side,
    sent: u64,
    received: u64,
}

impl Session {
    /// The line that carries a message.
    pub fn seal(&mut self, message: &str) -> String {
        let tag = self.mac(self.side, self.sent, message).finalize().into_bytes();
        self.sent += 1;
        format!("{} {message}", to_hex(&tag[..TAG]))
    }

    /// The message in a line, if it is the next of the other side.
    pub fn open<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (tag, message) = line.split_once(' ')?;
        let tag = from_hex(tag).filter(|tag| tag.len() == TAG)?;
        self.mac(self.side.other(), self.received, message).verify_truncated_left(&tag).ok()?;
        self.received += 1;
        Some(message)
    }

    fn mac(&self, side: Side, number: u64, message: &str) -> Hmac<Sha256> {
        keyed(&self.key, side.label(), [&number.to_string(), message])
    }
}

/// Lower-case hex digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes of lower-case hex digits.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::parse(&format!(" {}\n", "0a".repeat(32))).unwrap()
    }

    /// RFC 4231, cases 1, 2 and 4, through the way that this file pads keys.
    #[test]
    fn hmac_is_that_of_the_rfc() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819").unwrap(),
                &[0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
        ];
        for (key, data, mac) in cases {
            let mut block = [0; 64];
            block[..key.len()].copy_from_slice(key);
            let mut ours = Hmac::<Sha256>::new(&block.into());
            ours.update(data);
            assert_eq!(to_hex(&ours.finalize().into_bytes()), mac);
        }
    }

    #[test]
    fn tokens_are_64_hex_digits() {
        for text in ["", "0a", &"0a".repeat(31), &"0a".repeat(33), &"0A".repeat(32), &"0g".repeat(32), &"é".repeat(32)]
        {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn proofs_are_good_for_one_side_connection_and_token() {
        let proof = token().prove(Side::Dial, ["a", "b"]);
        assert_eq!(proof.len(), 64);
        assert!(token().is_proof(&proof, Side::Dial, ["a", "b"]));
        assert!(!token().is_proof(&proof, Side::Accept, ["a", "b"]));
        assert!(!token().is_proof(&proof, Side::Dial, ["a", "c"]));
        assert!(!token().is_proof(&proof, Side::Dial, ["b", "a"]));
        assert!(!token().is_proof(&proof[..62], Side::Dial, ["a", "b"]));
        assert!(!token().is_proof("", Side::Dial, ["a", "b"]));
        let other = Token::parse(&"0b".repeat(32)).unwrap();
        assert!(!other.is_proof(&proof, Side::Dial, ["a", "b"]));
    }

    #[test]
    fn messages_come_through_once_and_in_order() {
        let mut dial = token().session(Side::Dial, ["a", "b"]);
        let mut accept = token().session(Side::Accept, ["a", "b"]);
        let (first, second) = (dial.seal("one"), dial.seal("one"));
        assert_ne!(first, second);
        assert_eq!(accept.clone().open(&second), None);
        assert_eq!(accept.open(&first), Some("one"));
        assert_eq!(accept.clone().open(&first), None);
        assert_eq!(accept.clone().open(&second.replace("one", "two")), None);
        assert_eq!(accept.clone().open(&second[2..]), None);
        assert_eq!(accept.open(&second), Some("one"));
        // What it says does not come back to it.
        let own = accept.seal("x");
        assert_eq!(accept.open(&own), None);
        assert_eq!(dial.open(&own), Some("x"));
    }
}
