//! Values that nobody may read over a shoulder.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The value of a secret: text on the wire, and in no message and no log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretValue(String);

impl SecretValue {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretValue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_the_wire_and_not_in_messages() {
        let value = SecretValue::from("hunter2".to_owned());
        assert_eq!(serde_json::to_string(&value).unwrap(), "\"hunter2\"");
        assert_eq!((format!("{value:?}").as_str(), value.reveal()), ("SecretValue", "hunter2"));
    }
}
