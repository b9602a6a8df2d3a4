//! The pages for people: `/docs` and `/redoc` need nothing that is not inside the program.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod support;

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use support::Answer;

async fn get(path: &str) -> Answer {
    let (router, _) = support::build(support::nowhere());
    support::ask(router, Request::get(path).body(Body::empty()).unwrap()).await
}

/// What stands in quotes after `src=`, `href=`.
fn loaded(page: &str) -> Vec<String> {
    let after = |attribute: &str| {
        let parts = page.split(attribute).skip(1);
        parts.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    [after("src=\""), after("href=\"")].concat()
}

/// Every host that a text names by an address.
fn hosts(text: &str) -> BTreeSet<&str> {
    let end = |c: char| !(c.is_ascii_alphanumeric() || "-._~".contains(c));
    let after = |scheme: &'static str| text.split(scheme).skip(1).filter_map(move |rest| rest.split(end).next());
    after("http://").chain(after("https://")).chain(after("wss://")).filter(|host| host.contains('.')).collect()
}

#[tokio::test]
async fn the_pages_have_the_original_s_type_and_title() {
    for (path, title) in [
        ("/docs", "SkyPilot-Compatible Kubernetes Task Launcher - Swagger UI"),
        ("/redoc", "SkyPilot-Compatible Kubernetes Task Launcher - ReDoc"),
    ] {
        let answer = get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(answer.text.contains(&format!("<title>{title}</title>")), "{path}");
    }
}

#[tokio::test]
async fn the_pages_follow_the_rules_of_all_routes() {
    assert_eq!(get("/docs/oauth2-redirect").await.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(get("/docs/").await.header("location"), Some("/docs"));
    assert_eq!(get("/redoc/nope").await.status.as_u16(), 404);
    let (router, document) = support::build(support::nowhere());
    let answer = support::ask(router.clone(), Request::post("/docs").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, HEAD")));
    let answer = support::ask(router, Request::head("/redoc").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert!(document["paths"].get("/docs").is_none());
}

#[tokio::test]
async fn no_page_names_another_host_and_whatever_it_loads_is_here() {
    for path in ["/docs", "/redoc", "/docs/oauth2-redirect"] {
        let page = get(path).await;
        assert_eq!(hosts(&page.text), BTreeSet::new(), "{path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; script-src 'self'"));
        let base = path.rsplit_once('/').unwrap().0;
        for address in loaded(&page.text).iter().filter(|address| !address.starts_with('#')) {
            let answer = get(&format!("{base}/{address}")).await;
            assert_eq!(answer.status.as_u16(), 200, "{path} loads {address}");
        }
    }
}

/// Swagger UI's program speaks of other hosts: names of vocabularies, and links to standards in comments and messages.
/// None of them is loaded: the page's policy forbids it, and the one that Swagger UI asks by default is switched off.
#[tokio::test]
async fn swagger_ui_is_kept_from_asking_anybody_else() {
    let bundle = get("/docs/swagger-ui-bundle.js").await;
    assert!(bundle.header("content-security-policy").unwrap().contains("connect-src 'self'"));
    assert!(hosts(&bundle.text).contains("validator.swagger.io"), "then the next lines are needless");
    let start = get("/docs/start.js").await;
    assert_eq!(hosts(&start.text), BTreeSet::new());
    assert!(start.text.contains("validatorUrl: null"));
    let style = get("/docs/swagger-ui.css").await;
    assert!(hosts(&style.text).iter().all(|host| *host == "www.w3.org"), "{:?}", hosts(&style.text));
    assert!(!style.text.contains("@import"));
}

#[tokio::test]
async fn the_reference_has_every_operation_and_schema() {
    let (router, document) = support::build(support::nowhere());
    let page = support::ask(router, Request::get("/redoc").body(Body::empty()).unwrap()).await.text;
    let links = loaded(&page);
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(links.contains(&format!("#{id}")) && page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<section id=\"schema-{name}\">")), "{name}");
    }
    for link in links.iter().filter_map(|link| link.strip_prefix('#')) {
        assert!(page.contains(&format!("id=\"{link}\"")), "nothing is at #{link}");
    }
}
