//! Values with their places, for the shape of an inventory.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};

/// The name by which [`At`] asks for the place of a value: three elements, where it starts, where it ends, the value.
pub const AT: &str = "pgrepl's place";

/// A value and its place in the text; without a value if what stands there is wrong, which a problem tells.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// The place in bytes.
    pub span: Range<usize>,
    /// The value.
    pub value: Option<T>,
    /// How the value is written.
    pub written: Written,
}

/// How a value is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Written {
    /// On one line if it fits there.
    #[default]
    Short,
    /// With a line for each key.
    Block,
    /// With a remark behind it.
    Remark(String),
    /// As a comment with a remark behind it, for somebody to take or to leave.
    Choice(String),
}

/// What ends a line that [`Draft::text`](super::write::Draft::text) makes a comment.
pub(super) const CHOICE: &str = " (or not)";

impl<T> Default for At<T> {
    fn default() -> Self {
        Self {
            span: 0..0,
            value: None,
            written: Written::Short,
        }
    }
}

impl<T> From<T> for At<T> {
    fn from(value: T) -> Self {
        Self {
            value: Some(value),
            ..Self::default()
        }
    }
}

/// A key of a mapping.
pub trait Key {
    /// Says whether it was left out.
    fn absent(&self) -> bool;
}

impl<T> Key for At<T> {
    fn absent(&self) -> bool {
        false
    }
}

impl<T> Key for Option<At<T>> {
    fn absent(&self) -> bool {
        self.is_none()
    }
}

/// Makes a key that says a text; the reader checks it once it is written.
pub fn say<'t, T: From<&'t str>>(text: &'t str) -> Option<At<T>> {
    Some(T::from(text).into())
}

impl<T: Default> At<T> {
    /// Returns the value, made if it is not there.
    pub fn made(&mut self) -> &mut T {
        self.value.get_or_insert_default()
    }

    /// Returns the value, made if it is not there, to be written with a line for each key.
    pub fn block(&mut self) -> &mut T {
        self.written = Written::Block;
        self.made()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Places<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Places<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<At<T>, A::Error> {
                let start = seq.next_element()?.unwrap_or(0);
                let end = seq.next_element()?.unwrap_or(start);
                Ok(At {
                    span: start..end,
                    // The reader has told already why there is none, and goes on.
                    value: seq.next_element().unwrap_or(None),
                    written: Written::Short,
                })
            }
        }
        deserializer.deserialize_tuple_struct(AT, 3, Places(PhantomData))
    }
}

/// What fits on a line goes on one.
const LINE: usize = 80;

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.written {
            Written::Short => {}
            Written::Block => return self.value.serialize(serializer),
            Written::Remark(remark) => {
                return serde_yaml::Commented(&self.value, remark.clone()).serialize(serializer);
            }
            Written::Choice(remark) => {
                let marked = remark.clone() + CHOICE;
                return serde_yaml::Commented(&self.value, marked).serialize(serializer);
            }
        }
        let whole = serde_yaml::to_string(&self.value).map_err(S::Error::custom)?;
        let nests = |line: &str| line.starts_with(' ') || line.ends_with(':');
        let short = whole.len() <= LINE && !whole.contains('#') && !whole.lines().any(nests);
        match serde_json::to_value(&self.value).map_err(S::Error::custom)? {
            serde_json::Value::Object(_) if short => {
                serde_yaml::FlowMap(&self.value).serialize(serializer)
            }
            serde_json::Value::Array(_) if short => {
                serde_yaml::FlowSeq(&self.value).serialize(serializer)
            }
            _ => self.value.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A mapping whose keys are names, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<K, V>(pub Vec<(At<K>, At<V>)>);

impl<K, V> Default for Named<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V> Named<K, V> {
    /// Returns what stands under a name, made if nothing does.
    pub fn entry(&mut self, name: K) -> &mut At<V> {
        let known = self
            .0
            .iter()
            .position(|(key, _)| key.value.as_ref() == Some(&name));
        let at = known.unwrap_or_else(|| {
            self.0.push((name.into(), At::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Named<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);
        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = Named<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<K, V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<K: Serialize, V: Serialize> Serialize for Named<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.0 {
            if let Some(name) = &name.value {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

impl<K: JsonSchema, V: JsonSchema> JsonSchema for Named<K, V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}_by_{}", V::schema_name(), K::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = K::json_schema(generator);
        schemars::json_schema!({
            "type": "object",
            "propertyNames": names,
            "additionalProperties": V::json_schema(generator),
        })
    }
}

/// A number from one bound to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<const LEAST: u32, const MOST: u32>(pub u32);

impl<const LEAST: u32, const MOST: u32> Number<LEAST, MOST> {
    /// Returns the number of a narrower type.
    pub fn to<N: TryFrom<u32>>(self) -> Option<N> {
        self.0.try_into().ok()
    }
}

impl<'de, const LEAST: u32, const MOST: u32> Deserialize<'de> for Number<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounds<const LEAST: u32, const MOST: u32>;
        impl<const LEAST: u32, const MOST: u32> Visitor<'_> for Bounds<LEAST, MOST> {
            type Value = Number<LEAST, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number from {LEAST} to {MOST}")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                u32::try_from(number)
                    .ok()
                    .filter(|number| (LEAST..=MOST).contains(number))
                    .map(Number)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_u64(Bounds)
    }
}

impl<const LEAST: u32, const MOST: u32> Serialize for Number<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<const LEAST: u32, const MOST: u32> JsonSchema for Number<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Number_{LEAST}_{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}
