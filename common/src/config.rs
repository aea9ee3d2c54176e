//! The environment variables. All are read and checked at start-up, so that a wrong value fails the start and not the
//! first request.
//!
//! `template.yaml` sets the variables, the same ones for all functions. `local` reads their values from there too.

use std::{env, str::FromStr, time::Duration};

use crate::{
    code::{CharacterSet, SerialDefaults, UnknownCharacterSet, link_domain},
    export::PartPolicy,
    reservation::Rules,
};

/// The settings of a deployment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of the deployment, a dimension of its metrics.
    pub stack: String,
    /// Names of the tables.
    pub tables: Tables,
    /// The bucket that holds the exports.
    pub bucket: String,
    /// Where the secret that keys every pool comes from.
    pub secret: SecretSource,
    /// The domain of Digital Links, with scheme and without a trailing slash (`https://id.gs1.org`).
    pub digital_link_domain: String,
    /// The domain of short links, in the same form; without one a short code has no link.
    pub short_code_domain: Option<String>,
    /// The largest `quantity` of one reservation, 1…2,147,483,647.
    pub max_quantity: u32,
    /// Whether a `product` with a wrong check digit is refused.
    pub strict_check_digits: bool,
    /// Length of a serial when the request gives none (characters).
    pub default_length: u8,
    /// Length of a numeric serial when the request gives none (digits).
    pub default_numeric_length: u8,
    /// Character set of a serial when the request gives none.
    pub default_character_set: CharacterSet,
    /// Number of partitions of the index over all organisations.
    pub shards: u32,
    /// The indexes that the table of reservations has, as the number of deployments that changed them: 0 for the oldest
    /// tables, [`LAST_INDEX_STAGE`] for new ones.
    pub index_stage: u32,
    /// Maximum number of items that one list query may read.
    pub max_scan: usize,
    /// Maximum number of codes that an organisation gets on one day (UTC), unless its Directory row has a quota of its
    /// own; 0 means no quota.
    pub max_codes_per_day: u64,
    /// Maximum number of open reservations of an organisation, for callers who are limited to organisations.
    pub max_open_reservations: usize,
    /// Duration of the slices of all large exports of one batch.
    pub slice: Duration,
    /// How long a worker waits for the object of an upload that is gone, before it writes the file again. S3 shows neither
    /// the upload nor the object while it joins the parts.
    pub object_wait: Duration,
    /// Origins whose pages may call the API from a browser (CORS); `*` stands for any.
    pub cors_origins: Vec<String>,
    /// The issuer whose JWTs are accepted in addition to static tokens.
    pub oidc: Option<Oidc>,
    /// How an export is divided into parts. Not an environment variable: only tests change it, to get small parts.
    pub part_policy: PartPolicy,
    /// Maximum number of reads of a hundred rows that a list which ends with its page has under way at the same time, if it
    /// is to be lower than that of other reads. Those after its end are in vain: over a network they cost no time, but where
    /// the store has the same processors, they do. Not an environment variable: `local` sets it.
    pub reads_ahead: Option<usize>,
    /// Endpoints that replace those of AWS (the embedded stores of `local`).
    pub endpoints: Endpoints,
}

/// Names of the tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// One item per reservation.
    pub reservations: String,
    /// Pools, their ranges, and pool numbers.
    pub pools: String,
    /// File rows of exports.
    pub files: String,
    /// Users, hashed tokens, organisations.
    pub directory: String,
    /// Answers remembered under an Idempotency-Key, and the codes that organisations with a quota were given on a day.
    pub requests: String,
    /// Numbers of reservations by organisation, product, type and status.
    pub tallies: String,
}

/// Where the secret that keys every pool comes from.
#[derive(Clone)]
pub enum SecretSource {
    /// The ARN of a secret of AWS Secrets Manager, which is fetched when it is first needed.
    SecretsManager(String),
    /// The secret itself (`local` keeps it in a file).
    Value(String),
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SecretsManager(arn) => f.debug_tuple("SecretsManager").field(arn).finish(),
            Self::Value(_) => f.write_str("Value(…)"),
        }
    }
}

/// An OpenID Connect issuer whose access tokens are accepted.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// The value of `iss`. `/.well-known/openid-configuration` is below this address.
    pub issuer: String,
    /// The value that `aud` must contain.
    pub audience: String,
    /// The id of this service as a client of the issuer. Without one, people sign in with tokens only.
    pub client_id: Option<String>,
}

/// Endpoints that replace those of AWS: `http://` or `https://` and a host, without a trailing slash. All are `None` on
/// AWS.
///
/// They have variables of their own, because the AWS SDK reads `AWS_ENDPOINT_URL_…` itself and warns about an empty
/// value, and because SAM CLI passes on only variables that the template declares.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// DynamoDB, for example `http://127.0.0.1:8000` (`DYNAMODB_ENDPOINT`).
    pub dynamodb: Option<String>,
    /// S3, with buckets in the path and not in the host name (`S3_ENDPOINT`).
    pub s3: Option<String>,
    /// The address of S3 in presigned links (`S3_LINK_ENDPOINT`), if a browser reaches S3 under another name than the
    /// function does. Without it, links contain the address in `s3`.
    pub s3_link: Option<String>,
    /// Secrets Manager (`SECRETS_ENDPOINT`).
    pub secrets: Option<String>,
}

impl Endpoints {
    /// Whether all stores are those of AWS itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dynamodb.is_none() && self.s3.is_none() && self.s3_link.is_none() && self.secrets.is_none()
    }
}

/// An environment variable that is missing or invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The value of the variable is invalid.
    #[error("the environment variable {name} is {value:?}: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when a variable without a default is not set; [`ConfigError::Invalid`] when a value has
    /// a wrong form or is out of range.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| env::var(name).ok())
    }

    /// The settings that the validation of reservations needs.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            max_quantity: self.max_quantity,
            strict_check_digits: self.strict_check_digits,
            serials: SerialDefaults {
                length: self.default_length,
                numeric_length: self.default_numeric_length,
                character_set: self.default_character_set,
            },
        }
    }

    /// Reads the variables through `get`. An empty value counts as not set.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let vars = Variables(get);
        Ok(Self {
            stack: vars.get("STACK_NAME").unwrap_or_else(|| DEFAULT_STACK.to_owned()),
            tables: Tables {
                reservations: vars.required("RESERVATIONS_TABLE")?,
                pools: vars.required("POOLS_TABLE")?,
                files: vars.required("FILES_TABLE")?,
                directory: vars.required("DIRECTORY_TABLE")?,
                requests: vars.required("REQUESTS_TABLE")?,
                tallies: vars.required("TALLIES_TABLE")?,
            },
            bucket: vars.required("EXPORTS_BUCKET")?,
            secret: SecretSource::SecretsManager(vars.required("SECRET_ARN")?),
            digital_link_domain: vars.domain("DIGITAL_LINK_DOMAIN")?.unwrap_or_else(|| DEFAULT_DOMAIN.to_owned()),
            short_code_domain: vars.domain("SHORT_CODE_DOMAIN")?,
            max_quantity: vars.number("MAX_QUANTITY", 100_000_000, 1, i32::MAX as u32)?,
            strict_check_digits: vars.flag("STRICT_CHECK_DIGITS")?,
            default_length: vars.number("DEFAULT_LENGTH", 8, 6, 20)?,
            default_numeric_length: vars.number("DEFAULT_NUMERIC_LENGTH", 12, 6, 20)?,
            default_character_set: vars.character_set("DEFAULT_CHARACTER_SET")?,
            shards: vars.number("SHARDS", 1, 1, MAX_SHARDS)?,
            index_stage: vars.number("INDEX_STAGE", LAST_INDEX_STAGE, 0, LAST_INDEX_STAGE)?,
            max_scan: vars.number("MAX_SCAN", DEFAULT_SCAN, 1_000, MAX_SCAN)?,
            max_codes_per_day: vars.number("MAX_CODES_PER_DAY", 0, 0, MAX_DAILY_CODES)?,
            max_open_reservations: vars.number("MAX_OPEN_RESERVATIONS", 1_000, 1, MAX_OPEN_RESERVATIONS)?,
            slice: Duration::from_secs(vars.number("SLICE_SECONDS", 5, 1, 60)?),
            object_wait: Duration::from_secs(60),
            cors_origins: vars.list("CORS_ORIGINS"),
            oidc: vars.oidc()?,
            part_policy: PartPolicy::default(),
            reads_ahead: None,
            endpoints: Endpoints {
                dynamodb: vars.endpoint("DYNAMODB_ENDPOINT")?,
                s3: vars.endpoint("S3_ENDPOINT")?,
                s3_link: vars.endpoint("S3_LINK_ENDPOINT")?,
                secrets: vars.endpoint("SECRETS_ENDPOINT")?,
            },
        })
    }
}

/// The name of a deployment without `STACK_NAME`, such as an emulator or a test.
const DEFAULT_STACK: &str = "code-reservation";

/// Maximum of `MAX_SCAN`. Memory does not grow with the rows that a list reads (docs/performance.md, "Lists that read
/// every row"); so many take about a second of a function's time.
const MAX_SCAN: usize = 100_000;

/// `MAX_SCAN` where it is not set.
const DEFAULT_SCAN: usize = 50_000;

/// Maximum of `MAX_CODES_PER_DAY`.
const MAX_DAILY_CODES: u64 = 1_000_000_000_000;

/// Maximum of `MAX_OPEN_RESERVATIONS`. Creating a reservation counts index entries up to this number, and DynamoDB
/// counts some 10,000 in one page.
const MAX_OPEN_RESERVATIONS: usize = 10_000;

/// Maximum number of partitions of an index over all organisations.
pub const MAX_SHARDS: u32 = 256;

/// The stage of the indexes of a new table: eight were added to the first ones, then two were removed.
pub const LAST_INDEX_STAGE: u32 = 10;

/// Maximum length of the audience of tokens, and of the id of this client (characters). It is a URL, a UUID or a name.
const MAX_AUDIENCE: usize = 255;

/// GS1's public resolver of Digital Links.
pub const DEFAULT_DOMAIN: &str = "https://id.gs1.org";

struct Variables<F>(F);

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.get(name).ok_or(ConfigError::Missing(name))
    }

    fn number<N>(&self, name: &'static str, default: N, min: N, max: N) -> Result<N, ConfigError>
    where
        N: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(value) = self.get(name) else { return Ok(default) };
        match value.parse::<N>() {
            Ok(number) if number >= min && number <= max => Ok(number),
            _ => Err(ConfigError::Invalid {
                name,
                value,
                reason: format!("a whole number from {min} to {max} is needed"),
            }),
        }
    }

    fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.get(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(ConfigError::Invalid {
                name,
                value: value.to_owned(),
                reason: "true or false is needed".to_owned(),
            }),
        }
    }

    fn domain(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        link_domain(&value).map(Some).map_err(|reason| ConfigError::Invalid {
            name,
            value: value.clone(),
            reason: reason.to_owned(),
        })
    }

    fn endpoint(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match parse_endpoint(&value) {
            Some(endpoint) => Ok(Some(endpoint)),
            None => {
                let reason =
                    "an address such as http://127.0.0.1:8000 is needed, without query and fragment".to_owned();
                Err(ConfigError::Invalid { name, value, reason })
            }
        }
    }

    fn character_set(&self, name: &'static str) -> Result<CharacterSet, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(CharacterSet::Alphanumeric) };
        value.parse().map_err(|error: UnknownCharacterSet| ConfigError::Invalid {
            name,
            value: value.clone(),
            reason: error.to_string(),
        })
    }

    fn list(&self, name: &'static str) -> Vec<String> {
        self.get(name)
            .map(|value| value.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
            .unwrap_or_default()
    }

    fn oidc(&self) -> Result<Option<Oidc>, ConfigError> {
        let Some(issuer) = self.get("OIDC_ISSUER") else { return Ok(None) };
        if !is_safe(&issuer) {
            let reason = "an https address is needed".to_owned();
            return Err(ConfigError::Invalid { name: "OIDC_ISSUER", value: issuer, reason });
        }
        let audience = self.required("OIDC_AUDIENCE")?;
        visible("OIDC_AUDIENCE", &audience)?;
        let client_id = self.get("OIDC_CLIENT_ID");
        client_id.as_deref().map_or(Ok(()), |id| visible("OIDC_CLIENT_ID", id))?;
        Ok(Some(Oidc { issuer, audience, client_id }))
    }
}

/// Checks that a value of the issuer has visible ASCII characters only, and not too many.
fn visible(name: &'static str, value: &str) -> Result<(), ConfigError> {
    if value.len() <= MAX_AUDIENCE && value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!("{MAX_AUDIENCE} visible ASCII characters at most are needed, without spaces");
    Err(ConfigError::Invalid { name, value: value.to_owned(), reason })
}

/// Whether the issuer's keys may be fetched from an address. Plain HTTP can be changed in transit, so it is allowed on
/// the loopback interface only.
#[must_use]
pub fn is_safe(address: &str) -> bool {
    ["https://", "http://127.0.0.1:", "http://localhost:"].iter().any(|start| address.starts_with(start))
}

/// The address of a store: `http` or `https`, a host, optionally a path, no query and no fragment. Removes a trailing
/// slash.
fn parse_endpoint(value: &str) -> Option<String> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%[]".contains(c);
    let is_address = !rest.trim_matches('/').is_empty() && !rest.starts_with('/') && rest.chars().all(plain);
    is_address.then(|| value.trim_end_matches('/').to_owned())
}

#[cfg(test)]
impl Config {
    /// The settings of unit tests: a name for everything that must have one.
    pub(crate) fn of_names() -> Self {
        Self::from_lookup(tests::complete).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn complete(name: &str) -> Option<String> {
        match name {
            "RESERVATIONS_TABLE" | "POOLS_TABLE" | "FILES_TABLE" | "DIRECTORY_TABLE" | "REQUESTS_TABLE"
            | "TALLIES_TABLE" | "EXPORTS_BUCKET" | "SECRET_ARN" => Some(name.to_lowercase()),
            _ => None,
        }
    }

    fn with(name: &'static str, value: &'static str) -> Result<Config, ConfigError> {
        Config::from_lookup(|n| if n == name { Some(value.to_owned()) } else { complete(n) })
    }

    #[test]
    fn what_is_not_set_has_the_documented_default() {
        let config = Config::from_lookup(complete).unwrap();
        assert_eq!(config.digital_link_domain, "https://id.gs1.org");
        assert_eq!((config.max_quantity, config.default_length, config.shards), (100_000_000, 8, 1));
        assert_eq!((config.max_codes_per_day, config.max_open_reservations), (0, 1_000));
        assert_eq!(config.slice, Duration::from_secs(5));
        assert!(config.oidc.is_none() && config.short_code_domain.is_none() && !config.strict_check_digits);
    }

    #[test]
    fn a_missing_or_wrong_variable_is_named() {
        let missing = Config::from_lookup(|n| complete(n).filter(|_| n != "POOLS_TABLE")).unwrap_err();
        assert_eq!(missing.to_string(), "the environment variable POOLS_TABLE is not set");
        for (name, value) in [
            ("MAX_QUANTITY", "0"),
            ("MAX_QUANTITY", "2147483648"),
            ("SLICE_SECONDS", "soon"),
            ("MAX_CODES_PER_DAY", "-1"),
            ("MAX_OPEN_RESERVATIONS", "0"),
            ("MAX_OPEN_RESERVATIONS", "10001"),
            ("STRICT_CHECK_DIGITS", "yes"),
            ("DIGITAL_LINK_DOMAIN", "id.gs1.org"),
            ("DIGITAL_LINK_DOMAIN", "https://id.gs1.org?x=1"),
            ("DIGITAL_LINK_DOMAIN", "https://id.example.com/01/09506000134352"),
            ("SHORT_CODE_DOMAIN", "https://go.example.com/gtin"),
            ("OIDC_ISSUER", "http://issuer.example"),
            ("DYNAMODB_ENDPOINT", "127.0.0.1:8000"),
            ("S3_ENDPOINT", "ftp://127.0.0.1:8001"),
            ("S3_LINK_ENDPOINT", "http://"),
            ("SECRETS_ENDPOINT", "http://127.0.0.1:8002?x=1"),
        ] {
            assert!(with(name, value).unwrap_err().to_string().contains(name), "{name}={value}");
        }
    }

    #[test]
    fn an_empty_endpoint_is_the_one_of_aws_and_a_set_one_replaces_it() {
        for (name, read) in [
            ("DYNAMODB_ENDPOINT", (|endpoints| endpoints.dynamodb.clone()) as fn(&Endpoints) -> Option<String>),
            ("S3_ENDPOINT", |endpoints| endpoints.s3.clone()),
            ("S3_LINK_ENDPOINT", |endpoints| endpoints.s3_link.clone()),
            ("SECRETS_ENDPOINT", |endpoints| endpoints.secrets.clone()),
        ] {
            assert_eq!(read(&with(name, "").unwrap().endpoints), None, "{name}");
            let set = with(name, "http://host.docker.internal:8000/").unwrap().endpoints;
            assert_eq!(read(&set).as_deref(), Some("http://host.docker.internal:8000"), "{name}");
            let others = [set.dynamodb, set.s3, set.s3_link, set.secrets].into_iter().flatten().count();
            assert_eq!(others, 1, "{name} sets no other endpoint");
        }
    }

    #[test]
    fn a_domain_loses_its_trailing_slash() {
        assert_eq!(
            with("DIGITAL_LINK_DOMAIN", "https://id.example.com/").unwrap().digital_link_domain,
            "https://id.example.com"
        );
    }
}
