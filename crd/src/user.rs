//! The user that a task or volume belongs to.

use std::{fmt, str::FromStr};

use crate::{hex_prefix, label};

/// A user as the client named it: 1 to 253 printable ASCII bytes, not blank, without spaces at the ends.
///
/// Two users are the same only if these bytes are; the label form is for people and selectors, never for rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct User(String);

/// The text cannot name a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUser {
    /// Nothing but blanks.
    #[error("User must not be blank")]
    Blank,
    /// More than 253 bytes.
    #[error("User must be at most 253 bytes long")]
    TooLong,
    /// A byte outside printable ASCII.
    #[error("User must consist of printable ASCII characters")]
    NotAscii,
}

impl User {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 253;

    /// Whom an applied object belongs to that names nobody.
    pub fn default_name() -> String {
        "default".to_owned()
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The specification's label form: `@` and everything else that a label refuses becomes `-`; at most 63 bytes.
    /// Not unique: `a@b` and `a-b` look alike. Shown to people as `username`.
    pub fn label_value(&self) -> String {
        label::sanitize_value(&self.0).unwrap_or_else(|| "user".to_owned())
    }

    /// Label value that tells users apart whose label forms are alike: 16 hex digits of the name's SHA-256.
    pub fn hash(&self) -> String {
        hex_prefix(&self.0, 16)
    }
}

impl FromStr for User {
    type Err = InvalidUser;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim_matches([' ', '\t']);
        if trimmed.is_empty() {
            return Err(InvalidUser::Blank);
        }
        if !trimmed.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(InvalidUser::NotAscii);
        }
        if trimmed.len() > Self::MAX_BYTES {
            return Err(InvalidUser::TooLong);
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl fmt::Display for User {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_labels_are_still_two_users() {
        let (at, dash): (User, User) = ("a@b".parse().unwrap(), "a-b".parse().unwrap());
        assert_eq!(at.label_value(), dash.label_value());
        assert_ne!(at, dash);
        assert_ne!(at.hash(), dash.hash());
    }

    #[test]
    fn refuses_what_cannot_be_a_user() {
        let long = "x".repeat(254);
        for (text, error) in [
            ("", InvalidUser::Blank),
            (" \t ", InvalidUser::Blank),
            ("zoë", InvalidUser::NotAscii),
            ("a\nb", InvalidUser::NotAscii),
            (long.as_str(), InvalidUser::TooLong),
        ] {
            assert_eq!(text.parse::<User>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn label_form_always_fits_a_label() {
        for (name, label) in [("user@example.com", "user-example.com"), ("@@", "user"), ("-a-", "a"), ("a b", "a-b")] {
            assert_eq!(name.parse::<User>().unwrap().label_value(), label);
        }
    }
}
