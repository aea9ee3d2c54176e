//! The domain of links: the text in front of every Digital Link or short link. It may have a path of its own, which
//! must not change what the readers of GS1 Digital Link find in the link.

use percent_encoding::percent_decode_str;

use super::primary_keys::application_identifier;

const FORM: &str = "an address such as https://id.example.com is needed, without query and fragment";
const PATH: &str = "the path must have no part that readers of GS1 Digital Link take for an Application Identifier: \
                    only digits, or a short name such as gtin or lot";

/// Checks the domain of links: `http` or `https`, a host, optionally a path, no query and no fragment. Removes trailing
/// slashes.
///
/// No part of the path may consist of digits or be a short name of Digital Link 1.0, encoded or not. Some readers take
/// the first such part for the primary key, others the last.
///
/// # Errors
/// A text that describes the form that is needed.
pub fn link_domain(text: &str) -> Result<String, &'static str> {
    let text = text.trim_end_matches('/');
    let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(FORM)?;
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    if host.is_empty() || !host.bytes().all(|byte| plain(byte) || b"[]".contains(&byte)) {
        return Err(FORM);
    }
    if !path.bytes().all(|byte| plain(byte) || b"/%".contains(&byte)) {
        return Err(FORM);
    }
    for part in path.split('/') {
        let decoded = percent_decode_str(part).decode_utf8().map_err(|_| FORM)?;
        if decoded.contains('%') {
            // An escape that is incomplete, or encoded twice: readers differ in what they make of it.
            return Err(FORM);
        }
        if application_identifier(&decoded).is_some() {
            return Err(PATH);
        }
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_may_have_a_path_and_loses_its_trailing_slash() {
        for (text, domain) in [
            ("https://id.gs1.org", "https://id.gs1.org"),
            ("http://id.example.com:8080/", "http://id.example.com:8080"),
            ("https://example.com/brand/v2/", "https://example.com/brand/v2"),
            ("https://[::1]:3000/a%20b", "https://[::1]:3000/a%20b"),
        ] {
            assert_eq!(link_domain(text).as_deref(), Ok(domain));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "id.gs1.org",
            "ftp://id.gs1.org",
            "https://",
            "https:///path",
            "https://id.gs1.org?x=1",
            "https://id.gs1.org/#a",
            "https://user@id.gs1.org",
            "https://id%2Egs1.org",
            "https://id.gs1.org/a b",
            "https://id.gs1.org/%zz",
            "https://id.gs1.org/%ff",
            "https://id.gs1.org/%2501",
        ] {
            assert_eq!(link_domain(text), Err(FORM), "{text}");
        }
    }

    #[test]
    fn no_part_of_the_path_is_an_application_identifier() {
        for path in ["01/09506000134352", "a/253", "2024", "%30%31/x", "gtin/x", "x/lot", "payTo", "123456"] {
            assert_eq!(link_domain(&format!("https://example.com/{path}")), Err(PATH), "{path}");
        }
    }
}
