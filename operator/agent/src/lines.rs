//! Lines over a stream that never blocks, with bounds for what either side may pile up.

use std::io::{self, ErrorKind, Read, Write};

use crate::wire::MAX_LINE;

/// What a peer may leave unread before it is given up.
const MAX_OUTPUT: usize = 256 * 1024;

/// A stream of lines.
pub(crate) struct Lines<S> {
    stream: S,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl<S> Lines<S> {
    /// Over a stream that is set not to block.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, input: Vec::new(), output: Vec::new() }
    }

    /// What it runs over.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Everything was handed to the system.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty()
    }

    /// The next line that is complete. An error if it is too long or not text: nothing good will come.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<String>> {
        let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
            return if self.input.len() > MAX_LINE { Err(ErrorKind::InvalidData.into()) } else { Ok(None) };
        };
        let mut line: Vec<u8> = self.input.drain(..=end).collect();
        line.pop();
        if line.len() > MAX_LINE {
            return Err(ErrorKind::InvalidData.into());
        }
        String::from_utf8(line).map(Some).map_err(|_| ErrorKind::InvalidData.into())
    }
}

impl<S: Read + Write> Lines<S> {
    /// Takes in what there is, a page at most, so that one talker does not keep others waiting. False at the end.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        let mut page = [0; 4096];
        match self.stream.read(&mut page) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.input.extend_from_slice(&page[..count]);
                Ok(true)
            }
            Err(why) if is_temporary(&why) => Ok(true),
            Err(why) => Err(why),
        }
    }

    /// Sends a line, or keeps it for later.
    pub(crate) fn send(&mut self, line: &str) -> io::Result<()> {
        if self.output.len() > MAX_OUTPUT {
            return Err(ErrorKind::OutOfMemory.into());
        }
        self.output.extend_from_slice(line.as_bytes());
        self.output.push(b'\n');
        self.flush()
    }

    /// Sends what was kept, as far as possible.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.output.drain(..count)),
                Err(why) if is_temporary(&why) => return Ok(()),
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }
}

/// It is worth trying again.
pub(crate) fn is_temporary(why: &io::Error) -> bool {
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (Lines<UnixStream>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Lines::new(ours), theirs)
    }

    #[test]
    fn lines_are_put_together() {
        let (mut lines, mut other) = pair();
        assert!(lines.fill().unwrap(), "nothing there is not the end");
        other.write_all(b"one\ntw").unwrap();
        lines.fill().unwrap();
        assert_eq!(lines.next_line().unwrap().as_deref(), Some("one"));
        assert_eq!(lines.next_line().unwrap(), None);
        other.write_all(b"o\n\n").unwrap();
        lines.fill().unwrap();
        assert_eq!(lines.next_line().unwrap().as_deref(), Some("two"));
        assert_eq!(lines.next_line().unwrap().as_deref(), Some(""));
        drop(other);
        assert!(!lines.fill().unwrap());
    }

    #[test]
    fn long_lines_and_garbage_are_refused() {
        for bytes in [vec![b'x'; MAX_LINE + 1], [vec![b'x'; MAX_LINE + 1], vec![b'\n']].concat(), vec![0xff, b'\n']] {
            let (mut lines, mut other) = pair();
            other.write_all(&bytes).unwrap();
            lines.fill().unwrap();
            lines.next_line().unwrap_err();
        }
        let (mut lines, mut other) = pair();
        other.write_all(&[vec![b'x'; MAX_LINE], vec![b'\n']].concat()).unwrap();
        lines.fill().unwrap();
        assert_eq!(lines.next_line().unwrap().unwrap().len(), MAX_LINE);
    }

    #[test]
    fn who_does_not_read_is_given_up() {
        let (mut lines, _other) = pair();
        let line = "x".repeat(4000);
        let why = (0..10_000).find_map(|_| lines.send(&line).err()).unwrap();
        assert_eq!(why.kind(), ErrorKind::OutOfMemory);
        assert!(!lines.is_flushed());
    }
}
