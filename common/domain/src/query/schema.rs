//! The collections of a query: their fields in order, with types and relations.
//!
//! Static data. Answers have the fields in this order; that of `code_reservation` is the order of the published object.

/// A collection of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    /// `code_reservation`, the reservations.
    CodeReservation,
    /// `unique_code`, the codes of a reservation, recomputed and never stored.
    UniqueCode,
    /// `directus_users`.
    Users,
    /// `directus_files`.
    Files,
    /// `organisation`.
    Organisation,
    /// `export_profile`, layouts of export files.
    ExportProfile,
    /// `directus_roles`, a row for each [`Role`](crate::directory::Role), reached through the member `role` of a user.
    Roles,
}

/// The type of a field, which decides its operators and functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Text, compared byte by byte.
    String,
    /// Text without a length limit.
    Text,
    /// A 32-bit whole number.
    Integer,
    /// A 64-bit whole number, shown as a string.
    BigInteger,
    /// `true` or `false`.
    Boolean,
    /// A UUID, lower case.
    Uuid,
    /// An instant, ISO 8601 with milliseconds and `Z`.
    Timestamp,
    /// A day, ISO 8601 (`2027-12-31`), compared as its midnight in UTC.
    Date,
    /// Any JSON.
    Json,
    /// A secret of which only the presence is shown.
    Hash,
    /// No stored value: the rows that refer to this one.
    Alias,
}

/// What a field refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Nothing: a plain value.
    None,
    /// The key of one row of a collection of this service.
    One(Collection),
    /// The key of a row of a collection that this service does not have: only the key can be read.
    Foreign(&'static str),
    /// The rows of a collection of this service that refer to this row.
    Many(Collection),
}

/// A field of a collection.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldType,
    /// What it refers to.
    pub relation: Relation,
    /// A secret: shown as asterisks, and filtered only by `_null`, `_nnull`, `_empty` and `_nempty`.
    pub concealed: bool,
    /// Whether `*` includes it; other fields are shown only if they are named.
    pub in_wildcard: bool,
}

const fn field(name: &'static str, kind: FieldType) -> Field {
    Field { name, kind, relation: Relation::None, concealed: false, in_wildcard: true }
}

const fn one(name: &'static str, kind: FieldType, to: Collection) -> Field {
    Field { name, kind, relation: Relation::One(to), concealed: false, in_wildcard: true }
}

const fn foreign(name: &'static str, kind: FieldType, to: &'static str) -> Field {
    Field { name, kind, relation: Relation::Foreign(to), concealed: false, in_wildcard: true }
}

const fn concealed(name: &'static str, kind: FieldType) -> Field {
    Field { name, kind, relation: Relation::None, concealed: true, in_wildcard: true }
}

const fn named_only(name: &'static str, kind: FieldType) -> Field {
    Field { name, kind, relation: Relation::None, concealed: false, in_wildcard: false }
}

use FieldType as T;

static CODE_RESERVATION: [Field; 24] = [
    field("id", T::Uuid),
    one("user_created", T::Uuid, Collection::Users),
    field("date_created", T::Timestamp),
    one("user_updated", T::Uuid, Collection::Users),
    field("date_updated", T::Timestamp),
    one("reserved_for", T::String, Collection::Organisation),
    field("code_type", T::String),
    field("quantity", T::Integer),
    field("status", T::String),
    field("export_type", T::String),
    one("export_file", T::Uuid, Collection::Files),
    field("url_suffix", T::String),
    field("product", T::String),
    field("quantity_reserved", T::Integer),
    field("error_message", T::Text),
    field("reference_id", T::String),
    foreign("purchase_order", T::Uuid, "purchase_order"),
    Field {
        name: "codes",
        kind: T::Alias,
        relation: Relation::Many(Collection::UniqueCode),
        concealed: false,
        in_wildcard: true,
    },
    named_only("length", T::Integer),
    named_only("character_set", T::String),
    named_only("lot", T::String),
    named_only("expiry_date", T::Date),
    named_only("production_date", T::Date),
    named_only("best_before", T::Date),
];

static UNIQUE_CODE: [Field; 16] = [
    field("id", T::Uuid),
    one("user_created", T::Uuid, Collection::Users),
    field("date_created", T::Timestamp),
    one("user_updated", T::Uuid, Collection::Users),
    field("date_updated", T::Timestamp),
    field("digital_link", T::String),
    field("code", T::String),
    field("product", T::String),
    field("epc_join_key", T::String),
    field("status", T::String),
    one("reservation", T::Uuid, Collection::CodeReservation),
    field("type", T::String),
    field("identifier_job", T::Uuid),
    field("custom_id", T::String),
    named_only("position", T::Integer),
    named_only("epc_hex", T::String),
];

static USERS: [Field; 29] = [
    field("id", T::Uuid),
    field("first_name", T::String),
    field("last_name", T::String),
    field("email", T::String),
    concealed("password", T::Hash),
    field("location", T::String),
    field("title", T::String),
    field("description", T::Text),
    field("tags", T::Json),
    one("avatar", T::Uuid, Collection::Files),
    field("language", T::String),
    concealed("tfa_secret", T::String),
    field("status", T::String),
    one("role", T::Uuid, Collection::Roles),
    concealed("token", T::Hash),
    field("last_access", T::Timestamp),
    field("last_page", T::String),
    field("provider", T::String),
    concealed("external_identifier", T::String),
    concealed("auth_data", T::Json),
    field("email_notifications", T::Boolean),
    field("appearance", T::String),
    field("theme_dark", T::String),
    field("theme_light", T::String),
    field("theme_light_overrides", T::Json),
    field("theme_dark_overrides", T::Json),
    field("text_direction", T::String),
    foreign("policies", T::Alias, "directus_access"),
    named_only("organisations", T::Json),
];

static FILES: [Field; 26] = [
    field("id", T::Uuid),
    field("storage", T::String),
    field("filename_disk", T::String),
    field("filename_download", T::String),
    field("title", T::String),
    field("type", T::String),
    foreign("folder", T::Uuid, "directus_folders"),
    one("uploaded_by", T::Uuid, Collection::Users),
    field("created_on", T::Timestamp),
    one("modified_by", T::Uuid, Collection::Users),
    field("modified_on", T::Timestamp),
    field("charset", T::String),
    field("filesize", T::BigInteger),
    field("width", T::Integer),
    field("height", T::Integer),
    field("duration", T::Integer),
    field("embed", T::String),
    field("description", T::Text),
    field("location", T::Text),
    field("tags", T::Json),
    field("metadata", T::Json),
    field("focal_point_x", T::Integer),
    field("focal_point_y", T::Integer),
    field("tus_id", T::String),
    field("tus_data", T::Json),
    field("uploaded_on", T::Timestamp),
];

static ORGANISATION: [Field; 8] = [
    field("id", T::String),
    field("organisation_name", T::String),
    field("pgln", T::String),
    field("city", T::String),
    named_only("organisation_company_prefix", T::String),
    named_only("digital_link_domain", T::String),
    named_only("short_code_domain", T::String),
    named_only("max_codes_per_day", T::Integer),
];

static EXPORT_PROFILE: [Field; 10] = [
    field("id", T::Uuid),
    field("name", T::String),
    one("organisation", T::String, Collection::Organisation),
    field("description", T::Text),
    field("base", T::String),
    field("extension", T::String),
    field("media_type", T::String),
    field("sha256", T::String),
    field("profile", T::Json),
    field("date_updated", T::Timestamp),
];

/// The members of a Directus role but for `users`: nothing here counts the users of a role.
static ROLES: [Field; 7] = [
    field("id", T::Uuid),
    field("name", T::String),
    field("icon", T::String),
    field("description", T::Text),
    one("parent", T::Uuid, Collection::Roles),
    foreign("children", T::Alias, "directus_roles"),
    foreign("policies", T::Alias, "directus_access"),
];

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 7] = [
        Self::CodeReservation,
        Self::UniqueCode,
        Self::Users,
        Self::Files,
        Self::Organisation,
        Self::ExportProfile,
        Self::Roles,
    ];

    /// The name in paths, filters and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::CodeReservation => "code_reservation",
            Self::UniqueCode => "unique_code",
            Self::Users => "directus_users",
            Self::Files => "directus_files",
            Self::Organisation => "organisation",
            Self::ExportProfile => "export_profile",
            Self::Roles => "directus_roles",
        }
    }

    /// The collection of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// All fields, in the order of an answer.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::CodeReservation => &CODE_RESERVATION,
            Self::UniqueCode => &UNIQUE_CODE,
            Self::Users => &USERS,
            Self::Files => &FILES,
            Self::Organisation => &ORGANISATION,
            Self::ExportProfile => &EXPORT_PROFILE,
            Self::Roles => &ROLES,
        }
    }

    /// The field of this name.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|f| f.name == name)
    }

    /// The primary key.
    pub fn primary_key(self) -> &'static Field {
        // The first field of every collection above; a test checks it.
        match self {
            Self::CodeReservation => &CODE_RESERVATION[0],
            Self::UniqueCode => &UNIQUE_CODE[0],
            Self::Users => &USERS[0],
            Self::Files => &FILES[0],
            Self::Organisation => &ORGANISATION[0],
            Self::ExportProfile => &EXPORT_PROFILE[0],
            Self::Roles => &ROLES[0],
        }
    }
}

impl FieldType {
    /// The name in error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Text => "text",
            Self::Integer => "integer",
            Self::BigInteger => "bigInteger",
            Self::Boolean => "boolean",
            Self::Uuid => "uuid",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Json => "json",
            Self::Hash => "hash",
            Self::Alias => "alias",
        }
    }

    /// Whether values are points in time, which functions take apart.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Timestamp | Self::Date)
    }

    /// Whether values are numbers.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::BigInteger)
    }

    /// Whether `search` looks for its text in the values.
    pub fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Text)
    }
}
