//! The lines of a task's log across any number of connections: nothing lost, nothing twice, bytes unchanged. No IO here.
//!
//! The gateway is asked to put a stamp before every line; it is taken off again unless the user wants it. When a
//! connection breaks, the next one is asked for from a whole second on, and of every node as many lines are dropped as
//! were printed from that second on. Counting, not comparing of stamps alone: several lines may have one stamp, and a
//! container's two streams are stamped apart and may stand in another order than their stamps.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

/// A line is printed as a whole, so that a cut inside it is no matter; a longer one in pieces.
const LONGEST_WHOLE_LINE: usize = 1 << 20;
/// `node-999 | 2026-11-24T10:00:00.000000000+00:00 `: what may stand before a line's own text.
const LONGEST_HEAD: usize = 64;
/// The form of a stamp up to its zone.
const STAMP: &[u8] = b"0000-00-00T00:00:00.000000000";
/// How a line of the gateway's own begins, which has no stamp.
const REMARK: &[u8] = b"[k8s-cli:";
/// Printed where lines that there were are gone.
const GAP: &[u8] = b"[k8s-cli: lines may be missing here, the cluster no longer has them]\n";

/// Rank of a node; `None` where lines carry no name of a node.
type Rank = Option<u32>;

/// Puts the connections of one log together.
#[derive(Debug)]
pub(crate) struct Splice {
    show_stamps: bool,
    /// Whether the gateway stamps lines; unknown before the first. Without stamps everything is passed on as it comes.
    stamped: Option<bool>,
    nodes: BTreeMap<Rank, Node>,
    /// The beginning of a line whose end has not come.
    pending: Vec<u8>,
    /// The line of which a piece was taken out of `pending`.
    open: Option<Line>,
    /// A line of which a piece was printed before the connection broke.
    torn: Option<Line>,
}

/// What was printed of one node, as far as the next connection needs to know it.
#[derive(Debug, Default)]
struct Node {
    /// Stamps of the last second and the one before it, in the order of the lines.
    recent: Vec<Timestamp>,
    latest: Option<Timestamp>,
    skip: Skip,
    /// Whether the last line was dropped: then so is what follows it without a stamp.
    dropped: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Skip {
    /// Everything is new.
    #[default]
    Nothing,
    /// So many of `recent` are still to come.
    Known(usize),
    /// The log is not the one that was known: everything up to this stamp.
    UpTo(Timestamp),
}

#[derive(Clone, Copy, Debug)]
struct Line {
    rank: Rank,
    stamp: Option<Timestamp>,
    /// Bytes printed of it, in whichever connection.
    printed: usize,
    /// Bytes seen of it in this connection.
    seen: usize,
    drop: bool,
}

/// From where the next connection must read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// As the first connection did: some node has not said anything yet.
    FromStart,
    /// From this second on.
    From(String),
    /// Lines without stamps were printed: nobody knows where they end.
    Impossible,
}

impl Splice {
    pub(crate) fn new(show_stamps: bool) -> Self {
        let nodes = BTreeMap::new();
        Self { show_stamps, stamped: None, nodes, pending: Vec::new(), open: None, torn: None }
    }

    /// Whether no line has come yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether the lines name their nodes, so that several nodes are to be expected.
    pub(crate) fn names_nodes(&self) -> bool {
        self.nodes.keys().any(Option::is_some)
    }

    /// Bytes have come; what is to be printed is appended to `out`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() && self.stamped != Some(false) {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            bytes = rest;
            if end.is_some() && self.pending.is_empty() {
                self.piece(piece, true, out);
                continue;
            }
            self.pending.extend_from_slice(piece);
            let unstamped =
                self.stamped.is_none() && !may_have_head(&self.pending) && Head::of(&self.pending).stamp.is_none();
            if end.is_some() || unstamped || self.pending.len() > LONGEST_WHOLE_LINE {
                let piece = std::mem::take(&mut self.pending);
                self.piece(&piece, end.is_some(), out);
            }
        }
        out.extend_from_slice(bytes);
    }

    /// The log has ended for good: a last line without its end is printed as it is.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.piece(&rest, true, out);
        }
    }

    /// Whether another connection can go on where this one is.
    pub(crate) fn can_resume(&self) -> bool {
        self.stamped != Some(false)
    }

    /// The connection broke. `expected` nodes write to this log.
    pub(crate) fn broke(&mut self, expected: usize) -> Resume {
        self.pending.clear();
        if !self.can_resume() {
            return Resume::Impossible;
        }
        if let Some(line) = self.open.take().filter(|line| !line.drop && line.printed > 0) {
            self.torn = Some(line);
        }
        for node in self.nodes.values_mut() {
            node.skip = if node.recent.is_empty() { Skip::Nothing } else { Skip::Known(node.recent.len()) };
            node.dropped = false;
        }
        let first = self.nodes.values().filter_map(Node::window).min();
        match first.and_then(|second| Timestamp::from_second(second).ok()) {
            Some(second) if self.nodes.len() >= expected => Resume::From(second.to_string()),
            _ => Resume::FromStart,
        }
    }

    /// The end (`ends`) or another piece of a line; with its head if it is the beginning.
    fn piece(&mut self, bytes: &[u8], ends: bool, out: &mut Vec<u8>) {
        let head = Head::of(bytes);
        if self.stamped.is_none() && !bytes[head.prefix..].starts_with(REMARK) {
            self.stamped = Some(head.stamp.is_some());
        }
        if self.stamped == Some(false) {
            return out.extend_from_slice(bytes);
        }
        let begins = self.open.is_none();
        let mut line = self.open.take().unwrap_or_else(|| self.begin(&head, &bytes[head.prefix..], out));
        if !line.drop {
            let strip = begins && !self.show_stamps;
            let (before, text) = if strip { (&bytes[..head.prefix], &bytes[head.length..]) } else { (&[][..], bytes) };
            for part in [before, text] {
                let known = line.printed.saturating_sub(line.seen).min(part.len());
                out.extend_from_slice(&part[known..]);
                line.seen += part.len();
                line.printed = line.printed.max(line.seen);
            }
            if ends && let Some(stamp) = line.stamp {
                self.nodes.entry(line.rank).or_default().add(stamp);
            }
        }
        self.open = (!ends).then_some(line);
    }

    /// A line begins: is it new, or was it printed by an earlier connection?
    fn begin(&mut self, head: &Head, text: &[u8], out: &mut Vec<u8>) -> Line {
        let mut line = Line { rank: head.rank, stamp: head.stamp, printed: 0, seen: 0, drop: false };
        match head.stamp {
            Some(stamp) => {
                let node = self.nodes.entry(head.rank).or_default();
                line.drop = node.knows(stamp, out);
                node.dropped = line.drop;
            }
            None if text.starts_with(REMARK) => return line,
            None => line.drop = self.nodes.get(&head.rank).is_some_and(|node| node.dropped),
        }
        if !line.drop
            && let Some(torn) = self.torn.take()
        {
            if (torn.rank, torn.stamp) == (line.rank, line.stamp) {
                line.printed = torn.printed;
            } else {
                out.push(b'\n');
            }
        }
        line
    }
}

impl Node {
    fn add(&mut self, stamp: Timestamp) {
        let before = self.window();
        self.latest = self.latest.max(Some(stamp));
        let window = self.window();
        if before != window {
            self.recent.retain(|known| Some(known.as_second()) >= window);
        }
        if Some(stamp.as_second()) >= window {
            self.recent.push(stamp);
        }
    }

    /// The first second of `recent`.
    fn window(&self) -> Option<i64> {
        self.latest.map(|latest| latest.as_second() - 1)
    }

    /// Whether the line with this stamp was printed before.
    fn knows(&mut self, stamp: Timestamp, out: &mut Vec<u8>) -> bool {
        if let (Skip::Known(left), Some(first), Some(latest)) = (self.skip, self.recent.first(), self.latest) {
            let at_first = left == self.recent.len();
            // Older than the window, or than the first line that was asked for.
            if Some(stamp.as_second()) < self.window() || (at_first && stamp < *first) {
                return true;
            }
            if !at_first || stamp == *first {
                self.skip = if left > 1 { Skip::Known(left - 1) } else { Skip::Nothing };
                return true;
            }
            self.skip = Skip::UpTo(latest);
            if stamp > latest {
                out.extend_from_slice(GAP);
            }
        }
        if let Skip::UpTo(latest) = self.skip {
            if stamp <= latest {
                return true;
            }
            self.skip = Skip::Nothing;
        }
        false
    }
}

/// What stands before a line's own text: `node-1 | `, then the stamp and a blank.
#[derive(Debug)]
struct Head {
    rank: Rank,
    stamp: Option<Timestamp>,
    /// Bytes of the node's name.
    prefix: usize,
    /// Bytes of all of it.
    length: usize,
}

impl Head {
    fn of(line: &[u8]) -> Self {
        let (rank, prefix) = rank(line).map_or((None, 0), |(rank, length)| (Some(rank), length));
        match stamp(&line[prefix..]) {
            Some((stamp, length)) => Self { rank, stamp: Some(stamp), prefix, length: prefix + length },
            None => Self { rank, stamp: None, prefix, length: prefix },
        }
    }
}

/// The rank in `node-1 | `, and its length.
fn rank(line: &[u8]) -> Option<(u32, usize)> {
    let rest = line.strip_prefix(b"node-")?;
    let digits = rest.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    rest[digits..].strip_prefix(b" | ")?;
    let rank = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    Some((rank, "node-".len() + digits + " | ".len()))
}

/// The time in `2026-11-24T10:00:00.123456789Z `, and its length with the blank. The nine digits are the kubelet's: a
/// program's own times seldom have them.
fn stamp(text: &[u8]) -> Option<(Timestamp, usize)> {
    let end = text.iter().take(40).position(|byte| matches!(byte, b' ' | b'\n'))?;
    let shaped = end > STAMP.len() && may_be_stamp(text);
    let time = std::str::from_utf8(&text[..end]).ok().filter(|_| shaped)?.parse().ok()?;
    Some((time, end + usize::from(text[end] == b' ')))
}

/// Whether the text is, or begins, a stamp.
fn may_be_stamp(text: &[u8]) -> bool {
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.iter().zip(STAMP).all(fits)
}

/// Whether this beginning of a line may still turn out to be stamped.
fn may_have_head(line: &[u8]) -> bool {
    let begins = |whole: &[u8]| line.starts_with(whole) || whole.starts_with(line);
    line.len() < LONGEST_HEAD && (may_be_stamp(line) || begins(b"node-") || begins(REMARK))
}

#[cfg(test)]
#[path = "splice_tests.rs"]
mod tests;
