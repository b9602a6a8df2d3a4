//! What happens around every request: a request id, one log line, metrics, and panics that stay inside.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;
use tokio::time::Instant;

use crate::{
    app::App,
    error::{ApiError, Fault, detail},
    metrics::RequestLabels,
    resolve::Route,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids of clients are replaced: they end up in our log.
const LONGEST_ID: usize = 64;
/// All that clients need to know of a bug.
const UNKNOWN: &str = "Internal Server Error";

/// Wraps a request from its first byte to its answer's head.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id(request.headers()).unwrap_or_else(|| format!("{:08x}{:08x}", (app.random)(), (app.random)()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let result = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = result.unwrap_or_else(|panic| {
        let cause =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let cause = format!("panic: {}", cause.unwrap_or("unknown"));
        ApiError::Internal { public: UNKNOWN, cause }.into_response()
    });
    let mut response = tell_fault(response, &id);
    let route = response.extensions().get::<Route>().map_or_else(|| "none".to_owned(), |route| route.0.clone());
    let (status, seconds) = (response.status().as_u16(), start.elapsed().as_secs_f64());
    if route == "/" {
        tracing::debug!(id, %method, path, status, seconds, "request");
    } else {
        tracing::info!(id, %method, path, status, seconds, "request");
    }
    app.metrics.observe(&RequestLabels { method: method_label(&method), route, status }, seconds);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A client's own id, if it is fit for a log line.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (!id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(fits)).then(|| id.to_owned())
}

/// Logs the cause of a 5xx and gives the client the id under which it stands there.
fn tell_fault(response: Response, id: &str) -> Response {
    let fault = response.extensions().get::<Fault>().cloned();
    // Ours all say their cause; one that some library made must not tell what that library says.
    let unknown = || Fault { public: UNKNOWN, cause: "an answer without a cause".to_owned() };
    let Some(Fault { public, cause }) = fault.or_else(|| response.status().is_server_error().then(unknown)) else {
        return response;
    };
    tracing::error!(id, cause, "request failed");
    let mut told = detail(response.status(), format!("{public} (request id {id})"));
    *told.extensions_mut() = response.extensions().clone();
    if let Some(seconds) = response.headers().get("retry-after") {
        told.headers_mut().insert("retry-after", seconds.clone());
    }
    told
}

fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_fault_of_whatever_origin_tells_its_id_and_nothing_else() {
        let library = (StatusCode::INTERNAL_SERVER_ERROR, "Missing request extension: axum::State<…>").into_response();
        let told = tell_fault(library, "id-1");
        let body = axum::body::to_bytes(told.into_body(), 1000).await.unwrap();
        assert_eq!(body, r#"{"detail":"Internal Server Error (request id id-1)"}"#);
        let fine = tell_fault((StatusCode::NOT_FOUND, "as it is").into_response(), "id-2");
        assert_eq!(axum::body::to_bytes(fine.into_body(), 1000).await.unwrap(), "as it is");
    }

    #[test]
    fn only_ids_that_fit_into_a_log_line_are_taken_over() {
        for (id, taken) in [("a-1_b.c:d", true), ("", false), ("a b", false), ("a\"b", false), (&"x".repeat(65), false)]
        {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).unwrap())]);
            assert_eq!(request_id(&headers).is_some(), taken, "{id}");
        }
    }
}
