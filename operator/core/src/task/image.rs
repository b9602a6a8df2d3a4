//! Why an image cannot be had, from the words of the container runtime.

use std::fmt;

/// Which of the ways in which a pull fails. The runtime's words change from try to try, so that a status made of them would
/// never come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullFailure {
    /// The registry wants other credentials, or does not say that the image does not exist.
    Forbidden,
    /// The registry does not have it.
    Absent,
    /// It exists, but not for this kind of machine.
    OtherArchitecture,
    /// Too many pulls for the registry.
    TooMany,
    /// The machine has no room for it.
    NoRoom,
    /// Nobody answers, or nobody whom the machine trusts.
    Unreachable,
    /// Anything else.
    Other,
}

/// The first that the runtime's message contains decides, so what stands in other messages too comes last.
const WORDS: &[(&str, PullFailure)] = &[
    ("no match for platform", PullFailure::OtherArchitecture),
    ("toomanyrequests", PullFailure::TooMany),
    ("too many requests", PullFailure::TooMany),
    ("no space left on device", PullFailure::NoRoom),
    ("unauthorized", PullFailure::Forbidden),
    ("authorization failed", PullFailure::Forbidden),
    ("authentication required", PullFailure::Forbidden),
    ("no basic auth credentials", PullFailure::Forbidden),
    ("insufficient_scope", PullFailure::Forbidden),
    ("access denied", PullFailure::Forbidden),
    ("requested access to the resource is denied", PullFailure::Forbidden),
    ("403 forbidden", PullFailure::Forbidden),
    ("dial tcp", PullFailure::Unreachable),
    ("no such host", PullFailure::Unreachable),
    ("i/o timeout", PullFailure::Unreachable),
    ("tls", PullFailure::Unreachable),
    ("x509", PullFailure::Unreachable),
    ("server gave http response to https client", PullFailure::Unreachable),
    (": not found", PullFailure::Absent),
    ("manifest unknown", PullFailure::Absent),
    ("name unknown", PullFailure::Absent),
];

impl PullFailure {
    /// Reads what the runtime says of `image`, whose own name decides nothing.
    pub(super) fn read(message: &str, image: &str) -> Self {
        let message = message.replace(image, "").to_lowercase();
        WORDS.iter().find_map(|(words, failure)| message.contains(words).then_some(*failure)).unwrap_or(Self::Other)
    }

    /// What is said of it, and what to do.
    pub(super) fn of(self, image: &str) -> String {
        format!("the image {image} {self}")
    }
}

impl fmt::Display for PullFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => {
                "is not given to us: its registry refuses the credentials, or wants some. Check `spec.imagePullSecrets` (in \
                 a task file SKYPILOT_DOCKER_USERNAME, _PASSWORD and _SERVER), and the image's name"
            }
            Self::Absent => "does not exist in its registry: check its name and tag",
            Self::OtherArchitecture => {
                "is not made for the machine's processor: take one for that architecture, or machines for the image with \
                 `spec.nodeSelector` (kubernetes.io/arch)"
            }
            Self::TooMany => {
                "cannot be pulled now, as its registry gets too many requests. It is tried again by itself; with \
                 credentials in `spec.imagePullSecrets` registries allow more"
            }
            Self::NoRoom => "does not fit on the machine's disk: take a smaller one, or ask the administrator for room",
            Self::Unreachable => {
                "cannot be pulled, as its registry cannot be reached from the machine: check its name, and ask the \
                 administrator whether machines may reach that registry"
            }
            Self::Other => {
                "cannot be pulled: check its name, that it exists, and the credentials for its registry; `kubectl describe \
                 pod` has the runtime's words"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As containerd and the kubelet say it; the second form alternates with the first while the kubelet waits.
    #[test]
    fn the_words_of_runtimes() {
        let back_off = |message: &str| format!("Back-off pulling image \"r.test/a:1\": ErrImagePull: {message}");
        for (message, failure) in [
            (
                r#"failed to pull and unpack image "r.test/a:1": failed to resolve reference "r.test/a:1": r.test/a:1: not found"#,
                PullFailure::Absent,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized",
                PullFailure::Forbidden,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: server message: \
                 insufficient_scope: authorization failed",
                PullFailure::Forbidden,
            ),
            ("unexpected status from HEAD request to https://r.test/v2/: 403 Forbidden", PullFailure::Forbidden),
            (
                r#"failed to do request: Head "https://r.test/v2/": dial tcp [::1]:443: connect: connection refused"#,
                PullFailure::Unreachable,
            ),
            ("failed to do request: dial tcp: lookup r.test on 10.0.0.10:53: no such host", PullFailure::Unreachable),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                PullFailure::Unreachable,
            ),
            ("429 Too Many Requests - Server message: toomanyrequests: You have reached", PullFailure::TooMany),
            ("no match for platform in manifest: not found", PullFailure::OtherArchitecture),
            ("write /var/lib/containerd/x: no space left on device", PullFailure::NoRoom),
            ("unexpected EOF", PullFailure::Other),
        ] {
            assert_eq!(PullFailure::read(message, "r.test/a:1"), failure, "{message}");
            assert_eq!(PullFailure::read(&back_off(message), "r.test/a:1"), failure, "{message}");
        }
        assert_eq!(PullFailure::read("unauthorized/tls:1 is odd", "unauthorized/tls:1"), PullFailure::Other);
    }
}
