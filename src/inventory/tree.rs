//! YAML as a tree that remembers where everything stands.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::Problem;

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
    /// A scalar.
    Text(String),
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping in the order of the file: key, place of the key, value.
    Map(Vec<(String, Range<usize>, Tree)>),
}

struct Builder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// Byte offset of every character: the parser counts characters.
    offsets: Vec<usize>,
    problems: Vec<Problem>,
}

/// Parses one YAML document; keys given twice, aliases and tags are problems.
pub fn parse(text: &str) -> Result<(Tree, Vec<Problem>), Vec<Problem>> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    offsets.push(text.len());
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        offsets,
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

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Problem> {
        match self.parser.next() {
            Some(Ok((event, span))) => {
                let span = self.bytes(span);
                Ok((event, span))
            }
            Some(Err(error)) => {
                let at = self.offset(error.marker().index());
                Err(Problem::new(at..at + 1, "this is not YAML", error.info()))
            }
            None => {
                let end = self.offset(usize::MAX);
                Err(Problem::new(
                    end..end,
                    "this is not YAML",
                    "the file ends too early",
                ))
            }
        }
    }

    fn offset(&self, index: usize) -> usize {
        let last = self.offsets.len() - 1;
        self.offsets[index.min(last)]
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        self.offset(span.start.index())..self.offset(span.end.index())
    }

    fn document(&mut self) -> Result<Tree, Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
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
                Event::DocumentEnd | Event::Nothing => {}
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

    fn value(&mut self, event: Event<'a>, span: Range<usize>) -> Result<Tree, Problem> {
        let start = span.start;
        match event {
            Event::Scalar(text, style, _, tag) => {
                if tag.is_some() {
                    self.problems.push(Problem::new(
                        span.clone(),
                        "tags are not used here",
                        "remove the tag",
                    ));
                }
                let empty =
                    style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null");
                let node = if empty {
                    Node::Empty
                } else {
                    Node::Text(text.into_owned())
                };
                Ok(Tree { span, node })
            }
            Event::SequenceStart(..) => {
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
            Event::MappingStart(..) => {
                let mut entries: Vec<(String, Range<usize>, Tree)> = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::MappingEnd) {
                        return Ok(Tree {
                            span: start..span.end.max(start),
                            node: Node::Map(entries),
                        });
                    }
                    let key_span = span.clone();
                    let key = match self.value(event, span)?.node {
                        Node::Text(key) => key,
                        _ => {
                            self.problems.push(Problem::new(
                                key_span.clone(),
                                "a key must be a word",
                                "not a word",
                            ));
                            String::new()
                        }
                    };
                    if key == "<<" {
                        self.problems.push(Problem::new(
                            key_span.clone(),
                            "merge keys are not supported",
                            "write the keys out",
                        ));
                    }
                    let (event, span) = self.next()?;
                    let value = self.value(event, span)?;
                    if entries.iter().any(|(known, _, _)| *known == key) {
                        self.problems.push(Problem::new(
                            key_span,
                            format!("key `{key}` is given twice"),
                            "second one",
                        ));
                    } else {
                        entries.push((key, key_span, value));
                    }
                }
            }
            Event::Alias(_) => {
                self.problems.push(Problem::new(
                    span.clone(),
                    "aliases are not supported",
                    "write the value out",
                ));
                Ok(Tree {
                    span,
                    node: Node::Empty,
                })
            }
            _ => Err(Problem::new(span, "this is not YAML", "unexpected end")),
        }
    }
}
