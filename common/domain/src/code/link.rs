//! Links and element strings, read as the readers of GS1 Digital Link read them: which Application Identifiers they
//! contain, and with which values. Which codes these may be is the subject of [`super::lookup`].

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::primary_keys::{PrimaryKey, application_identifier, is_number, primary_key};

/// The Application Identifiers of a link or element string, with their values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Elements(Vec<(String, String)>);

impl Elements {
    /// The value of an Application Identifier; `None` if it is missing, or occurs with different values.
    pub(super) fn get(&self, ai: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(name, _)| name == ai).map(|(_, value)| value.as_str());
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    fn push(&mut self, ai: &str, value: &str) {
        self.0.push((ai.to_owned(), value.to_owned()));
    }
}

/// What a link is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A Digital Link. It has no elements if its qualifiers have an order that the standard forbids.
    Key(Elements),
    /// Another link: its last part, which may be a short code.
    Other(String),
}

/// Reads a link. Scheme, host, the path before the primary key, the fragment and one slash at the end do not matter.
/// `None` if it has no path, or escapes that are not UTF-8.
///
/// A primary key has an even number of parts after its Application Identifier and value. If several parts look like
/// one, the last of them counts: a value, such as a lot, may look like an Application Identifier.
pub(super) fn parse(link: &str) -> Option<Link> {
    let Address { host, path, query } = Address::of(link);
    let parts: Vec<Cow<'_, str>> = path.into_iter().map(decoded).collect::<Option<_>>()?;
    let (code, before) = parts.split_last()?;
    let mut places = (0..before.len()).rev().step_by(2);
    if let Some((key, path)) = places.find_map(|at| Some((primary_key(parts.get(at)?)?, parts.get(at..)?))) {
        return Some(Link::Key(elements_of(key, path, query)));
    }
    if before.is_empty() && host.is_none() {
        return None;
    }
    // A link of another key, although its parts cannot be paired. `link_domain` keeps such parts out of short links.
    if before.iter().any(|part| is_number(part) || primary_key(part).is_some()) {
        return Some(Link::Key(Elements::default()));
    }
    Some(Link::Other(code.clone().into_owned()))
}

/// Whether a link is a short link below a domain: the domain, then one part. Scheme, the case of the host, query,
/// fragment and one slash at the end do not matter. A link that begins with a slash has no host to compare.
#[must_use]
pub fn is_short_link(link: &str, domain: &str) -> bool {
    let (link, domain) = (Address::of(link), Address::of(domain));
    let (mut of_link, of_domain) = (link.with_host(), domain.with_host());
    if of_link.pop().is_none() || of_link.len() != of_domain.len() {
        return false;
    }
    of_link.iter().zip(&of_domain).enumerate().all(|(place, (a, b))| match place {
        0 => a.is_empty() || a.eq_ignore_ascii_case(b),
        _ => decoded(a) == decoded(b),
    })
}

/// Reads an element string with bracketed Application Identifiers, in any order. `None` if it is none.
pub(super) fn parse_element_string(text: &str) -> Option<Elements> {
    let mut elements = Elements::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (ai, after) = bracketed(rest)?;
        // A value may contain brackets, so it ends only at the next Application Identifier.
        let end = after.match_indices('(').map(|(at, _)| at).find(|at| bracketed(after.split_at(*at).1).is_some());
        let (value, next) = after.split_at(end.unwrap_or(after.len()));
        elements.push(ai, value);
        rest = next;
    }
    (!elements.0.is_empty()).then_some(elements)
}

/// An Application Identifier in brackets, and the text after it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('(')?;
    // An Application Identifier has four digits at most. Looking no further keeps this linear in the length of the
    // text.
    let end = inside.bytes().take(5).position(|byte| byte == b')')?;
    let (ai, rest) = inside.split_at_checked(end)?;
    (ai.len() >= 2 && is_number(ai)).then_some((ai, rest.strip_prefix(')')?))
}

/// The parts of a link.
struct Address<'a> {
    /// `None` without a scheme; the host, if there is one, is then the first part of the path.
    host: Option<&'a str>,
    /// Not decoded.
    path: Vec<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn of(link: &'a str) -> Self {
        let link = link.split('#').next().unwrap_or_default();
        let (address, query) = link.split_once('?').map_or((link, None), |(address, query)| (address, Some(query)));
        let (host, path) = match address.split_once("://") {
            None => (None, address),
            Some((_, rest)) => rest.split_once('/').map_or((Some(rest), ""), |(host, path)| (Some(host), path)),
        };
        let mut path: Vec<_> = path.split('/').collect();
        if path.last() == Some(&"") {
            path.pop();
        }
        Self { host, path, query }
    }

    /// The host and the parts of the path.
    fn with_host(&self) -> Vec<&'a str> {
        self.host.into_iter().chain(self.path.iter().copied()).collect()
    }
}

/// The primary key of a path, its qualifiers, and those qualifiers that only the query contains. The standard wants
/// qualifiers in the path, but readers accept them in the query too.
fn elements_of(key: &PrimaryKey, path: &[Cow<'_, str>], query: Option<&str>) -> Elements {
    let mut elements = Elements::default();
    let mut allowed = key.qualifiers.iter();
    for (place, pair) in path.chunks_exact(2).enumerate() {
        let [name, value] = pair else { continue };
        let ai = application_identifier(name).unwrap_or_default();
        // `any` moves on, so each qualifier is accepted once and in order only.
        if place > 0 && !allowed.any(|next| *next == ai) {
            return Elements::default();
        }
        elements.push(ai, value);
    }
    for pair in query.unwrap_or_default().split(['&', ';']) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else { continue };
        let ai = application_identifier(&name).unwrap_or_default();
        if key.qualifiers.contains(&ai) && elements.get(ai).is_none() {
            elements.push(ai, &value);
        }
    }
    elements
}

/// A part of a link without percent-encoding; `None` if it is not UTF-8.
fn decoded(part: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(part).decode_utf8().ok()
}
