//! Which route a request means: a pure function over the list of routes.
//!
//! The original tries its routes in order, so that `GET /tasks/submit` asks for the task called "submit" although
//! `POST /tasks/submit` exists; axum would answer 405. It redirects a trailing slash, and it names the methods of a path
//! that has others. All three follow from this one list.

use std::collections::BTreeSet;

/// One path with its methods, as declared: `/tasks/{task_id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern {
    path: String,
    methods: BTreeSet<String>,
}

/// The pattern of the route that answered, for logs and metrics; an extension of the response.
#[derive(Clone, Debug)]
pub struct Route(pub String);

/// What a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Handle it.
    Route {
        /// The route, as declared.
        pattern: String,
        /// The path under which the router finds this route and no other.
        path: String,
    },
    /// 405, with these methods in `Allow`.
    MethodNotAllowed(String),
    /// 307 to this path.
    Redirect(String),
    /// 404.
    NotFound,
}

impl RoutePattern {
    /// A path with its methods in capitals.
    pub fn new(path: &str, methods: impl IntoIterator<Item = String>) -> Self {
        Self { path: path.to_owned(), methods: methods.into_iter().collect() }
    }

    /// The path for the router, if this pattern fits.
    fn fit(&self, path: &str) -> Option<String> {
        let mut canonical = String::new();
        let (mut given, mut wanted) = (path.split('/').skip(1), self.path.split('/').skip(1));
        loop {
            match (given.next(), wanted.next()) {
                (None, None) => return Some(canonical),
                (Some(given), Some(wanted)) if wanted.starts_with('{') && !given.is_empty() => {
                    canonical.push('/');
                    canonical.extend(given.bytes().map(|byte| format!("%{byte:02X}")));
                }
                (Some(given), Some(wanted)) if given == wanted => {
                    canonical.push('/');
                    canonical.push_str(wanted);
                }
                _ => return None,
            }
        }
    }

    fn allows(&self, method: &str) -> bool {
        // HEAD is GET without the body.
        self.methods.contains(method) || (method == "HEAD" && self.methods.contains("GET"))
    }
}

/// What a request for `path` (percent-decoded) means. Parameters come back wholly percent-encoded, so that no literal
/// route can take them for itself.
pub fn resolve(routes: &[RoutePattern], method: &str, path: &str) -> Resolution {
    let fitting: Vec<_> =
        routes.iter().filter_map(|route| route.fit(path).map(|canonical| (route, canonical))).collect();
    if let Some((route, canonical)) = fitting.iter().find(|(route, _)| route.allows(method)) {
        return Resolution::Route { pattern: route.path.clone(), path: canonical.clone() };
    }
    if !fitting.is_empty() {
        let methods: BTreeSet<&str> =
            fitting.iter().flat_map(|(route, _)| &route.methods).map(String::as_str).collect();
        return Resolution::MethodNotAllowed(methods.into_iter().collect::<Vec<_>>().join(", "));
    }
    let stripped = path.trim_end_matches('/');
    if stripped != path && routes.iter().any(|route| route.fit(stripped).is_some()) {
        return Resolution::Redirect(stripped.to_owned());
    }
    Resolution::NotFound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<RoutePattern> {
        let route = |path: &str, methods: &[&str]| RoutePattern::new(path, methods.iter().map(|m| (*m).to_owned()));
        vec![
            route("/", &["GET"]),
            route("/tasks", &["GET"]),
            route("/tasks/submit", &["POST"]),
            route("/tasks/stop", &["POST"]),
            route("/tasks/{task_id}", &["GET"]),
            route("/tasks/{task_id}/stop", &["POST"]),
            route("/volumes/{volume_id}", &["DELETE", "GET"]),
        ]
    }

    #[test]
    fn requests_and_what_they_mean() {
        let route =
            |pattern: &str, path: &str| Resolution::Route { pattern: pattern.to_owned(), path: path.to_owned() };
        let only = |methods: &str| Resolution::MethodNotAllowed(methods.to_owned());
        let redirect = |path: &str| Resolution::Redirect(path.to_owned());
        for (method, path, meaning) in [
            ("GET", "/", route("/", "/")),
            ("HEAD", "/", route("/", "/")),
            ("POST", "/", only("GET")),
            ("POST", "/tasks/submit", route("/tasks/submit", "/tasks/submit")),
            ("GET", "/tasks/ab", route("/tasks/{task_id}", "/tasks/%61%62")),
            ("GET", "/tasks/stop", route("/tasks/{task_id}", "/tasks/%73%74%6F%70")),
            ("GET", "/tasks/€", route("/tasks/{task_id}", "/tasks/%E2%82%AC")),
            ("PUT", "/tasks/submit", only("GET, POST")),
            ("DELETE", "/tasks/abcdefgh", only("GET")),
            ("POST", "/volumes/abcdefgh", only("DELETE, GET")),
            ("OPTIONS", "/tasks", only("GET")),
            ("GET", "/tasks/", redirect("/tasks")),
            ("GET", "/tasks//", redirect("/tasks")),
            ("PUT", "/tasks/", redirect("/tasks")),
            ("POST", "/tasks/submit/", redirect("/tasks/submit")),
            ("GET", "/nope", Resolution::NotFound),
            ("GET", "/nope/", Resolution::NotFound),
            ("GET", "/tasks/a/b/c", Resolution::NotFound),
            ("GET", "//tasks", Resolution::NotFound),
            ("GET", "", Resolution::NotFound),
        ] {
            assert_eq!(resolve(&routes(), method, path), meaning, "{method} {path}");
        }
    }
}
