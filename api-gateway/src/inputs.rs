//! What handlers take from requests: everything is checked together, and every error is told at once.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use sky_crd::{
    User,
    api::{InvalidField, RerunRequest, TaskRequest, VolumeRequest},
};
use tokio::time::timeout;

use crate::{
    error::ApiError,
    identity,
    repeat::RepeatKey,
    validate::{
        check,
        convert::{self, LogQuery},
        entry::{Entry, Loc},
        json::{Json, JsonError},
        model::{self, Model},
        query,
        value::Fields,
    },
};

/// Longest body. etcd takes no larger object either.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_SECONDS: u64 = 30;

/// Something that stands in a request's head.
pub trait Part: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// Every entry of a 422.
    fn read(parts: &Parts) -> Result<Self, Vec<Entry>>;
}

impl Part for User {
    fn read(parts: &Parts) -> Result<Self, Vec<Entry>> {
        identity::user(&parts.headers)
    }
}

/// The query parameter `all_users`, false when absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllUsers(pub bool);

impl Part for AllUsers {
    fn read(parts: &Parts) -> Result<Self, Vec<Entry>> {
        query::read(query::LIST, parts.uri.query().unwrap_or_default()).map(convert::all_users).map(Self)
    }
}

impl Part for LogQuery {
    fn read(parts: &Parts) -> Result<Self, Vec<Entry>> {
        query::read(query::LOGS, parts.uri.query().unwrap_or_default()).map(convert::logs)
    }
}

impl Part for RepeatKey {
    fn read(parts: &Parts) -> Result<Self, Vec<Entry>> {
        Self::read(&parts.headers)
    }
}

impl<A: Part, B: Part> Part for (A, B) {
    fn read(parts: &Parts) -> Result<Self, Vec<Entry>> {
        both(A::read(parts), B::read(parts))
    }
}

fn both<A, B>(first: Result<A, Vec<Entry>>, second: Result<B, Vec<Entry>>) -> Result<(A, B), Vec<Entry>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => Err(first.err().into_iter().chain(second.err()).flatten().collect()),
    }
}

/// The checked head of a request.
#[derive(Clone, Debug)]
pub struct Head<P>(pub P);

impl<P: Part, S: Send + Sync> FromRequestParts<S> for Head<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        P::read(parts).map(Self).map_err(ApiError::Invalid)
    }
}

/// A request body with a table.
pub trait Wire: Sized {
    /// What the body must look like.
    const MODEL: &'static Model;
    /// The body from its checked fields.
    fn from_fields(fields: Fields) -> Self;
}

impl Wire for TaskRequest {
    const MODEL: &'static Model = &model::TASK;
    fn from_fields(fields: Fields) -> Self {
        convert::task(fields)
    }
}

impl Wire for RerunRequest {
    const MODEL: &'static Model = &model::RERUN;
    fn from_fields(fields: Fields) -> Self {
        convert::rerun(fields)
    }
}

impl Wire for VolumeRequest {
    const MODEL: &'static Model = &model::VOLUME;
    fn from_fields(fields: Fields) -> Self {
        convert::volume(fields)
    }
}

/// The checked head and body of a request.
#[derive(Clone, Debug)]
pub struct Submission<P, B> {
    /// From the head.
    pub head: P,
    /// The body.
    pub body: B,
    /// The body as it was sent, to show in errors.
    sent: Json,
}

impl<P, B> Submission<P, B> {
    /// The 422 for a field whose text means nothing to Kubernetes.
    pub fn refuse(&self, field: &InvalidField) -> ApiError {
        let mut found = Some(&self.sent);
        let mut loc: Vec<Loc> = vec!["body".into()];
        for key in &field.path {
            let index = key.parse().ok().filter(|_| matches!(found, Some(Json::Array(_))));
            found = match (found, index) {
                (Some(Json::Array(items)), Some(index)) => items.get::<usize>(index),
                (Some(object), _) => object.get(key),
                (None, _) => None,
            };
            loc.push(index.map_or_else(|| key.as_str().into(), Loc::Index));
        }
        ApiError::Invalid(vec![Entry::value_error(loc, &field.message, found.cloned().unwrap_or(Json::Null))])
    }
}

impl<P: Part, B: Wire, S: Send + Sync> FromRequest<S> for Submission<P, B> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body).await?;
        // A body that cannot be parsed is told alone, as FastAPI does.
        let nothing = || B::MODEL.may_be_absent().then(|| Json::Object(Vec::new()));
        let sent = parse_body(&parts.headers, &bytes)?.or_else(nothing);
        let missing = || vec![Entry::missing(vec!["body".into()], Json::Null)];
        let body = sent.as_ref().ok_or_else(missing).and_then(|sent| check::body(B::MODEL, sent));
        let (head, fields) = both(P::read(&parts), body).map_err(ApiError::Invalid)?;
        Ok(Self { head, body: B::from_fields(fields), sent: sent.unwrap_or(Json::Null) })
    }
}

async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    match timeout(Duration::from_secs(BODY_SECONDS), to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(ApiError::BodyTooLarge(BODY_LIMIT)),
        Ok(Err(_)) => Err(ApiError::UnreadableBody),
        Err(_) => Err(ApiError::SlowBody(BODY_SECONDS)),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.to_string().contains("length limit"))
}

/// The body as JSON; as a text when the content type says that it is something else; nothing when it is empty.
fn parse_body(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Json>, ApiError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json(headers) {
        return Ok(Some(Json::Text(String::from_utf8_lossy(bytes).into_owned())));
    }
    match Json::parse(bytes) {
        Ok(value) => Ok(Some(value)),
        Err(JsonError::Syntax { position, message }) => {
            Err(ApiError::Invalid(vec![Entry::json_invalid(position, message)]))
        }
        Err(JsonError::Unreadable) => Err(ApiError::UnreadableBody),
    }
}

/// `application/json` or `application/…+json`, whatever its parameters. Absent is not JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").filter(|subtype| !subtype.contains('/'));
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_counts_as_json() {
        for (value, json) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("APPLICATION/JSON", true),
            ("application/json;", true),
            ("application/vnd.api+json", true),
            ("application/problem+json; a=b", true),
            ("text/json", false),
            ("application/jsonp", false),
            ("json", false),
            ("application/json,text/plain", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(is_json(&headers), json, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
