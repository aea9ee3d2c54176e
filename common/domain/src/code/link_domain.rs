//! The domain of links: the text in front of every Digital Link or short link. It may have a path of its own, which
//! must not change what the readers of GS1 Digital Link find in the link.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

use super::primary_keys::application_identifier;

const FORM: &str = "an address such as https://id.example.com is needed, without query and fragment";
const PATH: &str = "the path must have no part that readers of GS1 Digital Link take for an Application Identifier: \
                    only digits, or a short name such as gtin or lot";

/// Checks the domain of links: `http` or `https`, a host, optionally a port and a path, no query and no fragment. Removes
/// trailing slashes and writes the scheme in lower case.
///
/// A part `.` or `..` is refused, encoded or not: clients resolve it, so the link would lead to another path.
///
/// No part of the path may consist of digits or be a short name of Digital Link 1.0, encoded or not. Some readers take
/// the first such part for the primary key, others the last.
///
/// # Errors
/// A text that describes the form that is needed.
pub fn link_domain(text: &str) -> Result<String, &'static str> {
    let (scheme, address) = text.trim_end_matches('/').split_once("://").ok_or(FORM)?;
    let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known)).ok_or(FORM)?;
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    if !is_host(host) || !path.bytes().all(|byte| is_plain(byte) || b":/%".contains(&byte)) {
        return Err(FORM);
    }
    for part in path.split('/') {
        let decoded = percent_decode_str(part).decode_utf8().map_err(|_| FORM)?;
        // An escape that is incomplete, or encoded twice: readers differ in what they make of it.
        if decoded.contains('%') || matches!(&*decoded, "." | "..") {
            return Err(FORM);
        }
        if application_identifier(&decoded).is_some() {
            return Err(PATH);
        }
    }
    Ok(format!("{scheme}://{address}"))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether a text is a name or an address in brackets, with or without a port.
fn is_host(text: &str) -> bool {
    let (is_known, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            // One dot at the end is the root of the DNS.
            let labels = name.strip_suffix('.').unwrap_or(name).split('.');
            let mut known = labels.map(|label| !label.is_empty() && label.bytes().all(is_plain));
            (known.all(|known| known), port)
        }
    };
    let is_number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_known && (port.is_empty() || port.strip_prefix(':').is_some_and(is_number))
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
            ("https://[2001:db8::A]", "https://[2001:db8::A]"),
            ("HTTPS://Example.com/Brand", "https://Example.com/Brand"),
            ("Http://e.com:65535", "http://e.com:65535"),
            ("https://e.com./a:b/.well/v..2/...", "https://e.com./a:b/.well/v..2/..."),
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
            "https:/e.com",
            "HTTPSS://e.com",
            "https://[::1",
            "https://::1]",
            "https://::1",
            "https://[::1]x",
            "https://[e.com]",
            "https://[]",
            "https://e[1].com",
            "https://e.com:abc",
            "https://e.com:",
            "https://e.com:65536",
            "https://e.com:+1",
            "https://e.com:1:2",
            "https://:80",
            "https://.",
            "https://e..com",
            "https://e.com/..",
            "https://e.com/a/..",
            "https://e.com/./a",
            "https://e.com/%2e%2E/a",
            "https://e.com/a/.%2e",
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
