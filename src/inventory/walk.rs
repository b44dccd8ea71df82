//! The walk through the tree along the shape: every problem is told, and it goes on.

use std::cell::RefCell;
use std::ops::Range;

use access::{Entries, Items, Located, Variant};
use flaw::Flaw;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::at::AT;
use super::file::SHORT;
use super::schema;
use super::yaml::{Node, NodeKind, Tree};
use crate::inventory::problem::{Problem, nearest};
use crate::inventory::schema::Step;

mod access;
mod flaw;

/// A place of the file where something is to be read.
#[derive(Clone)]
pub struct Spot<'t> {
    /// What stands there; nothing where a key is missing.
    tree: Option<&'t Tree>,
    span: Range<usize>,
    path: Vec<Step<'t>>,
    problems: &'t RefCell<Vec<Problem>>,
}

impl<'t> Spot<'t> {
    /// Begins at the top.
    pub fn top(tree: &'t Tree, problems: &'t RefCell<Vec<Problem>>) -> Self {
        Self {
            tree: Some(tree),
            span: tree.span.clone(),
            path: Vec::new(),
            problems,
        }
    }

    fn at(&self, tree: &'t Tree, step: Option<Step<'t>>) -> Self {
        Self {
            tree: Some(tree),
            span: tree.span.clone(),
            path: self.path.iter().copied().chain(step).collect(),
            problems: self.problems,
        }
    }

    /// The mapping or list for people: "`backup`", "`hosts.server2`".
    fn what(&self) -> String {
        match &self.path[..] {
            [] => "the inventory".into(),
            [.., Step::Key(group), Step::Name(name)] => format!("`{group}.{name}`"),
            [.., Step::Key(key) | Step::Name(key)] => format!("`{key}`"),
        }
    }

    fn key(&self) -> &str {
        match self.path.last() {
            Some(Step::Key(key) | Step::Name(key)) => key,
            None => "the inventory",
        }
    }

    fn tell(&self, span: &Range<usize>, message: &str, label: &str, help: &str) {
        let mut problem = Problem::new(span.clone(), message, label).help(help);
        let nothing = self
            .tree
            .is_none_or(|tree| matches!(tree.node, Node::Empty));
        let secret = |step: &Step<'_>| matches!(step, Step::Key("password"));
        if let Some(at) = self.path.iter().position(secret).filter(|_| !nothing) {
            problem.label = "not shown".into();
            problem.help = schema::usage(&self.path[..=at]);
            problem.secret = true;
        }
        self.problems.borrow_mut().push(problem);
    }

    /// Tells what is wrong with the value, unless that is told already.
    fn fail(&self, flaw: Flaw) -> Flaw {
        if let Flaw::New(text) = flaw {
            let text = text.replace("{key}", self.key());
            let mut lines = text.splitn(3, '\n');
            let mut line = || lines.next().unwrap_or_default();
            self.tell(&self.span, line(), line(), line());
        }
        Flaw::Told
    }

    fn wrong<T>(&self, message: impl Into<String>, label: &str) -> Result<T, Flaw> {
        Err(self.fail(Flaw::New(format!("{}\n{label}", message.into()))))
    }

    /// What stands here; a problem if the key is missing.
    fn node(&self) -> Result<&'t Node, Flaw> {
        match self.tree {
            Some(Tree {
                node: Node::Told, ..
            }) => Err(Flaw::Told),
            Some(tree) => Ok(&tree.node),
            None => self.missing(),
        }
    }

    /// What stands here; a problem if that is nothing.
    fn leaf(&self) -> Result<&'t Node, Flaw> {
        match self.node()? {
            Node::Empty => self.missing(),
            node => Ok(node),
        }
    }

    fn missing<T>(&self) -> Result<T, Flaw> {
        let mut parent = self.clone();
        parent.path.pop();
        let message = format!("`{}` is missing in {}", self.key(), parent.what());
        self.tell(
            &self.span,
            &message,
            "expected it here",
            &schema::usage(&self.path),
        );
        Err(Flaw::Told)
    }

    /// Reads a text, or what YAML takes for something else, if that is taken too.
    fn text<'de, V: Visitor<'de>>(self, takes: &[NodeKind], visitor: V) -> Result<V::Value, Flaw> {
        match self.leaf()? {
            Node::Scalar(text, _) if text.chars().any(char::is_control) => self.wrong(
                "`{key}` holds a control character",
                "a line break, a tab or worse",
            ),
            Node::Scalar(text, kind) if !takes.contains(kind) => Err(self.fail(Flaw::New(
                format!("`{{key}}` must be a text\nYAML takes this for something else\nwrite it in quotes: \"{text}\""),
            ))),
            Node::Scalar(text, _) => visitor.visit_str(text).map_err(|flaw| self.fail(flaw)),
            _ => self.wrong("`{key}` must be a text", "expected a text"),
        }
    }

    fn words<T>(&self, variants: &[&str]) -> Result<T, Flaw> {
        self.wrong(
            "unknown `{key}`",
            &format!("expected one of {}", variants.join(", ")),
        )
    }
}

impl<'de> Deserializer<'de> for Spot<'_> {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self.node()? {
            Node::Empty => match visitor.visit_unit::<Flaw>() {
                Ok(value) => Ok(value),
                Err(_) => self.missing(),
            },
            _ => self.text(
                &[NodeKind::Text, NodeKind::Number, NodeKind::Truth],
                visitor,
            ),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.text(&[NodeKind::Text], visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.text(&[NodeKind::Text, NodeKind::Number], visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        let truth = match self.leaf()? {
            Node::Scalar(text, NodeKind::Truth) => text.eq_ignore_ascii_case("true"),
            Node::Scalar(text, NodeKind::Text) if matches!(text.as_str(), "yes" | "on") => true,
            Node::Scalar(text, NodeKind::Text) if matches!(text.as_str(), "no" | "off") => false,
            _ => return self.words(&["true", "false", "yes", "no", "on", "off"]),
        };
        visitor.visit_bool(truth).map_err(|flaw| self.fail(flaw))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        let number = match self.leaf()? {
            Node::Scalar(text, NodeKind::Number) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => visitor.visit_u64(number),
            None => Err(Flaw::invalid_type(Unexpected::Other("no number"), &visitor)),
        }
        .map_err(|flaw| self.fail(flaw))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self.tree {
            None => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match name {
            AT => visitor.visit_seq(Located(0, self.span.clone(), Some(self))),
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        let items: &[Tree] = match self.node()? {
            Node::List(items) => items,
            Node::Empty => &[],
            _ => return self.wrong("`{key}` must be a list", "expected [ … ]"),
        };
        let items = items.iter().map(|item| self.at(item, None));
        visitor.visit_seq(Items(items))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        let mut entries = Vec::new();
        for (name, key, value) in self.entries()? {
            let step = Some(Step::Name(name));
            entries.push((self.at(key, step), self.at(value, step)));
        }
        visitor.visit_map(Entries::new(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        shape: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        let mut entries = Vec::new();
        let mut missing = fields.to_vec();
        // Of a mapping that is not there nothing is missing but itself.
        if self.tree.is_none() {
            return self.missing();
        }
        let said = match (SHORT.iter().find(|(name, _)| *name == shape), self.tree) {
            (Some((_, key)), Some(text)) if matches!(text.node, Node::Scalar(..)) => {
                vec![(*key, text, text)]
            }
            _ => self.entries().unwrap_or_default(),
        };
        for (name, key, value) in said {
            if !fields.contains(&name) {
                let help = match nearest(name, fields.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys are: {}", fields.join(", ")),
                };
                let message = format!("unknown key `{name}` in {}", self.what());
                self.tell(&key.span, &message, "no such key", &help);
                continue;
            }
            missing.retain(|field| *field != name);
            let step = Some(Step::Key(name));
            entries.push((self.at(key, step), self.at(value, step)));
        }
        // What is missing is read too: an option takes it for nothing, everything else for a problem.
        for field in missing {
            let mut place = self.clone();
            place.span = self.span.start..self.span.start;
            place.tree = None;
            place.path.push(Step::Key(field));
            entries.push((place.clone(), place));
        }
        visitor
            .visit_map(Entries::new(entries))
            .map_err(|flaw| self.fail(flaw))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        let one = match self.leaf()? {
            Node::Scalar(word, _) if variants.contains(&word.as_str()) => Variant(word, None),
            Node::Map(entries) => match &entries[..] {
                [
                    (
                        Tree {
                            node: Node::Scalar(word, _),
                            ..
                        },
                        value,
                    ),
                ] if variants.contains(&word.as_str()) => {
                    Variant(word, Some(self.at(value, Some(Step::Key(word)))))
                }
                _ => return self.one_of(variants),
            },
            _ if self
                .path
                .iter()
                .any(|step| matches!(step, Step::Key("password"))) =>
            {
                return self.wrong("a password does not stand in the inventory itself", "");
            }
            _ => return self.words(variants),
        };
        visitor.visit_enum(one).map_err(|flaw| match flaw {
            Flaw::Told => flaw,
            Flaw::New(_) => self.one_of::<()>(variants).err().unwrap_or(Flaw::Told),
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_unit()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_str(self.key())
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple
    }
}

/// A key of a mapping: its text, itself, its value.
type Entry<'t> = (&'t str, &'t Tree, &'t Tree);

impl<'t> Spot<'t> {
    fn entries(&self) -> Result<Vec<Entry<'t>>, Flaw> {
        match self.node()? {
            Node::Map(entries) => Ok(entries
                .iter()
                .filter_map(|(key, value)| match &key.node {
                    Node::Scalar(name, _) => Some((name.as_str(), key, value)),
                    _ => None,
                })
                .collect()),
            Node::Empty => Ok(Vec::new()),
            _ => self.wrong(
                format!("{} must hold keys and values", self.what()),
                "expected `key: value`",
            ),
        }
    }

    fn one_of<T>(&self, variants: &[&str]) -> Result<T, Flaw> {
        let quoted: Vec<String> = variants.iter().map(|word| format!("`{word}`")).collect();
        let list = match quoted.split_last() {
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        };
        let usage = schema::usage(&self.path);
        self.wrong(
            format!("`{{key}}` wants one of {list}"),
            &format!("expected {usage}"),
        )
    }
}
