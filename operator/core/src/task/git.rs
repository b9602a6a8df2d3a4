//! Why a repository cannot be checked out, from the words of git.

use super::checkout::Checkout;

/// Which of the ways in which a checkout fails. Git's own words are kept only where nothing better is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GitFailure {
    /// The host wants to know who asks, and there is no token.
    Private,
    /// The host refuses the token.
    Forbidden,
    /// The host does not have it, or does not say so to whoever asks.
    Absent,
    /// It has no such branch, tag or commit.
    NoRevision,
    /// It has no commit at all.
    Empty,
    /// There is something else at that address.
    NoRepository,
    /// Nobody answers.
    Unreachable,
    /// Nobody whom the image trusts answers.
    Untrusted,
    /// The host has trouble of its own.
    Busy,
    /// The disk is full.
    NoRoom,
    /// The image cannot do it.
    NoGit,
    /// Anything else, with the last words.
    Other(String),
}

/// The first that the message contains decides, so what stands in other messages too comes last.
const WORDS: &[(&str, GitFailure)] = &[
    ("git: not found", GitFailure::NoGit),
    ("git: command not found", GitFailure::NoGit),
    ("executable file not found", GitFailure::NoGit),
    ("no space left on device", GitFailure::NoRoom),
    ("disk quota exceeded", GitFailure::NoRoom),
    ("could not read username", GitFailure::Private),
    ("could not read password", GitFailure::Private),
    ("authentication failed", GitFailure::Forbidden),
    ("returned error: 401", GitFailure::Forbidden),
    ("returned error: 403", GitFailure::Forbidden),
    ("write access to repository not granted", GitFailure::Forbidden),
    ("remote branch ", GitFailure::NoRevision),
    ("couldn't find remote ref", GitFailure::NoRevision),
    ("invalid reference", GitFailure::NoRevision),
    ("reference is not a tree", GitFailure::NoRevision),
    ("not our ref", GitFailure::NoRevision),
    ("ambiguous argument 'head'", GitFailure::Empty),
    ("is this a git repository", GitFailure::NoRepository),
    ("not valid: could not determine hash algorithm", GitFailure::NoRepository),
    ("returned error: 429", GitFailure::Busy),
    ("returned error: 5", GitFailure::Busy),
    ("certificate", GitFailure::Untrusted),
    ("returned error: 404", GitFailure::Absent),
    ("' not found", GitFailure::Absent),
    ("repository not found", GitFailure::Absent),
    ("could not resolve", GitFailure::Unreachable),
    ("failed to connect", GitFailure::Unreachable),
    ("couldn't connect", GitFailure::Unreachable),
    ("timed out", GitFailure::Unreachable),
    ("unable to access", GitFailure::Unreachable),
];

/// Longest words of git that are repeated, in characters.
const MAX_WORDS: usize = 300;

impl GitFailure {
    /// Reads what git says of a repository, whose own address decides nothing.
    pub(super) fn read(said: &str, checkout: &Checkout) -> Self {
        let bare = said.replace(checkout.url.trim_end_matches('/'), "").to_lowercase();
        let known = WORDS.iter().find(|(words, _)| bare.contains(words));
        known.map_or_else(|| Self::Other(last_words(said)), |(_, failure)| failure.clone())
    }

    /// What is said of it, and what to do.
    pub(super) fn of(&self, checkout: &Checkout, image: &str) -> String {
        let Checkout { url, reference } = checkout;
        match self {
            Self::Private => format!(
                "the repository {url} does not exist or is private: check its address, and give a token that may read it \
                 as the secret `GIT_TOKEN`"
            ),
            Self::Forbidden => format!(
                "the host of {url} refuses what `GIT_TOKEN` says: give a token that is valid and may read this repository \
                 (some hosts want a name beside it, as in `https://name@host/…`)"
            ),
            Self::Absent => format!(
                "the repository {url} does not exist, or who asks may not know of it: check its address, and what the token \
                 in `GIT_TOKEN` may read"
            ),
            Self::NoRevision => format!(
                "the repository {url} has no branch, tag or commit `{}`: correct `workdir.ref`",
                reference.as_deref().unwrap_or("HEAD")
            ),
            Self::Empty => format!("the repository {url} has no commit yet: push one"),
            Self::NoRepository => format!("at {url} is no git repository: check the address"),
            Self::Unreachable => format!(
                "the host of {url} cannot be reached from the task's pod: check the address, and ask the administrator \
                 whether pods may reach it; a proxy is named with `HTTPS_PROXY` in `envs`"
            ),
            Self::Untrusted => format!(
                "the host of {url} has a certificate that is not trusted: ask the administrator for a git image with that \
                 authority's certificate (`--git-image` of the operator)"
            ),
            Self::Busy => format!("the host of {url} answers with an error of its own: submit the task again later"),
            Self::NoRoom => {
                format!(
                    "the repository {url} does not fit on the machine's disk: ask for more with `resources.disk_size`"
                )
            }
            Self::NoGit => format!(
                "the image {image}, which checks out {url}, has no `git` and `sh`: the administrator names it with \
                 `--git-image` of the operator"
            ),
            Self::Other(words) if words.is_empty() => {
                format!("the checkout of {url} failed: see `kubectl describe pod`")
            }
            Self::Other(words) => format!("the checkout of {url} failed, git says: {words}"),
        }
    }
}

/// The line in which git gives up, else the last.
fn last_words(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let fatal = lines.clone().rfind(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let words = fatal.or_else(|| lines.clone().next_back()).unwrap_or_default();
    words.chars().filter(|letter| !letter.is_control()).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As git 2.39 and 2.49 say it, and curl for it.
    #[test]
    fn the_words_of_git() {
        let checkout = |reference: Option<&str>| Checkout {
            url: "https://host.test/certificate/repo".to_owned(),
            reference: reference.map(str::to_owned),
        };
        let url = "https://host.test/certificate/repo/";
        for (said, failure, told) in [
            (
                "fatal: could not read Username for 'https://host.test': terminal prompts disabled".to_owned(),
                GitFailure::Private,
                "does not exist or is private",
            ),
            (format!("fatal: Authentication failed for '{url}'"), GitFailure::Forbidden, "refuses"),
            (
                format!("fatal: unable to access '{url}': The requested URL returned error: 403"),
                GitFailure::Forbidden,
                "a token that is valid",
            ),
            (format!("fatal: repository '{url}' not found"), GitFailure::Absent, "does not exist, or"),
            (
                format!("remote: Repository not found.\nfatal: repository '{url}' not found"),
                GitFailure::Absent,
                "check its address",
            ),
            (
                "warning: Could not find remote branch v9 to clone.\nfatal: Remote branch v9 not found in upstream origin"
                    .to_owned(),
                GitFailure::NoRevision,
                "no branch, tag or commit `v9`: correct `workdir.ref`",
            ),
            ("fatal: couldn't find remote ref refs/x".to_owned(), GitFailure::NoRevision, "correct"),
            ("fatal: invalid reference: 0123456".to_owned(), GitFailure::NoRevision, "correct"),
            (format!("fatal: reference is not a tree: {}", "0".repeat(40)), GitFailure::NoRevision, "correct"),
            (
                "fatal: ambiguous argument 'HEAD': unknown revision or path not in the working tree.".to_owned(),
                GitFailure::Empty,
                "push one",
            ),
            (
                format!("fatal: '{url}/info/refs' not valid: is this a git repository?"),
                GitFailure::NoRepository,
                "no git repository",
            ),
            (
                format!("fatal: unable to access '{url}': Could not resolve host: host.test"),
                GitFailure::Unreachable,
                "cannot be reached",
            ),
            (
                format!(
                    "fatal: unable to access '{url}': Failed to connect to host.test port 443 after 134053 ms: Couldn't \
                     connect to server"
                ),
                GitFailure::Unreachable,
                "HTTPS_PROXY",
            ),
            (
                format!(
                    "fatal: unable to access '{url}': server certificate verification failed. CAfile: none CRLfile: none"
                ),
                GitFailure::Untrusted,
                "--git-image",
            ),
            (
                format!("fatal: unable to access '{url}': The requested URL returned error: 503"),
                GitFailure::Busy,
                "again later",
            ),
            ("fatal: write error: No space left on device".to_owned(), GitFailure::NoRoom, "disk_size"),
            ("sky-workdir: line 5: git: not found".to_owned(), GitFailure::NoGit, "image git:1, which checks out"),
            (
                "Cloning\nfatal: early EOF\n".to_owned(),
                GitFailure::Other("fatal: early EOF".to_owned()),
                "git says: fatal: early EOF",
            ),
            (String::new(), GitFailure::Other(String::new()), "kubectl describe pod"),
        ] {
            let checkout = checkout(Some("v9"));
            let read = GitFailure::read(&said, &checkout);
            assert_eq!(read, failure, "{said}");
            let message = read.of(&checkout, "git:1");
            assert!(message.contains(told) && message.contains(&checkout.url), "{message}");
        }
        assert!(GitFailure::NoRevision.of(&checkout(None), "").contains("`HEAD`"));
    }
}
