//! Links and element strings, read as the readers of GS1 Digital Link read them: which Application Identifiers they
//! contain, and with which values. Which codes these may be is the subject of [`super::lookup`].

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::lot_and_dates::{DATES, LotAndDates};
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

    /// Whether they state another lot or date than this one.
    pub(super) fn contradict(&self, known: &LotAndDates) -> bool {
        self.0.iter().any(|(ai, value)| known.contradicts(ai, value))
    }

    fn push(&mut self, ai: &str, value: &str) {
        self.0.push((ai.to_owned(), value.trim_matches(is_noise).to_owned()));
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

/// Whether a character is none of a code, although scanners put it before, after or between elements: white space,
/// control characters such as the separator GS, and the byte order mark.
pub(super) fn is_noise(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\u{feff}'
}

/// Reads a link. Scheme, host, the path before the primary key, the fragment, one slash at the end and what scanners
/// append do not matter. A short link has the scheme `http` or `https`, or none. `None` if there is no path.
///
/// A primary key has an even number of parts after its Application Identifier and value. If several parts look like
/// one, the last of them counts: a value, such as a lot, may look like an Application Identifier.
pub(super) fn parse(link: &str) -> Option<Link> {
    let Address { scheme, host, path, query } = Address::of(link);
    let parts: Vec<Cow<'_, str>> = path.into_iter().map(decoded).collect();
    let (code, before) = parts.split_last()?;
    let mut places = (0..before.len()).rev().step_by(2);
    if let Some((key, path)) = places.find_map(|at| Some((primary_key(parts.get(at)?)?, parts.get(at..)?))) {
        return Some(Link::Key(elements_of(key, path, query)));
    }
    if (before.is_empty() && host.is_none()) || !scheme.is_none_or(is_web) {
        return None;
    }
    // A link of another key, although its parts cannot be paired. `link_domain` keeps such parts out of short links.
    if before.iter().any(|part| application_identifier(part).is_some()) {
        return Some(Link::Key(Elements::default()));
    }
    Some(Link::Other(code.clone().into_owned()))
}

/// Whether a link is a short link below a domain: the domain, then one part. Whether the scheme is `http` or `https`,
/// the case of the host, a default port, a dot behind the host, query, fragment and one slash at the end do not matter.
/// A link that begins with one slash has no host to compare.
#[must_use]
pub fn is_short_link(link: &str, domain: &str) -> bool {
    let (link, domain) = (Address::of(link), Address::of(domain));
    let (mut of_link, of_domain) = (link.with_host(), domain.with_host());
    if !link.scheme.is_none_or(is_web) || of_link.pop().is_none() || of_link.len() != of_domain.len() {
        return false;
    }
    of_link.iter().zip(&of_domain).enumerate().all(|(place, (a, b))| match place {
        0 => a.is_empty() || canonical_host(a, link.scheme.or(domain.scheme)) == canonical_host(b, domain.scheme),
        _ => decoded(a) == decoded(b),
    })
}

/// Whether links with this scheme are web addresses. Schemes have no case (RFC 3986, section 3.1).
fn is_web(scheme: &str) -> bool {
    ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web))
}

/// A host in the form in which equal hosts are equal texts (RFC 3986, section 6.2): lower case, without escapes, without
/// the port that its scheme stands for, and without the dot of the DNS root.
fn canonical_host(host: &str, scheme: Option<&str>) -> String {
    let host = decoded(host).to_lowercase();
    let port = if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")) { ":80" } else { ":443" };
    let named = host.strip_suffix(port).or_else(|| host.strip_suffix(':')).unwrap_or(&host);
    match named.rsplit_once(':') {
        Some((name, port)) if is_number(port) => format!("{}:{port}", name.strip_suffix('.').unwrap_or(name)),
        _ => named.strip_suffix('.').unwrap_or(named).to_owned(),
    }
}

/// Reads an element string with bracketed Application Identifiers, in any order. What scanners put around elements does
/// not count. `None` if it is none.
pub(super) fn parse_element_string(text: &str) -> Option<Elements> {
    let mut elements = Elements::default();
    let mut rest = text.trim_matches(is_noise);
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
pub(super) fn bracketed(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('(')?;
    // An Application Identifier has four digits at most. Looking no further keeps this linear in the length of the
    // text.
    let end = inside.bytes().take(5).position(|byte| byte == b')')?;
    let (ai, rest) = inside.split_at_checked(end)?;
    (ai.len() >= 2 && is_number(ai)).then_some((ai, rest.strip_prefix(')')?))
}

/// The parts of a link.
struct Address<'a> {
    scheme: Option<&'a str>,
    /// `None` without two slashes; the host, if there is one, is then the first part of the path.
    host: Option<&'a str>,
    /// Not decoded.
    path: Vec<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn of(link: &'a str) -> Self {
        let link = link.trim_matches(is_noise).split('#').next().unwrap_or_default();
        let (address, query) = link.split_once('?').map_or((link, None), |(address, query)| (address, Some(query)));
        let (scheme, rest) = match (address.split_once("://"), address.strip_prefix("//")) {
            (_, Some(rest)) => (None, Some(rest)),
            (Some((scheme, rest)), None) => (Some(scheme), Some(rest)),
            (None, None) => (None, None),
        };
        let (host, path) = match rest {
            None => (None, address),
            Some(rest) => rest.split_once('/').map_or((Some(rest), ""), |(host, path)| (Some(host), path)),
        };
        let mut path: Vec<_> = path.split('/').collect();
        if path.last() == Some(&"") {
            path.pop();
        }
        Self { scheme, host, path, query }
    }

    /// The host and the parts of the path.
    fn with_host(&self) -> Vec<&'a str> {
        self.host.into_iter().chain(self.path.iter().copied()).collect()
    }
}

/// The primary key of a path, its qualifiers, and those qualifiers that only the query contains. The standard wants
/// qualifiers in the path, but readers accept them in the query too. Of the attributes, the dates.
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
        let (name, value) = (decoded(name), decoded(value));
        let ai = application_identifier(&name).unwrap_or_default();
        if DATES.contains(&ai) || (key.qualifiers.contains(&ai) && elements.get(ai).is_none()) {
            elements.push(ai, &value);
        }
    }
    elements
}

/// A part of a link without percent-encoding. What is not UTF-8 becomes U+FFFD, which no name and no code contains, so
/// that a lot in another encoding does not hide the code beside it.
fn decoded(part: &str) -> Cow<'_, str> {
    percent_decode_str(part).decode_utf8_lossy()
}
