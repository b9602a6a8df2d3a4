//! Events become a tree: anchors are followed, merge keys merged, repeated keys refused, and all of it within bounds.

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, ScalarStyle};

use super::{Broken, Node, Span, Value, events, merge, scalar};

/// Values inside values. No task comes near it, and the library's time per token grows with it.
const MAX_DEPTH: usize = 64;

/// What anchors and aliases may add to a document, in values and in bytes of text. An honest file costs a fraction; a file of a few
/// lines whose aliases repeat each other can cost more than all memory.
const MAX_ALIASED: usize = 1 << 18;

/// All documents of the text that hold something.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Broken> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut composer = Composer { end: text.len(), ends_open: !text.ends_with('\n'), ..Composer::default() };
    events::each(text, |event| composer.take(event))?;
    composer.documents.retain(|document| !document.is_null());
    Ok(composer.documents)
}

/// What is being read: open collections and what is known so far.
#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<String, Anchored>,
    documents: Vec<Node>,
    aliased: usize,
    end: usize,
    ends_open: bool,
}

struct Anchored {
    node: Node,
    cost: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    anchor: Option<String>,
    span: Span,
    content: Content,
    cost: usize,
}

/// What a collection holds so far.
enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<(Node, Node)>,
        /// A key whose value has not come yet.
        key: Option<Node>,
    },
}

impl Content {
    fn push(&mut self, node: Node) {
        match self {
            Self::List(items) => items.push(node),
            Self::Map { entries, key } => match key.take() {
                Some(name) => entries.push((name, node)),
                None => *key = Some(node),
            },
        }
    }

    fn into_value(self) -> Result<Value, Broken> {
        Ok(match self {
            Self::List(items) => Value::List(items),
            Self::Map { entries, .. } => Value::Map(merge::mapping(entries)?),
        })
    }
}

impl Composer {
    fn take(&mut self, event: Event) -> Result<(), Broken> {
        let span = events::span(event.start_mark, event.end_mark);
        match event.data {
            EventData::DocumentStart { .. } => self.anchors.clear(),
            EventData::Alias { anchor } => {
                let known = self.anchors.get(&anchor);
                let known =
                    known.ok_or_else(|| Broken::at(span, format!("the anchor `{anchor}` is not known here")))?;
                let (node, cost) = (known.node.clone(), known.cost);
                self.pay(cost, span)?;
                self.close(node, None, cost)?;
            }
            EventData::Scalar { anchor, tag, value, style, .. } => {
                let cost = 1 + value.len() / 16;
                let value = self.without_added_break(value, style, span);
                let value = scalar::resolve(value, tag.as_deref(), style == ScalarStyle::Plain)
                    .map_err(|message| Broken::at(span, message))?;
                self.close(Node { value, span }, anchor, cost)?;
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.open(Content::List(Vec::new()), anchor, tag.as_deref(), span)?;
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.open(Content::Map { entries: Vec::new(), key: None }, anchor, tag.as_deref(), span)?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                let Some(done) = self.open.pop() else { return Ok(()) };
                let span = Span { end: span.end, ..done.span };
                let value = done.content.into_value()?;
                self.close(Node { value, span }, done.anchor, done.cost)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes away the line break that was added to the file's end, where it became part of a block scalar.
    fn without_added_break(&self, mut value: String, style: ScalarStyle, span: Span) -> String {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if self.ends_open && block && span.end > self.end && value.ends_with('\n') {
            value.pop();
        }
        value
    }

    fn open(&mut self, content: Content, anchor: Option<String>, tag: Option<&str>, span: Span) -> Result<(), Broken> {
        let own = match content {
            Content::List(_) => "tag:yaml.org,2002:seq",
            Content::Map { .. } => "tag:yaml.org,2002:map",
        };
        if tag.is_some_and(|tag| tag != own && tag != "!") {
            return Err(Broken::at(span, scalar::NO_TAGS));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Broken::at(span, format!("values are nested too deeply: {MAX_DEPTH} levels are the most")));
        }
        self.open.push(Open { anchor, span, content, cost: 1 });
        Ok(())
    }

    /// A value is complete: it goes where it belongs.
    fn close(&mut self, node: Node, anchor: Option<String>, cost: usize) -> Result<(), Broken> {
        if let Some(anchor) = anchor {
            self.pay(cost, node.span)?;
            if self.anchors.contains_key(&anchor) {
                return Err(Broken::at(node.span, format!("the anchor `{anchor:.80}` is there twice")));
            }
            self.anchors.insert(anchor, Anchored { node: node.clone(), cost });
        }
        match self.open.last_mut() {
            Some(parent) => {
                parent.cost = parent.cost.saturating_add(cost);
                parent.content.push(node);
            }
            None => self.documents.push(node),
        }
        Ok(())
    }

    /// Every copy of a value costs.
    fn pay(&mut self, cost: usize, span: Span) -> Result<(), Broken> {
        self.aliased = self.aliased.saturating_add(cost);
        if self.aliased > MAX_ALIASED {
            return Err(Broken::at(span, "the anchors and aliases of this file make it too large"));
        }
        Ok(())
    }
}
