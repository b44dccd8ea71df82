//! What is inside lists, mappings and words, one after the other.

use std::ops::Range;

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::flaw::Flaw;

/// The three elements that `At` asks for: how many were given, where it stands, what stands there.
pub(super) struct Located<P>(pub(super) u8, pub(super) Range<usize>, pub(super) Option<P>);

impl<'de, P: Deserializer<'de, Error = Flaw>> SeqAccess<'de> for Located<P> {
    type Error = Flaw;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Flaw> {
        self.0 += 1;
        let offset = match self.0 {
            1 => self.1.start,
            2 => self.1.end,
            _ => {
                let place = self.2.take();
                return place.map(|place| seed.deserialize(place)).transpose();
            }
        };
        let offset: U64Deserializer<Flaw> = (offset as u64).into_deserializer();
        seed.deserialize(offset).map(Some)
    }
}

/// The values of a list.
pub(super) struct Items<I>(pub(super) I);

impl<'de, P: Deserializer<'de, Error = Flaw>, I: Iterator<Item = P>> SeqAccess<'de> for Items<I> {
    type Error = Flaw;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Flaw> {
        self.0
            .next()
            .map(|place| seed.deserialize(place))
            .transpose()
    }
}

/// The keys of a mapping, each with its value.
pub(super) struct Entries<P> {
    left: std::vec::IntoIter<(P, P)>,
    value: Option<P>,
}

impl<P> Entries<P> {
    pub(super) fn new(entries: Vec<(P, P)>) -> Self {
        Self {
            left: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de, P: Deserializer<'de, Error = Flaw>> MapAccess<'de> for Entries<P> {
    type Error = Flaw;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Flaw> {
        let Some((key, value)) = self.left.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Flaw> {
        match self.value.take() {
            Some(place) => seed.deserialize(place),
            None => Err(Flaw::New("a value without a key".into())),
        }
    }
}

/// A word, or a key with its value.
pub(super) struct Variant<'t, P>(pub(super) &'t str, pub(super) Option<P>);

impl<'de, P: Deserializer<'de, Error = Flaw>> EnumAccess<'de> for Variant<'_, P> {
    type Error = Flaw;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Flaw> {
        let word: StrDeserializer<'_, Flaw> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de, P: Deserializer<'de, Error = Flaw>> VariantAccess<'de> for Variant<'_, P> {
    type Error = Flaw;

    fn unit_variant(self) -> Result<(), Flaw> {
        match self.1 {
            None => Ok(()),
            Some(_) => Err(Flaw::New("a word".into())),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Flaw> {
        match self.1 {
            Some(place) => seed.deserialize(place),
            None => Err(Flaw::New("a key with its value".into())),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Flaw> {
        Err(Flaw::New("a tuple".into()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Flaw> {
        Err(Flaw::New("a mapping".into()))
    }
}
