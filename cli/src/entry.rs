//! What is to be submitted: a file, standard input, or a command in place of a file.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use crate::error::Error;

/// A task file's text and its name in messages.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) name: String,
}

impl Entry {
    /// A file, `-` for standard input, or, if it has blanks and is no file, a command.
    pub(crate) fn of_path(path: &Path) -> Result<Self, Error> {
        match path.to_str() {
            Some(script) if script.contains(char::is_whitespace) && !path.exists() => Ok(Self::of_script(script)),
            _ => Self::of_file(path),
        }
    }

    /// A file, or `-` for standard input.
    pub(crate) fn of_file(path: &Path) -> Result<Self, Error> {
        let refuse = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::NoTaskFile(path.to_owned()),
            _ => Error::UnreadableTaskFile(path.to_owned(), error),
        };
        let mut bytes = Vec::new();
        let name = if path == Path::new("-") {
            io::stdin().read_to_end(&mut bytes).map_err(refuse)?;
            "stdin".to_owned()
        } else {
            bytes = fs::read(path).map_err(refuse)?;
            path.display().to_string()
        };
        let text = String::from_utf8(bytes).map_err(|error| refuse(io::Error::new(io::ErrorKind::InvalidData, error)));
        Ok(Self { text: text?, name })
    }

    /// One word is a script as it is; several are a program and its arguments, each of which stays one.
    pub(crate) fn of_words(words: &[String]) -> Self {
        match words {
            [script] => Self::of_script(script),
            words => Self::of_script(&words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
        }
    }

    fn of_script(script: &str) -> Self {
        Self { text: sky_taskfile::of_command(script), name: "command".to_owned() }
    }
}

/// A word that a shell reads as this word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        let text = |words: &[&str]| Entry::of_words(&words.iter().map(ToString::to_string).collect::<Vec<_>>()).text;
        assert_eq!(text(&["echo $X; ls"]), "run: \"echo $X; ls\"\n");
        assert_eq!(text(&["python", "-c", "print('a b')", ""]), "run: \"python -c 'print('\\\\''a b'\\\\'')' ''\"\n");
    }
}
