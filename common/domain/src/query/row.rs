//! [`Row`]: the members of one item, in order.

use std::{borrow::Cow, ops::Index};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

/// The name of a member. Those of the collections are constants of the program, so a row allocates none of them.
type Name = Cow<'static, str>;

/// A row: members by name, in order; a relation is the key of the other row (a string) or null.
///
/// A list of pairs, because a row has few members (20 at most, but for organisations), and lists make thousands of rows:
/// looking at each name takes less time than hashing one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row(Vec<(Name, Value)>);

/// What a member that does not exist is.
const NULL: Value = Value::Null;

impl Row {
    /// A row without members.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets a member; a new one becomes the last.
    pub fn insert(&mut self, name: impl Into<Name>, value: Value) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets a member if the row has it.
    pub fn replace(&mut self, name: &str, value: impl FnOnce() -> Value) {
        if let Some((_, old)) = self.0.iter_mut().find(|(known, _)| known == name) {
            *old = value();
        }
    }

    /// Keeps only the members with these names.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// The number of members.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the row has no member.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values, in the order of the members.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl Index<&str> for Row {
    type Output = Value;

    /// The value of a member; null for one that does not exist, as with [`Value`].
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}

impl<const N: usize> From<[(&'static str, Value); N]> for Row {
    /// Members with different names.
    fn from(members: [(&'static str, Value); N]) -> Self {
        Self(members.into_iter().map(|(name, value)| (Name::Borrowed(name), value)).collect())
    }
}

impl FromIterator<(&'static str, Value)> for Row {
    /// Members with different names.
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(members: I) -> Self {
        Self(members.into_iter().map(|(name, value)| (Name::Borrowed(name), value)).collect())
    }
}

impl From<Map<String, Value>> for Row {
    fn from(members: Map<String, Value>) -> Self {
        Self(members.into_iter().map(|(name, value)| (Name::Owned(name), value)).collect())
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            members.serialize_entry(name, value)?;
        }
        members.end()
    }
}
