//! The parameters of a picture.

use common::{api::ApiError, query::RawQuery};
use symbols::{MAX_MODULE, MAX_QUIET_ZONE, Symbology};

/// Pixels of a module unless the request names another number.
const MODULE: usize = 4;

/// What a picture shows, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// `symbol`: the kind of symbol.
    pub(crate) symbol: Symbology,
    /// `size`: pixels of a module.
    pub(crate) module: usize,
    /// `quiet_zone`: modules on each side; that of the standard if it is missing.
    pub(crate) quiet_zone: Option<usize>,
    /// `text`: whether the human readable text is shown.
    pub(crate) text: bool,
}

impl Parameters {
    /// Reads the parameters. Others are ignored, as everywhere.
    ///
    /// # Errors
    /// `INVALID_QUERY` for a value that is not allowed, and for a parameter that is given more than once.
    pub(crate) fn read(raw: &RawQuery) -> Result<Self, ApiError> {
        let refused = |name: &str, form: &str| ApiError::invalid_query(format!("\"{name}\" has to be {form}"));
        let text = |name: &str, form: &str| match raw.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| refused(name, form)),
        };
        let number = |name: &str, least: usize, most: usize| {
            let form = format!("a whole number from {least} to {most}");
            let Some(value) = text(name, &form)? else { return Ok(None) };
            // Digits only: `parse` would take a sign.
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let number = value.parse().ok().filter(|number| is_number && (least..=most).contains(number));
            number.map(Some).ok_or_else(|| refused(name, &form))
        };
        let kinds = Symbology::ALL.map(|symbol| format!("\"{symbol}\"")).join(", ");
        let kinds = format!("one of {kinds}");
        let symbol = match text("symbol", &kinds)? {
            None => Symbology::Qr,
            Some(name) => name.parse().map_err(|_| refused("symbol", &kinds))?,
        };
        let truth = "\"true\" or \"false\"";
        let text = match text("text", truth)? {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(refused("text", truth)),
        };
        Ok(Self {
            symbol,
            module: number("size", 1, MAX_MODULE)?.unwrap_or(MODULE),
            quiet_zone: number("quiet_zone", 0, MAX_QUIET_ZONE)?,
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use common::query::parse_query_string;

    use super::*;

    fn read(query: &str) -> Result<Parameters, ApiError> {
        Parameters::read(&parse_query_string(query).unwrap())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let default = Parameters { symbol: Symbology::Qr, module: MODULE, quiet_zone: None, text: true };
        assert_eq!(read("").unwrap(), default);
        assert_eq!(read("access_token=x&fields=*").unwrap(), default);
        let all = read("symbol=datamatrix&size=32&quiet_zone=0&text=false").unwrap();
        let expected = Parameters { symbol: Symbology::DataMatrix, module: 32, quiet_zone: Some(0), text: false };
        assert_eq!(all, expected);
    }

    #[test]
    fn other_values_are_refused_with_those_that_are_allowed() {
        for (query, message) in [
            ("symbol=QR", "\"symbol\" has to be one of \"qr\", \"datamatrix\", \"gs1-qr\""),
            ("symbol=", "\"symbol\" has to be one of"),
            ("symbol=qr&symbol=qr", "\"symbol\" has to be one of"),
            ("symbol[_eq]=qr", "\"symbol\" has to be one of"),
            ("size=0", "\"size\" has to be a whole number from 1 to 32"),
            ("size=33", "\"size\" has to be a whole number from 1 to 32"),
            ("size=99999999999999999999", "\"size\" has to be"),
            ("size=%2B4", "\"size\" has to be"),
            ("size=4.0", "\"size\" has to be"),
            ("size=", "\"size\" has to be"),
            ("quiet_zone=-1", "\"quiet_zone\" has to be a whole number from 0 to 32"),
            ("quiet_zone=33", "\"quiet_zone\" has to be a whole number from 0 to 32"),
            ("text=yes", "\"text\" has to be \"true\" or \"false\""),
            ("text", "\"text\" has to be \"true\" or \"false\""),
        ] {
            let error = read(query).unwrap_err();
            assert_eq!(error.status(), 400, "{query}");
            let entry = error.entries().remove(0);
            assert!(entry["extensions"]["reason"].as_str().unwrap().starts_with(message), "{query}: {entry}");
        }
    }
}
