//! Who asks: the header `X-User`, believed as it is. Deploy the gateway where only trusted clients reach it.

use axum::http::HeaderMap;
use sky_crd::{InvalidUser, User};

use crate::validate::{entry::Entry, json::Json};

/// The header's name, as FastAPI writes it in locations.
pub const HEADER: &str = "x-user";

/// The user of a request.
///
/// # Errors
/// 422 entries: the header is missing, blank, there more than once, not printable ASCII, or longer than 253 bytes.
pub fn user(headers: &HeaderMap) -> Result<User, Vec<Entry>> {
    let loc = || vec!["header".into(), HEADER.into()];
    let mut values = headers.get_all(HEADER).iter();
    let Some(first) = values.next() else {
        return Err(vec![Entry::missing(loc(), Json::Null)]);
    };
    let text = String::from_utf8_lossy(first.as_bytes());
    let refuse = |message: &str| vec![Entry::value_error(loc(), message, Json::Text(text.clone().into_owned()))];
    if values.next().is_some() {
        // Two names for one request: whichever a proxy in front of us had checked, we might take the other.
        return Err(refuse("User must be given once"));
    }
    text.parse::<User>().map_err(|error: InvalidUser| refuse(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn good_names_are_taken_as_they_are() {
        let long = "x".repeat(253);
        for name in ["u", "first.last@example.com", "a b", "a,b=c", long.as_str()] {
            assert_eq!(user(&headers(&[name.as_bytes()])).unwrap().as_str(), name);
        }
    }

    #[test]
    fn bad_names_are_refused_at_the_header() {
        let long = "x".repeat(254);
        let cases: [(&[&[u8]], &str, &str); 7] = [
            (&[], "missing", "Field required"),
            (&[b""], "value_error", "Value error, User must not be blank"),
            (&[b" \t "], "value_error", "Value error, User must not be blank"),
            (&[b"a", b"b"], "value_error", "Value error, User must be given once"),
            (&[b"a", b"a"], "value_error", "Value error, User must be given once"),
            (&["zoë".as_bytes()], "value_error", "Value error, User must consist of printable ASCII characters"),
            (&[long.as_bytes()], "value_error", "Value error, User must be at most 253 bytes long"),
        ];
        for (values, kind, message) in cases {
            let entries = user(&headers(values)).unwrap_err();
            assert_eq!((entries[0].kind, entries[0].msg.as_str()), (kind, message), "{values:?}");
            assert_eq!(serde_json::to_value(&entries[0].loc).unwrap(), serde_json::json!(["header", "x-user"]));
        }
    }
}
