//! The identity of a task: eight lower-case hex digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::short_hash;

/// A task id or volume id: exactly eight lower-case hex digits (specification, "Returns 8-character task ID").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

/// The text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: an id is 8 lower-case hex digits")]
pub struct InvalidTaskId(String);

impl TaskId {
    /// The id with these 32 bits; the caller brings the randomness.
    pub fn from_bits(bits: u32) -> Self {
        Self(format!("{bits:08x}"))
    }

    /// The id of an applied object that carries none: the first eight hex digits of its UID.
    /// It needs no write and can be found by anybody who sees the object.
    pub fn from_uid(uid: &str) -> Self {
        let digits: String = uid.chars().filter(char::is_ascii_hexdigit).take(8).collect();
        match digits.to_ascii_lowercase().parse() {
            Ok(id) => id,
            // An API server may hand out UIDs that are no UUIDs; the hash is as stable.
            Err(InvalidTaskId(_)) => Self(short_hash(uid)),
        }
    }

    /// The id of an applied SkyVolume: from namespace and name, so that applying it again finds retained data.
    pub fn from_object(namespace: &str, name: &str) -> Self {
        Self(short_hash(&format!("{namespace}/{name}")))
    }

    /// The eight digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TaskId {
    type Err = InvalidTaskId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidTaskId(text.to_owned())) }
    }
}

impl TryFrom<String> for TaskId {
    type Error = InvalidTaskId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_gives_its_first_digits() {
        assert_eq!(TaskId::from_uid("3F2504E0-4f89-11d3-9a0c-0305e82c3301").as_str(), "3f2504e0");
        assert_eq!(TaskId::from_uid("x").as_str().len(), 8);
    }

    #[test]
    fn only_eight_lower_case_hex_digits_are_an_id() {
        for bad in ["", "abc", "ABCDEF12", "abcdefg1", "123456789", "１２３４５６７８"] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
        assert_eq!(TaskId::from_bits(0xab).to_string(), "000000ab");
    }
}
