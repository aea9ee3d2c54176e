//! [`Kind`]: what an item of the `Directory` table is.

/// A kind of row of the `Directory` table: the value of its partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Users, by id.
    User,
    /// Static tokens, by their SHA-256.
    Token,
    /// The users of the `sub` claims of JWTs, by that claim.
    Subject,
    /// Organisations, by id.
    Organisation,
    /// Which version of an export profile a name stands for, by a UUID made of the organisation and the name.
    Profile,
    /// Versions of export profiles, by the SHA-256 of their canonical form. They are never changed.
    ProfileVersion,
    /// Audit rows, by a UUID of version 7.
    Audit,
    /// The revision of a kind, by the kind.
    Revision,
    /// What was done once for the deployment.
    Deployment,
}

impl Kind {
    /// Every kind.
    const ALL: [Self; 7] =
        [Self::User, Self::Token, Self::Subject, Self::Organisation, Self::Audit, Self::Revision, Self::Deployment];

    /// The kind with this value of the attribute `kind`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The value of the attribute `kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::Subject => "subject",
            Self::Organisation => "organisation",
            Self::Profile => "profile",
            Self::ProfileVersion => "profile_version",
            Self::Audit => "audit",
            Self::Revision => "revision",
            Self::Deployment => "deployment",
        }
    }
}
