//! YAML as a tree that remembers where everything stands: the one place that reads YAML.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};

use crate::inventory::problem::Problem;

/// The largest inventory in bytes.
pub const LARGEST: usize = 1 << 20;

/// How deep lists and mappings may stand in one another.
const DEEPEST: usize = 64;

/// A value and its place in bytes.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it is.
    pub node: Node,
}

/// A YAML value; scalars keep their text as written, so that `1.10` stays `1.10`.
#[derive(Debug, Clone)]
pub enum Node {
    /// Nothing was written.
    Empty,
    /// Something that is not supported, which a problem tells.
    Told,
    /// A scalar, and whether YAML reads it as a number or a truth value.
    Scalar(String, NodeKind),
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping in the order of the file; keys are scalars.
    Map(Vec<(Tree, Tree)>),
}

/// What YAML 1.2 takes a scalar for (core schema, 10.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A truth value.
    Truth,
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    end: usize,
    depth: usize,
    problems: Vec<Problem>,
}

/// Parses one YAML document; keys given twice, anchors, aliases, merge keys and tags are problems.
pub fn parse(text: &str) -> Result<(Tree, Vec<Problem>), Vec<Problem>> {
    if text.len() > LARGEST {
        return Err(vec![Problem::new(
            0..0,
            "the inventory is too large",
            format!("expected at most {LARGEST} bytes"),
        )]);
    }
    if let Some(at) = text.find('\0') {
        return Err(vec![Problem::new(at..at + 1, NOT, "a NUL byte")]);
    }
    let mut options = Options::default();
    options.emit_comments = false;
    options.emit_unresolved_aliases = true;
    // Deeper ones are told apart here; the parser itself does not recurse.
    options.flow_nesting_limit = 4 * DEEPEST;
    options.block_nesting_limit = 4 * DEEPEST;
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        end: text.len(),
        depth: 0,
        problems: Vec::new(),
    };
    match builder.document() {
        Ok(tree) => Ok((tree, builder.problems)),
        Err(problem) => {
            builder.problems.push(problem);
            Err(builder.problems)
        }
    }
}

const NOT: &str = "this is not YAML";

/// Returns what an unquoted scalar is.
fn kind(text: &str) -> NodeKind {
    if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
        return NodeKind::Truth;
    }
    let digits = |text: &str, base| !text.is_empty() && text.chars().all(|c| c.is_digit(base));
    let based = text.strip_prefix("0x").is_some_and(|rest| digits(rest, 16))
        || text.strip_prefix("0o").is_some_and(|rest| digits(rest, 8));
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let special =
        matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN");
    // Rust's own words for what is no number begin with a letter.
    let decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.parse::<f64>().is_ok();
    if based || special || decimal {
        NodeKind::Number
    } else {
        NodeKind::Text
    }
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Problem> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, self.bytes(span))),
            Some(Err(error)) => {
                let at = self.offset(error.marker().byte_offset());
                Err(Problem::new(at..at, NOT, error.info()))
            }
            None => Err(Problem::new(
                self.end..self.end,
                NOT,
                "the file ends too early",
            )),
        }
    }

    fn offset(&self, byte: Option<usize>) -> usize {
        byte.unwrap_or(0).min(self.end)
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        let start = self.offset(span.start.byte_offset());
        start..self.offset(span.end.byte_offset()).max(start)
    }

    fn document(&mut self) -> Result<Tree, Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => {
                    return Err(Problem::new(
                        0..0,
                        "the inventory is empty",
                        "expected `cluster:` and more",
                    ));
                }
                event => {
                    let tree = self.value(event, span)?;
                    self.end()?;
                    return Ok(tree);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentEnd => {}
                _ => {
                    return Err(Problem::new(
                        span,
                        "a second document begins here",
                        "one inventory is one document",
                    ));
                }
            }
        }
    }

    fn complain(&mut self, span: &Range<usize>, what: &str, instead: &str) {
        self.problems.push(Problem::new(
            span.clone(),
            format!("{what} are not supported"),
            instead,
        ));
    }

    fn value(&mut self, event: Event<'a>, span: Range<usize>) -> Result<Tree, Problem> {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if tag {
            self.complain(&span, "tags", "write the value without `!`");
        }
        if anchor > 0 {
            self.complain(&span, "anchors", "write the value without `&`");
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Problem::new(
                span,
                "too many lists and mappings stand in one another",
                format!("expected at most {DEEPEST}"),
            ));
        }
        let tree = match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let empty = matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let kind = if plain { kind(&text) } else { NodeKind::Text };
                let node = if plain && empty {
                    Node::Empty
                } else {
                    Node::Scalar(text.into_owned(), kind)
                };
                Tree { span, node }
            }
            Event::SequenceStart(..) => self.list(span.start)?,
            Event::MappingStart(..) => self.map(span.start)?,
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.complain(&span, "aliases", "write the value out");
                let node = Node::Told;
                Tree { span, node }
            }
            _ => return Err(Problem::new(span, NOT, "unexpected end")),
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn list(&mut self, start: usize) -> Result<Tree, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Tree {
                    span: start..span.end.max(start),
                    node: Node::List(items),
                });
            }
            items.push(self.value(event, span)?);
        }
    }

    fn map(&mut self, start: usize) -> Result<Tree, Problem> {
        let mut entries = Vec::new();
        let mut known = BTreeSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Tree {
                    span: start..span.end.max(start),
                    node: Node::Map(entries),
                });
            }
            let key = self.value(event, span)?;
            let (event, span) = self.next()?;
            let value = self.value(event, span)?;
            let problem = match &key.node {
                Node::Scalar(name, _) if name == "<<" => Problem::new(
                    key.span,
                    "merge keys are not supported",
                    "write the keys out",
                ),
                Node::Scalar(name, _) if known.contains(name) => Problem::new(
                    key.span,
                    format!("key `{name}` is given twice"),
                    "second one",
                ),
                Node::Scalar(name, _) => {
                    known.insert(name.clone());
                    let node = Node::Scalar(name.clone(), NodeKind::Text);
                    let span = key.span;
                    entries.push((Tree { span, node }, value));
                    continue;
                }
                _ => Problem::new(key.span, "a key must be a word", "not a word"),
            };
            self.problems.push(problem);
        }
    }
}
