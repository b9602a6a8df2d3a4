//! Files of variables, as python-dotenv reads them: SkyPilot's `--env-file` is read by it. No IO here.
//!
//! Not `dotenvy`: it expands `$NAME` without braces, refuses `A=b c`, and looks into the process' environment by itself.

use std::collections::BTreeMap;

/// A line that cannot be read. The line itself is not shown: it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub(crate) struct BadLine {
    line: usize,
    message: &'static str,
}

/// The variables. `look_up` is the environment: for `KEY` alone, and for `${NAME}` in a value that the file has not set.
pub(crate) fn parse(text: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>, BadLine> {
    let mut variables = BTreeMap::new();
    let mut rest = Rest { text: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    loop {
        rest.skip_blank_lines();
        if rest.text.is_empty() {
            return Ok(variables);
        }
        let line = rest.line;
        let (name, value) = rest.entry()?;
        let value = match value {
            None => look_up(&name).ok_or(BadLine { line, message: "a name without a value that is not set here" })?,
            Some(value) => expand(&value, |name| variables.get(name).cloned().or_else(|| look_up(name))),
        };
        variables.insert(name, value);
    }
}

/// What has not been read yet.
struct Rest<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.text.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.text = rest;
        taken
    }

    /// Takes as long as the characters fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        self.take(self.text.find(|c| !fits(c)).unwrap_or(self.text.len()))
    }

    fn skip_blank_lines(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.text.starts_with('#') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn bad<T>(&self, message: &'static str) -> Result<T, BadLine> {
        Err(BadLine { line: self.line, message })
    }

    /// `NAME=value`, `export NAME=value`, `NAME`; up to the end of the line.
    fn entry(&mut self) -> Result<(String, Option<String>), BadLine> {
        let is_blank = |c: char| c.is_whitespace() && c != '\n';
        if let Some(after) = self.text.strip_prefix("export").filter(|after| after.starts_with(is_blank)) {
            self.take(self.text.len() - after.len());
            self.take_while(is_blank);
        }
        let name = self.take_while(|c| c != '=' && c != '#' && !c.is_whitespace()).trim_matches('\'').to_owned();
        if name.is_empty() {
            return self.bad("a name is missing: write `NAME=value`");
        }
        self.take_while(is_blank);
        let value = if self.text.starts_with('=') {
            self.take(1);
            self.take_while(is_blank);
            Some(match self.text.chars().next() {
                Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
                _ => self.plain(),
            })
        } else {
            None
        };
        self.take_while(is_blank);
        match self.text.chars().next() {
            None | Some('\n') => Ok((name, value)),
            Some('#') => {
                self.take_while(|c| c != '\n');
                Ok((name, value))
            }
            Some(_) => self.bad("something stands after the value: put the value in quotes"),
        }
    }

    /// To the end of the line, or to a comment, which has a blank before it.
    fn plain(&mut self) -> String {
        let line = self.take_while(|c| c != '\n');
        let comment = line.char_indices().find(|(at, c)| *c == '#' && line[..*at].ends_with(char::is_whitespace));
        line[..comment.map_or(line.len(), |(at, _)| at)].trim_end().to_owned()
    }

    /// May go over several lines.
    fn quoted(&mut self, quote: char) -> Result<String, BadLine> {
        let begin = self.line;
        let mut value = String::new();
        let mut chars = self.text.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.take(at + 1);
                return Ok(value);
            }
            match (c, quote) {
                ('\\', _) => match chars.next() {
                    Some((_, escaped)) => value.push_str(&unescaped(escaped, quote)),
                    None => break,
                },
                _ => value.push(c),
            }
        }
        Err(BadLine { line: begin, message: "the quote is not closed" })
    }
}

/// What a backslash and the character after it mean.
fn unescaped(c: char, quote: char) -> String {
    let meant = match c {
        '\\' | '\'' => Some(c),
        _ if quote == '\'' => None,
        '"' => Some(c),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
    };
    meant.map_or_else(|| format!("\\{c}"), String::from)
}

/// `${NAME}` and `${NAME:-default}`; what has no value is nothing.
fn expand(value: &str, look_up: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else { break };
        let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
        out.push_str(before);
        out.push_str(&look_up(name).unwrap_or_else(|| default.to_owned()));
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let look_up = |name: &str| (name == "HERE").then(|| "here".to_owned());
        parse(text, look_up).map(|all| all.into_iter().collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn values() {
        for (line, value) in [
            ("A=b c", "b c"),
            ("export A=b", "b"),
            ("  A = b  ", "b"),
            ("A=", ""),
            ("A=b#c", "b#c"),
            ("A=b #c", "b"),
            ("A=#c", "#c"),
            ("A='b #c' # d", "b #c"),
            ("A='it\\'s \\n'", "it's \\n"),
            ("A=\"b\\n\\\"c\\\" \\$\"", "b\n\"c\" \\$"),
            ("A=\"b\nc\"", "b\nc"),
            ("A=b\r", "b"),
            ("B=1\nA=${B}-${HERE}-${NO}-${NO:-d}-$B", "1-here--d-$B"),
            ("A=${open", "${open"),
            ("A=b=c", "b=c"),
            ("'A'=b", "b"),
            ("\u{feff}# comment\n\nA=1\n#end", "1"),
            ("A=1\nA=2", "2"),
        ] {
            let found = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(found[0], ("A".to_owned(), value.to_owned()), "{line}");
        }
        assert_eq!(read("HERE"), Ok(vec![("HERE".to_owned(), "here".to_owned())]));
        assert_eq!(read(" \n# x"), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_read_says_where_and_shows_nothing() {
        for (text, message) in [
            ("A=1\n=hunter2", "line 2: a name is missing: write `NAME=value`"),
            ("A='hunter2\nB=1", "line 1: the quote is not closed"),
            ("A=\"x\ny\" z", "line 2: something stands after the value: put the value in quotes"),
            ("A b", "line 1: something stands after the value: put the value in quotes"),
            ("\nNOWHERE", "line 2: a name without a value that is not set here"),
        ] {
            assert_eq!(read(text), Err(message.to_owned()), "{text}");
        }
    }
}
