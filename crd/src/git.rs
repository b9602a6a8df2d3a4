//! Addresses and revisions of git repositories: which ones a task can be given, and how they are fetched.

/// Longest address, in bytes.
const MAX_ADDRESS: usize = 4096;
/// Longest name of a branch or tag, in bytes.
const MAX_REVISION: usize = 255;
/// What access tokens begin with at the large hosts.
const TOKENS: [&str; 8] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-"];
/// No account that is put into an address has so long a name; tokens have.
const TOKEN_LENGTH: usize = 36;

/// Why a repository or a revision is none. The sentences go to the user as they are, and never repeat the address: what is
/// wrong with it may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGit {
    /// Neither of the forms that are known.
    #[error("is no address of a git repository: write `https://host/owner/repository`")]
    Address,
    /// Another protocol.
    #[error("only https, and http inside a cluster, is fetched: write `https://host/owner/repository`")]
    Scheme,
    /// SSH on a port of its own, of which nothing follows for https.
    #[error("SSH keys are not supported: write the repository's https address; a private one is read with `GIT_TOKEN`")]
    SshPort,
    /// A password or token, which everybody could read.
    #[error("must not hold a password or token, which everybody could read: give it as the secret `GIT_TOKEN`")]
    Password,
    /// No name of a branch or tag, and no commit.
    #[error("is no branch, tag or commit")]
    Revision,
}

/// The address that a repository is fetched from. SSH addresses become those of https, as SkyPilot tries them.
///
/// # Errors
/// [`InvalidGit`] for what is no address, or holds what must not be read by everybody.
pub fn address(given: &str) -> Result<String, InvalidGit> {
    if given.is_empty() || given.len() > MAX_ADDRESS || given.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(InvalidGit::Address);
    }
    let Some((scheme, rest)) = given.split_once("://") else {
        return of_scp(given);
    };
    let (authority, path) = rest.split_once('/').ok_or(InvalidGit::Address)?;
    let (account, host) = account(authority)?;
    if host.is_empty() || host.starts_with(['-', ':']) || path.trim_matches('/').is_empty() {
        return Err(InvalidGit::Address);
    }
    match scheme.to_ascii_lowercase().as_str() {
        scheme @ ("https" | "http") => {
            let account = account.map(|account| format!("{account}@")).unwrap_or_default();
            Ok(format!("{scheme}://{account}{host}/{path}"))
        }
        "ssh" | "git+ssh" if host.contains(':') => Err(InvalidGit::SshPort),
        "ssh" | "git+ssh" => Ok(format!("https://{host}/{path}")),
        _ => Err(InvalidGit::Scheme),
    }
}

/// `git@host:owner/repository`.
fn of_scp(given: &str) -> Result<String, InvalidGit> {
    let (authority, path) = given.rsplit_once(':').ok_or(InvalidGit::Address)?;
    let (_, host) = account(authority)?;
    let path = path.trim_start_matches('/');
    let fits = !host.is_empty() && !host.contains(['/', ':']) && !host.starts_with(['-', '.', '~']) && !path.is_empty();
    if fits { Ok(format!("https://{host}/{path}")) } else { Err(InvalidGit::Address) }
}

/// The account, if one is named, and the host.
fn account(authority: &str) -> Result<(Option<&str>, &str), InvalidGit> {
    let Some((account, host)) = authority.rsplit_once('@') else { return Ok((None, authority)) };
    let is_token = account.len() >= TOKEN_LENGTH || TOKENS.iter().any(|token| account.starts_with(token));
    if account.contains(':') || is_token { Err(InvalidGit::Password) } else { Ok((Some(account), host)) }
}

/// Checks the name of a branch or tag, or a commit, by git's rules for names (`git check-ref-format`).
///
/// # Errors
/// [`InvalidGit::Revision`].
pub fn check_revision(revision: &str) -> Result<(), InvalidGit> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    let unfit = revision.is_empty()
        || revision.len() > MAX_REVISION
        || revision.starts_with('-')
        || revision.contains("..")
        || revision.contains("@{")
        || revision.chars().any(odd);
    if unfit { Err(InvalidGit::Revision) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_fetched_by_https() {
        for (given, fetched) in [
            ("https://github.com/org/repo.git", "https://github.com/org/repo.git"),
            ("HTTPS://github.com/org/repo", "https://github.com/org/repo"),
            ("http://gitea.tools.svc:3000/org/repo", "http://gitea.tools.svc:3000/org/repo"),
            ("https://ann@dev.azure.com/ann/project/_git/repo", "https://ann@dev.azure.com/ann/project/_git/repo"),
            ("https://x-token-auth@bitbucket.org/org/repo", "https://x-token-auth@bitbucket.org/org/repo"),
            ("git@github.com:org/repo.git", "https://github.com/org/repo.git"),
            ("github.com:/org/repo", "https://github.com/org/repo"),
            ("ssh://git@github.com/org/repo.git", "https://github.com/org/repo.git"),
            ("https://host/a@b:c", "https://host/a@b:c"),
        ] {
            assert_eq!(address(given).as_deref(), Ok(fetched), "{given}");
        }
    }

    #[test]
    fn what_is_no_address_or_tells_too_much_is_refused() {
        for (given, why) in [
            ("", InvalidGit::Address),
            ("org/repo", InvalidGit::Address),
            ("./here:there", InvalidGit::Address),
            ("https://github.com", InvalidGit::Address),
            ("https://github.com/", InvalidGit::Address),
            ("https:///org/repo", InvalidGit::Address),
            ("https://-oProxyCommand/x", InvalidGit::Address),
            ("-oProxyCommand=x:y", InvalidGit::Address),
            ("https://host/a b", InvalidGit::Address),
            ("https://host/a\nb", InvalidGit::Address),
            ("file:///etc/passwd", InvalidGit::Address),
            ("ext::sh -c id", InvalidGit::Address),
            ("git://host/repo", InvalidGit::Scheme),
            ("ftp://host/repo", InvalidGit::Scheme),
            ("ssh://git@host:2222/org/repo", InvalidGit::SshPort),
            ("https://ann:hunter2@host/repo", InvalidGit::Password),
            ("https://:hunter2@host/repo", InvalidGit::Password),
            ("https://ann:hunter@2@host/repo", InvalidGit::Password),
            ("ftp://ann:hunter2@host/repo", InvalidGit::Password),
            ("https://ghp_0123@github.com/org/repo", InvalidGit::Password),
            ("https://0123456789abcdef0123456789abcdef01234567@github.com/org/repo", InvalidGit::Password),
        ] {
            assert_eq!(address(given), Err(why), "{given}");
        }
        assert_eq!(address(&format!("https://host/{}", "x".repeat(MAX_ADDRESS))), Err(InvalidGit::Address));
    }

    #[test]
    fn revisions_are_names_or_commits() {
        for fits in ["main", "v1.0", "feature/x", "refs/pull/7/head", "0123abc", "ü"] {
            assert_eq!(check_revision(fits), Ok(()), "{fits}");
        }
        for unfit in ["", "-u", "a b", "a..b", "HEAD^", "main:file", "a@{1}", "*", "a\n", &"x".repeat(256)] {
            assert_eq!(check_revision(unfit), Err(InvalidGit::Revision), "{unfit}");
        }
    }
}
