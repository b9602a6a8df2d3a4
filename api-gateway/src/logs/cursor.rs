//! The lines of one pod's log, across any number of connections: nothing lost, nothing twice, bytes unchanged
//! (but for a newline at the very end, which is always there).
//!
//! No IO in here. The kubelet puts a timestamp before every line; we take it off again and remember it. After a broken
//! connection the log is asked for from a whole second on ([`Cursor::reconnect`]), and as many lines are dropped as had
//! been passed on from that second on. Counting, not comparing of timestamps alone, because a container's stdout and
//! stderr are stamped apart and may stand in the file in another order than their stamps.

use k8s_openapi::jiff::Timestamp;

/// A line is passed on as a whole, so that lines of several nodes do not run into each other; a longer one in pieces.
const LONGEST_WHOLE_LINE: usize = 256 * 1024;

/// How a pod's lines are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Stands before each, because other nodes write to the same stream. Without one they are passed on as they are.
    pub prefix: Option<String>,
    /// Each with its stamp.
    pub timestamps: bool,
}

/// Where a log begins for its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Lines with older stamps are not passed on.
    pub since: Option<Timestamp>,
    /// The first connection began with the last lines, so there are older ones which were never passed on.
    pub midway: bool,
}

/// Where we are in one pod's log.
#[derive(Debug)]
pub struct Cursor {
    style: Style,
    start: Start,
    /// The beginning of a line whose end has not come yet, with its timestamp.
    pending: Vec<u8>,
    /// The line of which a piece has been taken out of `pending`.
    open: Option<OpenLine>,
    /// What has been passed on, as far as a new connection needs to know it.
    window: Option<Window>,
    /// A line of which a piece was passed on before the connection broke: its stamp, and how many bytes.
    torn: Option<(Option<Timestamp>, usize)>,
    /// What to drop at the beginning of this connection.
    skip: Skip,
}

#[derive(Debug)]
struct OpenLine {
    stamp: Option<Timestamp>,
    /// Bytes of the text passed on, in whichever connection.
    passed_on: usize,
    /// Bytes of the text seen in this connection.
    seen: usize,
    drop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    /// Everything is new.
    Nothing,
    /// So many lines, of which the first must have this stamp.
    Lines { left: u64, first: Timestamp },
    /// Lines from before the first one passed on, up to that one; then so many.
    Hidden { left: u64, first: Timestamp },
    /// The file is not the one that we knew: everything up to this stamp.
    UpTo(Timestamp),
}

/// The lines passed on in the last two seconds of stamps.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// The latest second seen; the window begins one before.
    second: i64,
    /// Lines of the second before, and of the latest.
    counts: [u64; 2],
    /// First line of the window in the file's order.
    first: Timestamp,
    /// First line of the latest second in the file's order.
    first_of_latest: Timestamp,
    /// Latest stamp.
    latest: Timestamp,
}

impl Window {
    fn starting_with(stamp: Timestamp) -> Self {
        Self { second: stamp.as_second(), counts: [0, 1], first: stamp, first_of_latest: stamp, latest: stamp }
    }

    fn add(self, stamp: Timestamp) -> Self {
        let [before, latest] = self.counts;
        let newest = self.latest.max(stamp);
        match stamp.as_second() - self.second {
            0 => Self { counts: [before, latest + 1], latest: newest, ..self },
            -1 => Self { counts: [before + 1, latest], ..self },
            1 => Self {
                second: stamp.as_second(),
                counts: [latest, 1],
                first: if latest > 0 { self.first_of_latest } else { stamp },
                first_of_latest: stamp,
                latest: newest,
            },
            ahead if ahead > 1 => Self::starting_with(stamp),
            // Older than the window: a new connection does not ask for it.
            _ => self,
        }
    }
}

impl Cursor {
    /// At the beginning of the log.
    pub fn new(style: Style, start: Start) -> Self {
        Self { style, start, pending: Vec::new(), open: None, window: None, torn: None, skip: Skip::Nothing }
    }

    /// Whether any line has been passed on.
    pub fn has_begun(&self) -> bool {
        self.window.is_some() || self.torn.is_some()
    }

    /// A new connection begins. Returns the second from which to ask for the log; from its beginning if there is none.
    pub fn reconnect(&mut self) -> Option<i64> {
        self.pending.clear();
        if let Some(open) = self.open.take()
            && !open.drop
            && open.passed_on > 0
        {
            self.torn = Some((open.stamp, open.passed_on));
        }
        // Nothing but a piece of the first line, which with `midway` need not come first again.
        let torn = self.torn.and_then(|(stamp, _)| stamp).filter(|_| self.start.midway);
        let (skip, second) = match (&self.window, torn) {
            (Some(window), _) => {
                (Skip::Lines { left: window.counts.iter().sum(), first: window.first }, Some(window.second - 1))
            }
            (None, Some(first)) => (Skip::Hidden { left: 0, first }, Some(first.as_second())),
            (None, None) => (Skip::Nothing, None),
        };
        self.skip = skip;
        second
    }

    /// Bytes have come; what is to be passed on is appended to `out`.
    pub fn feed(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (piece, rest) = chunk.split_at(end);
            chunk = &rest[1..];
            if self.pending.is_empty() {
                self.piece(piece, true, out);
            } else {
                let mut line = std::mem::take(&mut self.pending);
                line.extend_from_slice(piece);
                self.piece(&line, true, out);
                line.clear();
                self.pending = line;
            }
        }
        self.pending.extend_from_slice(chunk);
        if self.pending.len() > LONGEST_WHOLE_LINE {
            let piece = std::mem::take(&mut self.pending);
            self.piece(&piece, false, out);
        }
    }

    /// The log has ended for good: a last line without a newline gets one, as clients of the original rely on whole lines.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() || self.open.is_some() {
            self.piece(&rest, true, out);
        }
    }

    /// The end (`ends`) or another piece of a line, without the newline; at its beginning with the timestamp.
    fn piece(&mut self, bytes: &[u8], ends: bool, out: &mut Vec<u8>) {
        let (mut open, head, text) = match self.open.take() {
            Some(open) => (open, &[][..], bytes),
            None => self.begin(bytes, out),
        };
        if !open.drop {
            let known = open.passed_on.saturating_sub(open.seen).min(text.len());
            let fresh = &text[known..];
            let head = if self.style.timestamps && open.passed_on == 0 { head } else { &[] };
            self.write(&open, head, fresh, ends, out);
            open.seen += text.len();
            open.passed_on = open.passed_on.max(open.seen);
            if ends && let Some(stamp) = open.stamp {
                self.window =
                    Some(self.window.map_or_else(|| Window::starting_with(stamp), |window| window.add(stamp)));
            }
        }
        if !ends {
            self.open = Some(open);
        }
    }

    /// A line begins: its stamp comes off, and it is decided whether it had been passed on before.
    fn begin<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> (OpenLine, &'a [u8], &'a [u8]) {
        let (stamp, text) = split_stamp(bytes);
        let head = &bytes[..bytes.len() - text.len()];
        let mut line = OpenLine { stamp, passed_on: 0, seen: 0, drop: self.is_known(stamp, out) };
        if !line.drop
            && let Some((torn, passed_on)) = self.torn.take()
        {
            if torn == stamp {
                line.passed_on = passed_on;
            } else if self.style.prefix.is_none() {
                out.push(b'\n');
            }
        }
        (line, head, text)
    }

    fn is_known(&mut self, stamp: Option<Timestamp>, out: &mut Vec<u8>) -> bool {
        if stamp.is_some_and(|stamp| self.start.since.is_some_and(|since| stamp < since)) {
            // Never passed on, so never counted either.
            return true;
        }
        let total: u64 = self.window.iter().flat_map(|window| window.counts).sum();
        match (self.skip, stamp) {
            (Skip::Nothing, _) => false,
            // The tail of a line that began before the second asked for has no stamp; it had been passed on.
            (Skip::Lines { .. } | Skip::Hidden { .. }, None) => true,
            (Skip::Lines { left, first }, Some(stamp)) if left == total && stamp != first => {
                let latest = self.window.map_or(first, |window| window.latest);
                if stamp > latest {
                    self.skip = Skip::Nothing;
                    self.mark_gap(out);
                    return false;
                }
                self.skip = if self.start.midway { Skip::Hidden { left, first } } else { Skip::UpTo(latest) };
                true
            }
            (Skip::Lines { left, first }, Some(_)) => {
                self.skip = if left > 1 { Skip::Lines { left: left - 1, first } } else { Skip::Nothing };
                true
            }
            (Skip::Hidden { left, first }, Some(stamp)) => self.is_hidden(left, first, stamp),
            (Skip::UpTo(latest), Some(stamp)) if stamp <= latest => true,
            (Skip::UpTo(_), _) => {
                self.skip = Skip::Nothing;
                false
            }
        }
    }

    /// Whether a line is from before the first one passed on, or is that one and has been passed on as a whole.
    fn is_hidden(&mut self, left: u64, first: Timestamp, stamp: Timestamp) -> bool {
        if stamp == first {
            self.skip = if left > 1 { Skip::Lines { left: left - 1, first } } else { Skip::Nothing };
            return left > 0;
        }
        let is_old = stamp <= self.window.map_or(first, |window| window.latest);
        if !is_old {
            // The first line is gone with its file; this one has not been passed on.
            self.skip = Skip::Nothing;
        }
        is_old
    }

    /// Says in the log itself that lines may be missing.
    pub fn mark_gap(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.style.prefix.as_deref().unwrap_or_default().as_bytes());
        out.extend_from_slice(b"[k8s-cli: lines may be missing here, the cluster no longer has them]\n");
    }

    fn write(&self, line: &OpenLine, head: &[u8], text: &[u8], ends: bool, out: &mut Vec<u8>) {
        // The end of a line that was written in pieces, and nothing is left of it.
        if self.style.prefix.is_some() && text.is_empty() && line.passed_on > 0 {
            return;
        }
        let prefix = self.style.prefix.as_deref().unwrap_or_default();
        for part in [prefix.as_bytes(), head, text] {
            out.extend_from_slice(part);
        }
        // Other nodes may write next, so with a prefix every piece is a line.
        if ends || self.style.prefix.is_some() {
            out.push(b'\n');
        }
    }
}

fn split_stamp(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    // `2026-11-24T10:00:00.000000000Z`, or with an offset in place of the Z.
    let space = line.iter().take(40).position(|byte| *byte == b' ');
    let stamp = space.and_then(|space| std::str::from_utf8(&line[..space]).ok()?.parse().ok());
    match (stamp, space) {
        (Some(stamp), Some(space)) => (Some(stamp), &line[space + 1..]),
        _ => (None, line),
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
