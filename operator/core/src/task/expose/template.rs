//! Hosts and paths with places in them: `{task}`, `{namespace}` and `{port}`.

use std::str::FromStr;

/// Longest host name (DNS).
const MAX_HOST: usize = 253;

/// What the places stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Id of the task.
    pub(super) task: &'a str,
    /// Its namespace.
    pub(super) namespace: &'a str,
    /// The port.
    pub(super) port: u16,
}

impl Place<'_> {
    /// The text with every place filled in.
    pub(super) fn fill(self, text: &str) -> String {
        let port = self.port.to_string();
        let filled = text.replace("{task}", self.task).replace("{namespace}", self.namespace);
        filled.replace("{port}", &port)
    }
}

/// Short values for every place, to see what a template comes to.
const SAMPLE: Place<'_> = Place { task: "0123abcd", namespace: "default", port: 8080 };

/// Why a text is no host or path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A host.
    #[error(
        "`{0}` is no host name with the places {{task}}, {{namespace}} and {{port}}, such as `{{task}}-{{port}}.apps.example.org`"
    )]
    Host(String),
    /// A path that does not tell the ports of a task apart, or tasks from each other.
    #[error(
        "`{0}` is no path that begins with `/` and has the places {{namespace}}, {{task}} and {{port}}, such as `/{{namespace}}/{{task}}/{{port}}`"
    )]
    Path(String),
    /// A pattern.
    #[error("`{0}` is no host name, nor one with `*` for its first part, such as `*.apps.example.org`")]
    Pattern(String),
}

/// Host of a task's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTemplate(String);

impl FromStr for HostTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        if is_host(&SAMPLE.fill(text)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTemplate::Host(text.to_owned()))
        }
    }
}

impl HostTemplate {
    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Path of a task's port. Beside a plain one, what an ingress controller takes for a regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate(String);

impl FromStr for PathTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let apart = ["{namespace}", "{task}", "{port}"].iter().all(|place| text.contains(place));
        let fits = text.starts_with('/') && apart && !text.contains(char::is_whitespace);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidTemplate::Path(text.to_owned())) }
    }
}

impl Default for PathTemplate {
    fn default() -> Self {
        Self("/skytask/{namespace}/{task}/{port}".to_owned())
    }
}

impl PathTemplate {
    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hosts that tasks may name: one, or all with one part before an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern(String);

impl FromStr for HostPattern {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let host = text.strip_prefix("*.").unwrap_or(text);
        if is_host(host) { Ok(Self(text.to_owned())) } else { Err(InvalidTemplate::Pattern(text.to_owned())) }
    }
}

impl HostPattern {
    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a task may name this host, which may have places in it.
    pub(super) fn fits(&self, host: &str) -> bool {
        let host = SAMPLE.fill(host);
        let same = match self.0.strip_prefix('*') {
            Some(end) => host.strip_suffix(end).is_some_and(|first| !first.contains('.')),
            None => host == self.0,
        };
        same && is_host(&host)
    }
}

/// Whether the cluster takes this as a host: parts of letters in lower case, digits and `-`.
fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let part = |part: &str| {
        (1..=63).contains(&part.len()) && part.chars().all(fits) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= MAX_HOST && text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["apps.example.org", "{task}-{port}.apps.example.org", "{task}.{namespace}.test", "localhost"] {
            assert!(host.parse::<HostTemplate>().is_ok(), "{host}");
        }
        for host in ["", "{id}.test", "Apps.test", "*.test", "a..b", "-a.test", "a.test/x", "https://a.test"] {
            assert!(host.parse::<HostTemplate>().is_err(), "{host}");
        }
    }

    #[test]
    fn paths() {
        let regular = "/{namespace}/{task}/{port}(/|$)(.*)";
        assert!(regular.parse::<PathTemplate>().is_ok());
        let default = PathTemplate::default();
        assert_eq!(default.as_str().parse(), Ok(default.clone()));
        for path in [
            "",
            "/",
            "/{task}/{port}",
            "{namespace}/{task}/{port}",
            "/{namespace}/{task}",
            "/{namespace}/{task} {port}",
        ] {
            assert!(path.parse::<PathTemplate>().is_err(), "{path}");
        }
    }

    #[test]
    fn patterns() {
        let wild: HostPattern = "*.apps.test".parse().unwrap();
        for (host, fits) in [
            ("mine.apps.test", true),
            ("{task}-{port}.apps.test", true),
            ("a.b.apps.test", false),
            (".apps.test", false),
            ("apps.test", false),
            ("mine.apps.test.evil", false),
            ("Mine.apps.test", false),
            ("*.apps.test", false),
        ] {
            assert_eq!(wild.fits(host), fits, "{host}");
        }
        let one: HostPattern = "mine.test".parse().unwrap();
        assert!(one.fits("mine.test") && !one.fits("other.test"));
        assert!("*".parse::<HostPattern>().is_err() && "*a.test".parse::<HostPattern>().is_err());
    }
}
