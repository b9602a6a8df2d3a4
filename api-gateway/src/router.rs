//! The one router, for the server and for tests. Routes and document come from the same declarations.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use tower::Layer as _;
use utoipa::openapi::OpenApiBuilder;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    docs,
    error::detail,
    middleware, openapi,
    resolve::{Resolution, Route, RoutePattern, resolve},
    routes,
};

/// Path of the document, which is not in the document.
const DOCUMENT_PATH: &str = "/openapi.json";

/// What the original's server escapes in a redirect's path: all but these and letters and digits.
const REDIRECT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The router over this state, and the OpenAPI document.
pub fn build(app: App) -> (Router, Value) {
    let (api, declared) = OpenApiRouter::with_openapi(OpenApiBuilder::new().build())
        .routes(routes!(routes::task::submit))
        .routes(routes!(routes::task::stop))
        .routes(routes!(routes::task::rerun))
        .routes(routes!(routes::task::stop_all))
        .routes(routes!(routes::task::list))
        .routes(routes!(routes::task::get))
        .routes(routes!(routes::logs::tail))
        .routes(routes!(routes::volume::create))
        .routes(routes!(routes::volume::list))
        .routes(routes!(routes::volume::delete, routes::volume::get))
        .routes(routes!(routes::health::root))
        .split_for_parts();
    let document = openapi::document(serde_json::to_value(declared.paths).unwrap_or_default());
    let served = Arc::new(document.clone());
    let pages = docs::pages(&document);
    let table: Arc<[RoutePattern]> = patterns(&document, &pages).into();
    let api = api.route(DOCUMENT_PATH, get(async move || Json(Value::clone(&served))));
    let api = docs::serve(api, pages).with_state(app.clone());
    // The dispatch must come before routing, since it may change the path; a layer of `api` itself would come after.
    let dispatched = from_fn_with_state(table, dispatch).layer(api);
    let router = Router::new().fallback_service(dispatched).layer(from_fn_with_state(app, middleware::observe));
    (router, document)
}

fn patterns(document: &Value, pages: &[docs::Page]) -> Vec<RoutePattern> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let declared = paths.map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_ascii_uppercase());
        RoutePattern::new(path, methods)
    });
    // These are not in the document, and in the original they name HEAD among their methods.
    let others = std::iter::once(DOCUMENT_PATH).chain(pages.iter().map(|(path, ..)| *path));
    declared.chain(others.map(|path| RoutePattern::new(path, ["GET", "HEAD"].map(str::to_owned)))).collect()
}

async fn dispatch(State(table): State<Arc<[RoutePattern]>>, mut request: Request, next: Next) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    match resolve(&table, request.method().as_str(), &path) {
        Resolution::Route { pattern, path } => {
            let Some(uri) = with_path(request.uri(), &path) else { return not_found() };
            *request.uri_mut() = uri;
            let mut response = next.run(request).await;
            response.extensions_mut().insert(Route(pattern));
            response
        }
        Resolution::MethodNotAllowed(methods) => {
            let mut response = detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            if let Ok(methods) = HeaderValue::from_str(&methods) {
                response.headers_mut().insert(header::ALLOW, methods);
            }
            response
        }
        Resolution::Redirect(path) => redirect(request.headers(), &path, request.uri().query()),
        Resolution::NotFound => not_found(),
    }
}

fn not_found() -> Response {
    detail(StatusCode::NOT_FOUND, "Not Found")
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    Uri::builder().path_and_query(target).build().ok()
}

/// 307, so that a POST stays a POST. The address is the one that the client used, as in the original.
fn redirect(headers: &HeaderMap, path: &str, query: Option<&str>) -> Response {
    let mut target = utf8_percent_encode(path, REDIRECT).to_string();
    if let Some(query) = query {
        target = format!("{target}?{query}");
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let location = host.map_or_else(|| target.clone(), |host| format!("http://{host}{target}"));
    match HeaderValue::from_str(&location) {
        Ok(location) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response(),
        Err(_) => not_found(),
    }
}
