//! [`Origin`]: which codes an export holds, as the metadata of its object says (decision 48).

use std::fmt;

use uuid::Uuid;

use super::item::Range;
use crate::code::{CharacterSet, IdKey, Namespace};

/// Which codes an export holds: as text `{namespace} {character set} {id of the first code}`. The number of codes is
/// that of the rows.
///
/// A client that may read the file may read this text. It tells nothing that the file does not: the id of a code is an
/// encrypted index, and an index in the clear would tell how many codes of a shared pool others have (decision 23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The namespace of the pool.
    pub namespace: Namespace,
    /// The characters of the pool.
    pub character_set: CharacterSet,
    /// The id of the first code, in which the number of the pool and the index are encrypted.
    pub first: Uuid,
}

impl Origin {
    /// The origin of the codes of a range.
    #[must_use]
    pub fn of(range: &Range, ids: &IdKey) -> Self {
        Self {
            namespace: range.namespace.clone(),
            character_set: range.character_set,
            first: ids.encode(range.pool_number, range.start),
        }
    }

    /// Reads a text. `None` unless it is what [`fmt::Display`] writes for some origin.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, ' ');
        let (first, character_set, namespace) = (parts.next()?, parts.next()?, parts.next()?);
        let origin = Self {
            namespace: namespace.parse().ok()?,
            character_set: character_set.parse().ok()?,
            first: Uuid::try_parse(first).ok()?,
        };
        (origin.to_string() == text).then_some(origin)
    }

    /// The number of the pool and the index of the first code; `None` if the id is none of a code.
    #[must_use]
    pub fn place(&self, ids: &IdKey) -> Option<(u64, u64)> {
        ids.decode(self.first)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.namespace, self.character_set.as_str(), self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Secret;

    fn range(namespace: &str, character_set: CharacterSet, start: u64) -> Range {
        Range {
            namespace: namespace.parse().unwrap(),
            pool_number: 987_654_321,
            character_set,
            check: String::new(),
            start,
            count: 5,
        }
    }

    #[test]
    fn an_origin_is_read_back_and_leads_to_its_range() {
        let ids = Secret::new(&[7; 32]).unwrap().id_key();
        for (namespace, character_set) in [
            ("sgtin#09506000134352#8", CharacterSet::Alphanumeric),
            ("sscc#9506000#18", CharacterSet::Numeric),
            ("short_code#deployment#8", CharacterSet::Hex),
            ("cpi#9506000A/#1#12", CharacterSet::Numeric),
        ] {
            for start in [0, 30, u64::MAX] {
                let origin = Origin::of(&range(namespace, character_set, start), &ids);
                let read = Origin::parse(&origin.to_string()).unwrap();
                assert_eq!(read, origin);
                assert_eq!(read.place(&ids), Some((987_654_321, start)));
                // It is a header of an HTTP request, and holds no index in the clear.
                assert!(origin.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{origin}");
                assert_ne!(read.place(&Secret::new(&[8; 32]).unwrap().id_key()), Some((987_654_321, start)));
            }
        }
    }

    #[test]
    fn no_other_text_is_an_origin() {
        let id = "00000000-0000-8000-8000-000000000000";
        for text in [
            "".to_owned(),
            "  ".to_owned(),
            id.to_owned(),
            format!("numeric {id}"),
            format!("sscc#9506000#18 {id}"),
            format!("sscc#9506000#18 roman {id}"),
            format!("sscc#x#18 numeric {id}"),
            format!(" sscc#9506000#18 numeric {id}"),
            format!("sscc#9506000#18 numeric {id} "),
            format!("sscc#9506000#18 numeric {}", id.replace('-', "")),
        ] {
            assert_eq!(Origin::parse(&text), None, "{text:?}");
        }
        assert!(Origin::parse(&format!("sscc#9506000#18 numeric {id}")).is_some());
    }
}
