//! Events to values, without recursion.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, ScalarStyle};
use serde_json::{Map, Value};

use super::{Budget, Document, Reason, YamlError, line_of, scalar};

/// A value with its cost.
#[derive(Debug, Clone)]
struct Node {
    value: Value,
    /// Values in it, itself included.
    size: usize,
    /// Levels of containers in it.
    height: usize,
}

#[derive(Debug)]
enum Container {
    List(Vec<Value>),
    Map {
        fields: Map<String, Value>,
        key: Option<Key>,
        /// Values of `<<`, in order; what the mapping itself says wins over them.
        merges: Vec<Value>,
    },
}

#[derive(Debug)]
enum Key {
    Name(String),
    Merge,
}

#[derive(Debug)]
struct Frame {
    container: Container,
    anchor: usize,
    size: usize,
    height: usize,
}

/// Builds one document after the other; the budget is the whole stream's.
#[derive(Debug)]
pub(super) struct Builder {
    budget: Budget,
    nodes: usize,
    copied: usize,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Value>,
    line: Option<u32>,
    item_lines: Vec<u32>,
}

impl Builder {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            nodes: 0,
            copied: 0,
            stack: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            line: None,
            item_lines: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.stack.clear();
        self.anchors.clear();
        self.root = None;
        self.line = None;
        self.item_lines.clear();
    }

    /// The document built since the last call; none where there was nothing but comments.
    pub(super) fn finish(&mut self) -> Option<Document> {
        let value = self.root.take().filter(|value| !value.is_null());
        let line = self.line.take().unwrap_or(1);
        let item_lines = std::mem::take(&mut self.item_lines);
        self.reset();
        value.map(|value| Document { value, line, item_lines })
    }

    pub(super) fn event(&mut self, event: Event<'_>, at: Marker) -> Result<(), YamlError> {
        let place = (line_of(at.line()), line_of(at.col().saturating_add(1)));
        self.step(event, place).map_err(|reason| YamlError { line: place.0, column: place.1, reason })
    }

    fn step(&mut self, event: Event<'_>, (line, _): (u32, u32)) -> Result<(), Reason> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.opens(line);
                if self.expects_key() {
                    let key = match style {
                        ScalarStyle::Plain if tag.is_none() && text == "<<" => Key::Merge,
                        _ => Key::Name(scalar::key(text, style, tag.as_deref())?),
                    };
                    if anchor != 0
                        && let Key::Name(name) = &key
                    {
                        self.anchor(anchor, &Node { value: Value::String(name.clone()), size: 1, height: 0 })?;
                    }
                    return self.key(key);
                }
                self.count(1)?;
                let value = scalar::value(text, style, tag.as_deref())?;
                self.place(Node { value, size: 1, height: 0 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.open(Container::List(Vec::new()), anchor, line),
            Event::MappingStart(_, anchor, _) => {
                self.open(Container::Map { fields: Map::new(), key: None, merges: Vec::new() }, anchor, line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                self.opens(line);
                // An alias inside the node that it names has no finished node to stand for.
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Reason::NotJson("an alias inside its own anchor has no end".to_owned()));
                };
                self.copied = self.copied.saturating_add(node.size);
                if self.copied > self.budget.copied {
                    return Err(Reason::Budget("repetition by alias"));
                }
                let node = node.clone();
                if self.expects_key() {
                    return match node.value {
                        Value::String(name) => self.key(Key::Name(name)),
                        _ => Err(Reason::NotJson("a key must be text".to_owned())),
                    };
                }
                self.count(node.size)?;
                self.place(node, 0)
            }
            _ => Ok(()),
        }
    }

    /// Notes where the document and the elements of its `items` begin.
    fn opens(&mut self, line: u32) {
        self.line.get_or_insert(line);
        if let [root, items] = self.stack.as_slice()
            && matches!(&root.container, Container::Map { key: Some(Key::Name(name)), .. } if name == "items")
            && matches!(&items.container, Container::List(_))
        {
            self.item_lines.push(line);
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { container: Container::Map { key: None, .. }, .. }))
    }

    fn count(&mut self, nodes: usize) -> Result<(), Reason> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.budget.nodes { Err(Reason::Budget("content")) } else { Ok(()) }
    }

    fn open(&mut self, container: Container, anchor: usize, line: u32) -> Result<(), Reason> {
        self.opens(line);
        if self.expects_key() {
            return Err(Reason::NotJson("a key must be text, not a list or a mapping".to_owned()));
        }
        if self.stack.len() >= self.budget.depth {
            return Err(Reason::Budget("nesting"));
        }
        self.count(1)?;
        self.stack.push(Frame { container, anchor, size: 1, height: 1 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Reason> {
        let Some(Frame { container, anchor, size, height }) = self.stack.pop() else { return Ok(()) };
        let value = match container {
            Container::List(items) => Value::Array(items),
            Container::Map { mut fields, merges, .. } => {
                for merge in merges {
                    merge_into(&mut fields, merge)?;
                }
                Value::Object(fields)
            }
        };
        self.place(Node { value, size, height }, anchor)
    }

    fn anchor(&mut self, anchor: usize, node: &Node) -> Result<(), Reason> {
        // Nested anchors keep their contents once for each level.
        self.copied = self.copied.saturating_add(node.size);
        if self.copied > self.budget.copied {
            return Err(Reason::Budget("content under anchors"));
        }
        self.anchors.insert(anchor, node.clone());
        Ok(())
    }

    fn key(&mut self, name: Key) -> Result<(), Reason> {
        let Some(Frame { container: Container::Map { fields, key, .. }, .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        if let Key::Name(name) = &name
            && fields.contains_key(name)
        {
            return Err(Reason::DuplicateKey(name.clone()));
        }
        *key = Some(name);
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Reason> {
        if anchor != 0 {
            self.anchor(anchor, &node)?;
        }
        if self.stack.len().saturating_add(node.height) > self.budget.depth {
            return Err(Reason::Budget("nesting"));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node.value);
            return Ok(());
        };
        frame.size = frame.size.saturating_add(node.size);
        frame.height = frame.height.max(node.height.saturating_add(1));
        match &mut frame.container {
            Container::List(items) => items.push(node.value),
            Container::Map { fields, key, merges } => match key.take() {
                Some(Key::Name(name)) => {
                    fields.insert(name, node.value);
                }
                Some(Key::Merge) => merges.push(node.value),
                None => {}
            },
        }
        Ok(())
    }
}

fn merge_into(fields: &mut Map<String, Value>, merge: Value) -> Result<(), Reason> {
    let not_a_map = || Reason::NotJson("`<<` takes a mapping or a list of mappings".to_owned());
    match merge {
        Value::Object(merged) => {
            for (name, value) in merged {
                fields.entry(name).or_insert(value);
            }
            Ok(())
        }
        Value::Array(list) => list.into_iter().try_for_each(|entry| match entry {
            Value::Object(_) => merge_into(fields, entry),
            _ => Err(not_a_map()),
        }),
        _ => Err(not_a_map()),
    }
}
