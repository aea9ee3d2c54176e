//! Filters of `unique_code` that are lookups of whole codes.
//!
//! Codes are not stored, so a filter cannot search them. A whole code, however, can be inverted to the reservation that
//! issued it. Therefore only the forms that name whole codes are allowed; the caller of the module resolves each
//! [`CodeLookup`].

use super::code_lookup::CodeLookup;
use super::condition::{Condition, Scalar, Test};
use super::filter::Filter;
use crate::query::error::QueryError;
use crate::query::limits::MAX_CODE_LOOKUPS;

impl Filter {
    /// The codes that a filter of `unique_code` looks up.
    ///
    /// # Errors
    /// `INVALID_QUERY` if the filter has another form than those that [`Filter::Codes`] allows, or names too many codes.
    pub fn as_code_lookups(&self) -> Result<Vec<CodeLookup>, QueryError> {
        lookups_of(Some(self))
    }
}

/// The codes that a filter of `unique_code` looks up; `None` is a filter without conditions.
///
/// # Errors
/// `INVALID_QUERY` unless the filter is `code` (with `product`), `digital_link`, `epc_join_key` or `epc_hex`, each with
/// `_eq` or `_in`, or an `_or` of these; and if it names more than [`MAX_CODE_LOOKUPS`] codes.
pub(in crate::query) fn lookups_of(filter: Option<&Filter>) -> Result<Vec<CodeLookup>, QueryError> {
    let mut lookups = Vec::new();
    filter.ok_or_else(not_a_lookup).and_then(|f| collect(f, &mut lookups))?;
    if lookups.len() > MAX_CODE_LOOKUPS {
        return Err(QueryError::invalid(format!("A filter can ask for {MAX_CODE_LOOKUPS} codes at most")));
    }
    Ok(lookups)
}

fn not_a_lookup() -> QueryError {
    QueryError::invalid(
        "Codes can be filtered only by \"code\" with \"product\", by \"digital_link\", \"epc_join_key\" or \"epc_hex\", with \
         \"_eq\" or \"_in\"",
    )
}

fn collect(filter: &Filter, out: &mut Vec<CodeLookup>) -> Result<(), QueryError> {
    match filter {
        Filter::Or(any) => any.iter().try_for_each(|f| collect(f, out)),
        Filter::Leaf(leaf) => conjunction(&[leaf], out),
        Filter::And(_) => {
            let mut leaves = Vec::new();
            flatten(filter, &mut leaves)?;
            conjunction(&leaves, out)
        }
        Filter::Codes { .. } => Err(not_a_lookup()),
    }
}

fn flatten<'a>(filter: &'a Filter, out: &mut Vec<&'a Condition>) -> Result<(), QueryError> {
    match filter {
        Filter::And(all) => all.iter().try_for_each(|f| flatten(f, out)),
        Filter::Leaf(leaf) => {
            out.push(leaf);
            Ok(())
        }
        _ => Err(not_a_lookup()),
    }
}

fn conjunction(leaves: &[&Condition], out: &mut Vec<CodeLookup>) -> Result<(), QueryError> {
    let mut named: Vec<(&str, Vec<String>)> = Vec::new();
    for leaf in leaves {
        let name = leaf.path.own_field().ok_or_else(not_a_lookup)?;
        let texts = texts(&leaf.test).ok_or_else(not_a_lookup)?;
        if named.iter().any(|(n, _)| *n == name) {
            return Err(not_a_lookup());
        }
        named.push((name, texts));
    }
    named.sort_unstable();
    // The bound is checked before the product of the two lists is built.
    let total = named.iter().fold(1_usize, |n, (_, list)| n.saturating_mul(list.len().max(1)));
    if total.saturating_add(out.len()) > MAX_CODE_LOOKUPS {
        return Err(QueryError::invalid(format!("A filter can ask for {MAX_CODE_LOOKUPS} codes at most")));
    }
    match named.as_slice() {
        [("code", codes)] => {
            out.extend(codes.iter().map(|c| CodeLookup::Code { code: c.clone(), product: None }));
        }
        [("code", codes), ("product", products)] => {
            for code in codes {
                out.extend(products.iter().map(|p| CodeLookup::Code { code: code.clone(), product: Some(p.clone()) }));
            }
        }
        [("digital_link", links)] => out.extend(links.iter().cloned().map(CodeLookup::DigitalLink)),
        [("epc_hex", tags)] => out.extend(tags.iter().cloned().map(CodeLookup::EpcHex)),
        [("epc_join_key", keys)] => out.extend(keys.iter().cloned().map(CodeLookup::EpcJoinKey)),
        _ => return Err(not_a_lookup()),
    }
    Ok(())
}

fn texts(test: &Test) -> Option<Vec<String>> {
    let text = |s: &Scalar| match s {
        Scalar::Text(text) => Some(text.clone()),
        _ => None,
    };
    match test {
        Test::Equal(one) => Some(vec![text(one)?]),
        Test::In(list) => list.iter().map(text).collect(),
        _ => None,
    }
}
