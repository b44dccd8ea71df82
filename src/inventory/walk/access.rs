//! What is inside lists, mappings and words, one after the other.

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::super::yaml::Tree;
use super::{Flaw, Place, Step};

/// The three elements that [`super::AT`] asks for.
pub(super) struct Located<'t>(pub(super) u8, pub(super) Option<Place<'t>>);

impl<'de> SeqAccess<'de> for Located<'_> {
    type Error = Flaw;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Flaw> {
        self.0 += 1;
        let offset = |place: &Place<'_>| match self.0 {
            1 => place.span.start as u64,
            _ => place.span.end as u64,
        };
        match (self.0, &self.1) {
            (1 | 2, Some(place)) => {
                let offset: U64Deserializer<Flaw> = offset(place).into_deserializer();
                seed.deserialize(offset).map(Some)
            }
            _ => self
                .1
                .take()
                .map(|place| seed.deserialize(place))
                .transpose(),
        }
    }
}

/// The values of a list.
pub(super) struct Items<I>(pub(super) I);

impl<'de, 't, I: Iterator<Item = Place<'t>>> SeqAccess<'de> for Items<I> {
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
pub(super) struct Entries<'t> {
    left: std::vec::IntoIter<(Place<'t>, Place<'t>)>,
    value: Option<Place<'t>>,
}

impl<'t> Entries<'t> {
    pub(super) fn new(entries: Vec<(Place<'t>, Place<'t>)>) -> Self {
        Self {
            left: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
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
pub(super) struct Variant<'t>(
    pub(super) Place<'t>,
    pub(super) &'t str,
    pub(super) Option<&'t Tree>,
);

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Flaw;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Flaw> {
        let word: StrDeserializer<'_, Flaw> = self.1.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Flaw;

    fn unit_variant(self) -> Result<(), Flaw> {
        match self.2 {
            None => Ok(()),
            Some(_) => Err(Flaw::New("a word".into())),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Flaw> {
        match self.2 {
            Some(value) => seed.deserialize(self.0.at(value, Some(Step::Key(self.1)))),
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
