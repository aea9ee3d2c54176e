//! Pools: the namespace, character set and length that a request resolves to, and how many codes a pool may issue.

use super::error::CodeError;
use super::namespace::{DEPLOYMENT_KEY, Namespace};
use super::prefix::CompanyPrefix;
use super::product::product_key;
use super::types::{CharacterSet, CodeType, FIXED_KEY_LENGTH};

/// A permuted pool issues less than 1/10,000 of its values, so that a guess succeeds with a probability below 1 in 10,000
/// (EU 2016/161, Art. 4; EU 2018/574, Art. 8).
pub const GUESSING_FACTOR: u128 = 10_000;

/// Digits of an `rfid96` serial.
pub(super) const RFID96_LENGTH: u8 = 12;
/// The smallest `rfid96` serial: the smallest number with twelve digits.
pub(super) const RFID96_FIRST: u64 = 100_000_000_000;
/// Number of `rfid96` serials: up to 2^38 − 1, the greatest serial that a 96-bit tag can hold.
pub(super) const RFID96_SPACE: u64 = (1 << 38) - RFID96_FIRST;

/// The deployment's defaults for members that a request leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialDefaults {
    /// Characters of a serial.
    pub length: u8,
    /// Digits of a `numeric` serial. It has its own default because a pool of eight digits could issue fewer than 10,000
    /// codes.
    pub numeric_length: u8,
    /// The character set, for types that allow it.
    pub character_set: CharacterSet,
}

impl Default for SerialDefaults {
    fn default() -> Self {
        Self { length: 8, numeric_length: 12, character_set: CharacterSet::Alphanumeric }
    }
}

/// The members of a reservation that determine its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRequest<'a> {
    /// The type of the codes.
    pub code_type: CodeType,
    /// The product's key path; ignored by types without products.
    pub product: Option<&'a str>,
    /// The organisation's GS1 Company Prefix, if it has one.
    pub company_prefix: Option<&'a str>,
    /// Number of characters of the serial or reference.
    pub length: Option<u8>,
    /// The character set.
    pub character_set: Option<CharacterSet>,
}

/// All errors of a request that do not depend on the organisation's company prefix: at most one each for product, character
/// set and length. Empty if the request is valid.
///
/// If the request has a company prefix, it bounds the length of a `giai`. The prefix is not required here.
#[must_use]
pub fn validate_request(
    request: &CodeRequest<'_>,
    defaults: &SerialDefaults,
    strict_check_digits: bool,
) -> Vec<CodeError> {
    let mut errors = Vec::new();
    let code_type = request.code_type;
    if code_type.needs_product() {
        errors.extend(product_of(request, strict_check_digits).err());
    }
    match character_set_of(request, defaults) {
        Err(error) => errors.push(error),
        Ok(character_set) => {
            errors.extend(length_of(request, defaults, character_set).err());
        }
    }
    errors
}

/// Who reads a message about a pool. A pool may contain codes of several organisations, and none may learn from a
/// message how many the others have or that they have any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The only organisation with codes of the pool, if the key is its own. It is told what is left and the pool's
    /// character set.
    Owner,
    /// Everyone else, also while the pool does not exist. Messages depend on the request and the deployment's rules
    /// only.
    Others,
}

/// A pool: its namespace, and the form of the varying part of its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolSpec {
    /// The scope within which the codes are unique.
    pub namespace: Namespace,
    /// The type of the codes, that of the namespace.
    pub code_type: CodeType,
    /// The characters of the varying part.
    pub character_set: CharacterSet,
    /// Characters of the varying part, that of the namespace: 18 for `sscc` and `gsrn`.
    pub length: u8,
}

impl PoolSpec {
    /// Finds the pool for a request. Members that the request leaves out get the deployment's defaults. A default that the
    /// type does not allow is replaced by the nearest value that it allows; a value of the request is never replaced.
    ///
    /// # Errors
    /// The first error of [`validate_request`]. For types that are built from the company prefix also
    /// [`CodeError::CompanyPrefixMissing`] and [`CodeError::CompanyPrefixForm`].
    pub fn resolve(
        request: &CodeRequest<'_>,
        defaults: &SerialDefaults,
        strict_check_digits: bool,
    ) -> Result<Self, CodeError> {
        let code_type = request.code_type;
        let key = if code_type.needs_product() {
            product_of(request, strict_check_digits)?
        } else if code_type.needs_company_prefix() {
            let prefix = request.company_prefix.ok_or(CodeError::CompanyPrefixMissing { code_type })?;
            CompanyPrefix::parse(prefix)?.as_str().to_owned()
        } else {
            DEPLOYMENT_KEY.to_owned()
        };
        let character_set = character_set_of(request, defaults)?;
        let length = length_of(request, defaults, character_set)?;
        Self::from_pool(Namespace::new(code_type, &key, length)?, character_set)
    }

    /// The pool of a namespace with a known character set, as the pool's row stores them.
    ///
    /// # Errors
    /// [`CodeError::MalformedNamespace`], [`CodeError::CharacterSet`] or [`CodeError::Length`] if the parts do not
    /// fit each other.
    pub fn from_pool(namespace: Namespace, character_set: CharacterSet) -> Result<Self, CodeError> {
        let Namespace { code_type, length, .. } = namespace;
        let namespace = Namespace::new(code_type, &namespace.key, length)?;
        if !code_type.allows(character_set) {
            return Err(CodeError::CharacterSet { code_type, character_set });
        }
        let (min, max) = lengths(code_type, character_set, &namespace.key);
        if !(min..=max).contains(&length) {
            return Err(CodeError::Length { code_type, character_set, min, max });
        }
        Ok(Self { namespace, code_type, character_set, length })
    }

    /// Whether codes look random. Counted pools (`sscc`, `gsrn`) do not, and may be used up to the last value.
    #[must_use]
    pub const fn is_permuted(&self) -> bool {
        !self.code_type.is_counted()
    }

    /// The number of different codes that the namespace has.
    #[must_use]
    pub fn space(&self) -> u128 {
        match self.code_type {
            // The digits of the key without its check digit and the company prefix.
            CodeType::Sscc | CodeType::Gsrn => {
                let digits = usize::from(FIXED_KEY_LENGTH - 1).saturating_sub(self.namespace.key.len());
                power(10, u32::try_from(digits).unwrap_or(0))
            }
            _ => permuted_space(self.code_type, self.character_set, self.length),
        }
    }

    /// The number of codes that may ever be issued. For a counted pool it is the whole space; for a permuted pool the
    /// greatest n with n × 10,000 < space. At most `u64::MAX`.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        if self.is_permuted() {
            permuted_capacity(self.space())
        } else {
            u64::try_from(self.space()).unwrap_or(u64::MAX)
        }
    }

    /// Whether `quantity` more codes may be issued when the pool's next index is `next`.
    #[must_use]
    pub fn fits(&self, next: u64, quantity: u64) -> bool {
        quantity <= self.capacity().saturating_sub(next)
    }

    /// The error of a reservation for whose `quantity` the pool has too few codes left. It says which `length` would
    /// suffice; only for the owner it also says how many codes are left.
    ///
    /// `asked` is the set with which a pool of another length would be created for this reservation: the one that it
    /// names, or the deployment's default.
    #[must_use]
    pub fn shortage(&self, next: u64, quantity: u64, asked: CharacterSet, audience: Audience) -> CodeError {
        let enough_length = self.enough_length(quantity, asked);
        let advice = match (enough_length, self.is_permuted()) {
            (Some(length), _) => format!("; length {length} would do"),
            (None, true)
                if asked != CharacterSet::Alphanumeric && self.code_type.allows(CharacterSet::Alphanumeric) =>
            {
                "; another character_set with another length has room for more".to_owned()
            }
            (None, true) => "; no length has room for so many".to_owned(),
            (None, false) => "; the organisation needs another GS1 Company Prefix".to_owned(),
        };
        let remaining = match (audience, self.capacity().saturating_sub(next)) {
            (Audience::Others, _) => "not enough codes are left".to_owned(),
            (Audience::Owner, 0) => "no codes are left".to_owned(),
            (Audience::Owner, 1) => "only 1 code is left".to_owned(),
            (Audience::Owner, left) => format!("only {} codes are left", grouped(left)),
        };
        let pool = self.described(audience);
        let message = format!("{remaining} for {pool}, {} asked for{advice}", grouped(quantity));
        CodeError::Exhausted { enough_length, message }
    }

    /// Checks that a request's character set is that of the existing pool, which never changes.
    ///
    /// # Errors
    /// [`CodeError::CharacterSetTaken`] if the pool has another one, which only the owner is told.
    pub fn check_character_set(&self, of_pool: CharacterSet, audience: Audience) -> Result<(), CodeError> {
        if self.character_set == of_pool {
            return Ok(());
        }
        let pool = match audience {
            Audience::Owner => Some(of_pool),
            Audience::Others => None,
        };
        Err(CodeError::CharacterSetTaken { pool, asked: self.character_set })
    }

    /// The shortest greater length whose empty pool of that character set could issue that many codes.
    fn enough_length(&self, quantity: u64, character_set: CharacterSet) -> Option<u8> {
        let (_, max) = lengths(self.code_type, character_set, &self.namespace.key);
        (self.length.saturating_add(1)..=max).filter(|_| self.is_permuted()).find(|length| {
            let space = permuted_space(self.code_type, character_set, *length);
            permuted_capacity(space) >= quantity
        })
    }

    fn described(&self, audience: Audience) -> String {
        let Self { code_type, character_set, length, .. } = self;
        let key = &self.namespace.key;
        let set = match audience {
            Audience::Owner => format!(" ({character_set})"),
            Audience::Others => String::new(),
        };
        match code_type {
            CodeType::Sscc | CodeType::Gsrn => format!("{code_type} under company prefix {key}"),
            CodeType::Giai => format!("{code_type} under company prefix {key} with length {length}{set}"),
            CodeType::ShortCode => format!("{code_type} with length {length}{set}"),
            _ => format!("{code_type} of {key} with length {length}{set}"),
        }
    }
}

fn product_of(request: &CodeRequest<'_>, strict: bool) -> Result<String, CodeError> {
    let code_type = request.code_type;
    let product = request.product.ok_or(CodeError::ProductMissing { code_type })?;
    Ok(product_key(code_type, product, strict)?.key().to_owned())
}

fn character_set_of(request: &CodeRequest<'_>, defaults: &SerialDefaults) -> Result<CharacterSet, CodeError> {
    let code_type = request.code_type;
    match request.character_set {
        Some(character_set) if !code_type.allows(character_set) => {
            Err(CodeError::CharacterSet { code_type, character_set })
        }
        Some(character_set) => Ok(character_set),
        None if code_type.allows(defaults.character_set) => Ok(defaults.character_set),
        None if code_type.allows(CharacterSet::Alphanumeric) => Ok(CharacterSet::Alphanumeric),
        None => Ok(CharacterSet::Numeric),
    }
}

fn length_of(
    request: &CodeRequest<'_>,
    defaults: &SerialDefaults,
    character_set: CharacterSet,
) -> Result<u8, CodeError> {
    let code_type = request.code_type;
    let prefix = request.company_prefix.filter(|prefix| CompanyPrefix::parse(prefix).is_ok());
    let (min, max) = lengths(code_type, character_set, prefix.unwrap_or_default());
    match request.length {
        Some(length) if (min..=max).contains(&length) => Ok(length),
        Some(_) => Err(CodeError::Length { code_type, character_set, min, max }),
        None => {
            let default = match character_set {
                CharacterSet::Numeric => defaults.numeric_length,
                _ => defaults.length,
            };
            Ok(default.max(min).min(max))
        }
    }
}

/// Minimum and maximum length of the varying part.
fn lengths(code_type: CodeType, character_set: CharacterSet, key: &str) -> (u8, u8) {
    match character_set {
        CharacterSet::Rfid96 => (RFID96_LENGTH, RFID96_LENGTH),
        _ => (code_type.min_length(), Namespace::longest(code_type, key)),
    }
}

/// The number of values of a permuted varying part.
fn permuted_space(code_type: CodeType, character_set: CharacterSet, length: u8) -> u128 {
    match (code_type, character_set) {
        (_, CharacterSet::Rfid96) => u128::from(RFID96_SPACE),
        // The first digit of a cpi serial must not be 0.
        (CodeType::Cpi, _) => 9 * power(10, u32::from(length.saturating_sub(1))),
        (_, set) => power(set.radix(), u32::from(length)),
    }
}

fn permuted_capacity(space: u128) -> u64 {
    u64::try_from(space.saturating_sub(1) / GUESSING_FACTOR).unwrap_or(u64::MAX)
}

fn power(radix: u32, exponent: u32) -> u128 {
    u128::from(radix).saturating_pow(exponent)
}

/// A number with thousands separators, for messages.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
