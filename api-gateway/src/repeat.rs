//! The header `Idempotency-Key`: two requests with one key make one thing, whoever sends them and whenever. Without it
//! every request makes a thing of its own, as in the original, which does not read the header.

use axum::http::HeaderMap;
use sky_crd::{TaskId, User};

use crate::validate::{entry::Entry, json::Json};

/// The header's name, as FastAPI would write it in locations.
pub const HEADER: &str = "idempotency-key";

/// Longest key, in bytes.
const MAX_BYTES: usize = 255;

/// The key of a request, if it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepeatKey(Option<String>);

impl RepeatKey {
    /// Reads it.
    ///
    /// # Errors
    /// 422 entries: the header is empty, there more than once, not printable ASCII, or longer than 255 bytes.
    pub fn read(headers: &HeaderMap) -> Result<Self, Vec<Entry>> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(first) = values.next() else { return Ok(Self(None)) };
        let fits = first.to_str().is_ok_and(|key| !key.is_empty() && key.len() <= MAX_BYTES);
        if fits && values.next().is_none() {
            return Ok(Self(first.to_str().ok().map(str::to_owned)));
        }
        let loc = vec!["header".into(), HEADER.into()];
        let given = String::from_utf8_lossy(first.as_bytes()).into_owned();
        Err(vec![Entry::value_error(loc, "A key is one text of 1 to 255 printable characters", Json::Text(given))])
    }

    /// The id that this user's thing of this name gets by the key: the same each time.
    pub fn id(&self, user: &User, name: &str) -> Option<TaskId> {
        self.0.as_ref().map(|key| TaskId::from_object(user.as_str(), &format!("{name}/{key}")))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(values: &[&str]) -> Result<RepeatKey, Vec<Entry>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        RepeatKey::read(&headers)
    }

    #[test]
    fn an_id_by_user_name_and_key() {
        let [ann, bob]: [User; 2] = ["ann", "bob"].map(|name| name.parse().unwrap());
        let id = |user, name, text| key(&[text]).unwrap().id(user, name);
        assert_eq!(id(&ann, "data", "k"), id(&ann, "data", "k"));
        for other in [id(&bob, "data", "k"), id(&ann, "more", "k"), id(&ann, "data", "l")] {
            assert_ne!(other, id(&ann, "data", "k"));
        }
        assert_eq!(key(&[]).unwrap().id(&ann, "data"), None);
    }

    #[test]
    fn bad_keys_are_refused_at_the_header() {
        let long = "x".repeat(256);
        let cases: [&[&str]; 4] = [&[""], &["a", "a"], &["\u{e9}"], &[&long]];
        for values in cases {
            let entries = key(values).unwrap_err();
            assert_eq!(serde_json::to_value(&entries[0].loc).unwrap(), serde_json::json!(["header", HEADER]));
        }
    }
}
