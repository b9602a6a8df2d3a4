//! The pages `/docs` (Swagger UI) and `/redoc` (a reference to read), wholly inside the program: browsers load nothing
//! from anywhere else, and are told that they must not.

mod reference;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    routing::get,
};
use bytes::Bytes;
use serde_json::Value;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Whatever a page says, the browser asks this server only. Swagger UI writes styles into its elements, and its icons
/// are `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
/// Swagger UI is large, and changes only with the program.
const CACHED: &str = "max-age=3600";

/// One file: its path, content type and bytes.
pub(crate) type Page = (&'static str, &'static str, Bytes);

/// Every page, and what it loads.
pub(crate) fn pages(document: &Value) -> Vec<Page> {
    let title = document["info"]["title"].as_str().unwrap_or_default();
    let docs = include_str!("docs.html").replace("{title}", &reference::escape(title));
    vec![
        ("/docs", HTML, Bytes::from(docs)),
        ("/docs/start.js", SCRIPT, Bytes::from_static(include_bytes!("start.js"))),
        ("/docs/swagger-ui-bundle.js", SCRIPT, file(include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js")))),
        (
            "/docs/swagger-ui.css",
            "text/css; charset=utf-8",
            file(include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css"))),
        ),
        ("/docs/favicon.png", "image/png", file(include_bytes!(concat!(env!("OUT_DIR"), "/favicon-32x32.png")))),
        // The original has this page too; its document declares no such login.
        ("/docs/oauth2-redirect", HTML, file(include_bytes!(concat!(env!("OUT_DIR"), "/oauth2-redirect.html")))),
        ("/docs/oauth2-redirect.js", SCRIPT, file(include_bytes!(concat!(env!("OUT_DIR"), "/oauth2-redirect.js")))),
        ("/redoc", HTML, Bytes::from(reference::render(document))),
    ]
}

fn file(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}

/// Routes for these pages.
pub(crate) fn serve<S: Clone + Send + Sync + 'static>(router: Router<S>, pages: Vec<Page>) -> Router<S> {
    pages.into_iter().fold(router, |router, (path, content_type, bytes)| {
        let caching = if content_type == HTML { "no-cache" } else { CACHED };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
        ];
        router.route(path, get(async move || (headers, bytes)))
    })
}
