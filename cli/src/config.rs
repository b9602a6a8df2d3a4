//! What is remembered between calls: the user, in the original's file and format.

use std::{fs, io, path::PathBuf};

use sky_crd::User;

use crate::error::Error;

/// Where the gateway listens if nothing is said.
const DEFAULT_URL: &str = "http://localhost:8000";

#[derive(serde::Serialize, serde::Deserialize)]
struct UserFile {
    username: String,
}

/// `~/.config/k8s-cli/user.json`, as in the original, which knows no `XDG_CONFIG_HOME`.
fn user_file() -> Result<PathBuf, Error> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).ok_or(Error::NoHome)?;
    Ok(home.join(".config").join("k8s-cli").join("user.json"))
}

/// The user that is logged in. A file that cannot be read means nobody, as in the original.
pub(crate) fn current_user() -> Option<String> {
    let text = fs::read_to_string(user_file().ok()?).ok()?;
    serde_json::from_str::<UserFile>(&text).ok().map(|file| file.username).filter(|user| !user.is_empty())
}

/// The user of a request; an error if nobody is logged in.
pub(crate) fn require_user() -> Result<String, Error> {
    current_user().ok_or(Error::NotLoggedIn)
}

/// Remembers the user.
pub(crate) fn save_user(username: &str) -> Result<(), Error> {
    let refuse = |reason: String| Error::SaveUser(reason);
    username.parse::<User>().map_err(|error| refuse(error.to_string()))?;
    let path = user_file()?;
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_string(&UserFile { username: username.to_owned() })?;
        // Replaced as a whole: a command that runs meanwhile reads the old user or the new one.
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&draft, text)?;
        fs::rename(&draft, &path)
    };
    write().map_err(|error| refuse(format!("{}: {error}", path.display())))
}

/// The gateway's address, from the first option that gives one; without a scheme it is http.
pub(crate) fn api_url<'a>(options: impl IntoIterator<Item = Option<&'a String>>) -> String {
    let given = options.into_iter().flatten().map(|url| url.trim()).find(|url| !url.is_empty());
    let url = given.unwrap_or(DEFAULT_URL).trim_end_matches('/');
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_that_says_something() {
        let url = |options: &[Option<&str>]| {
            let options: Vec<_> = options.iter().map(|option| option.map(str::to_owned)).collect();
            api_url(options.iter().map(Option::as_ref))
        };
        assert_eq!(url(&[None, None]), DEFAULT_URL);
        assert_eq!(url(&[Some(""), Some("http://a:1/")]), "http://a:1");
        assert_eq!(url(&[Some("host:80"), Some("http://a")]), "http://host:80");
    }
}
