//! Values for the parameters of template.yaml, as given on the command line.

use std::str::FromStr;

/// A value that replaces the default of a parameter of template.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The parameter's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl FromStr for Parameter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}
