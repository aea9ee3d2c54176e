//! The addresses of functions outside this process, as given on the command line.

use std::str::FromStr;

use axum::http::Uri;

const LOGICAL: &str = "{logical}";
const BINARY: &str = "{binary}";

/// The address of functions: `NAME=URL` for one, or a URL with `{logical}` or `{binary}` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeEndpoint {
    /// The logical id or the binary of one function.
    pub(crate) name: Option<String>,
    url: String,
}

impl FromStr for InvokeEndpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if is_name(name) => (Some(name.to_owned()), url),
            _ => (None, text),
        };
        let host = url.strip_prefix("http://").ok_or("a URL that begins with http:// is needed")?;
        let valid = Uri::try_from(url.replace(LOGICAL, "x").replace(BINARY, "x")).is_ok();
        if !valid || host.starts_with('/') || host.is_empty() {
            return Err("this is no URL");
        }
        if name.is_none() && !url.contains(LOGICAL) && !url.contains(BINARY) {
            return Err("the URL must hold {logical} or {binary}, or be given for one function, as NAME=URL");
        }
        Ok(Self { name, url: url.to_owned() })
    }
}

impl InvokeEndpoint {
    /// The URL of a function.
    pub(crate) fn url(&self, logical_id: &str, binary: &str) -> String {
        self.url.replace(LOGICAL, logical_id).replace(BINARY, binary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_for_one_function_or_names_each() {
        let parse = |text: &str| text.parse::<InvokeEndpoint>();
        let one = parse("sweep=http://127.0.0.1:9/2015-03-31/functions/function/invocations").unwrap();
        assert_eq!(one.name.as_deref(), Some("sweep"));
        assert!(parse("http://127.0.0.1:3001/2015-03-31/functions/{logical}/invocations").unwrap().name.is_none());
        // The equals sign in a query string belongs to the URL.
        assert!(parse("http://127.0.0.1:3001/{binary}?a=b").unwrap().name.is_none());
        for wrong in [
            "",
            "sweep",
            "sweep=",
            "http://127.0.0.1:9/",
            "https://x/{binary}",
            "a b=http://x/",
            "sweep=http://",
            "http:///{binary}",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
