//! What a form sends: pairs of names and values, in the body of a POST or in a query string. The size is bounded before
//! anything is decoded.

use common::api::Call;

use crate::failure::Failure;

/// Maximum size of a form (bytes). The largest one here has some hundred.
const MAX_FORM: usize = 32_768;

/// Maximum number of fields.
const MAX_FIELDS: usize = 60;

/// Maximum length of a path with its query that is led back to (bytes). An HTTP API takes 10,240 bytes of request line and
/// headers, and browsers send about 1,000 bytes of headers besides. The form to reserve has up to 6,000 bytes, each
/// character of a reference taking up to 12.
pub(crate) const MAX_PATH: usize = 8_192;

/// The media type of forms.
const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The fields of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// The form that a POST sends.
    ///
    /// # Errors
    /// [`Failure::BadForm`] for one that is too large or of another media type.
    pub(crate) fn posted(call: &Call) -> Result<Self, Failure> {
        let media_type = call.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let is_form = media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE);
        if call.body().len() > MAX_FORM || !is_form && !call.body().is_empty() {
            return Err(Failure::BadForm);
        }
        Self::parse(call.body())
    }

    /// The fields of the query string.
    ///
    /// # Errors
    /// [`Failure::BadForm`] for one that is too large.
    pub(crate) fn of_query(call: &Call) -> Result<Self, Failure> {
        if call.query.len() > MAX_FORM {
            return Err(Failure::BadForm);
        }
        Self::parse(call.query.as_bytes())
    }

    fn parse(text: &[u8]) -> Result<Self, Failure> {
        let pairs: Vec<_> =
            form_urlencoded::parse(text).take(MAX_FIELDS + 1).map(|(k, v)| (k.into(), v.into())).collect();
        if pairs.len() > MAX_FIELDS { Err(Failure::BadForm) } else { Ok(Self(pairs)) }
    }

    /// The value of a field without spaces around it; empty if it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// The same; `None` if it is empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// The fields of some members, with their values.
    pub(crate) fn of_members<'a>(&'a self, members: &[&'a str]) -> Vec<(&'a str, &'a str)> {
        members.iter().map(|member| (*member, self.get(member))).collect()
    }

    /// The form with another value of a field.
    #[cfg(test)]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(key, _)| key != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A path with fields as its query. Fields without a value are left out.
pub(crate) fn with_query(path: &str, fields: &[(&str, &str)]) -> String {
    let filled: Vec<_> = fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    if filled.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(filled.into_iter().copied()).finish();
    format!("{path}?{query}")
}

/// The same without the fields that would make it longer than [`MAX_PATH`]. No form that the service accepts has such
/// fields.
pub(crate) fn with_bounded_query(path: &str, fields: &[(&str, &str)]) -> String {
    let mut length = path.len();
    let mut fitting = fields.to_vec();
    fitting.retain(|field| {
        let longer = length + with_query("", &[*field]).len();
        let fits = longer <= MAX_PATH;
        if fits {
            length = longer;
        }
        fits
    });
    with_query(path, &fitting)
}

/// The path if it is one of these pages, for links and redirects that come with a request: no other site, no script,
/// and not the pages of the sign-in itself.
pub(crate) fn own_path(path: &str) -> Option<&str> {
    let is_page = path == "/" || path.starts_with("/?") || path.starts_with("/console/");
    let is_plain = path.len() <= MAX_PATH && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_sign_in = path.starts_with("/console/sign-");
    // `/console/../` and `/console//` lead elsewhere in some browsers and servers.
    let leads_away = path
        .split(['?', '#'])
        .next()
        .is_some_and(|path| path.contains("//") || path.contains("/.") || path.contains('%'));
    (is_page && is_plain && !is_sign_in && !leads_away).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_service_are_led_back_to() {
        for good in
            ["/", "/?code_type=sscc", "/console/reservations?page=2", "/console/find?q=https%3A%2F%2Fid.gs1.org"]
        {
            assert_eq!(own_path(good), Some(good));
        }
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/console/../assets/x",
            "/console//evil.example",
            "/console/%2e%2e/x",
            "/console/sign-in",
            "/console/sign-out",
            "/console/a b",
            "/console/\r\nset-cookie: x",
            "/consolex",
            "/items/code_reservation",
            "/é",
            &format!("/console/{}", "a".repeat(MAX_PATH)),
        ] {
            assert_eq!(own_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_form_is_decoded_and_its_first_value_counts() {
        let form = Form::parse(b"a=1&b=x+%C3%BC%26&a=2&c=++&d").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.filled("c"), form.get("d")), ("1", "x ü&", None, ""));
        assert_eq!(form.with("a", "3").get("a"), "3");
        let many = "a=1&".repeat(MAX_FIELDS + 1);
        assert!(Form::parse(many.as_bytes()).is_err());
    }

    #[test]
    fn a_bounded_query_leaves_out_what_no_request_holds() {
        let (long, name) = ("é".repeat(MAX_PATH), "name");
        assert_eq!(with_bounded_query("/", &[(name, "1"), ("long", &long), ("b", "2")]), "/?name=1&b=2");
        let fitting = "x".repeat(MAX_PATH - "/?a=".len());
        assert_eq!(with_bounded_query("/", &[("a", &fitting)]).len(), MAX_PATH);
        assert_eq!(with_bounded_query("/", &[("a", &fitting), ("b", "1")]), with_query("/", &[("a", &fitting)]));
        assert_eq!(with_bounded_query("/", &[("aa", &fitting)]), "/");
    }

    #[test]
    fn a_query_has_the_fields_that_are_filled() {
        assert_eq!(with_query("/x", &[("a", ""), ("b", "ü &")]), "/x?b=%C3%BC+%26");
        assert_eq!(with_query("/x", &[("a", "")]), "/x");
    }
}
