//! [`Visit`]: a request for a page with the person who sends it, and the cookies of signing in.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    api::Call,
    context::Context,
    directory::User,
    identity::{Login, NewSession, SESSION_SECONDS},
    operations::{Caller, Session},
};
use lambda_http::http::header;
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, language::Language, reply::Reply, texts::Texts};

/// The cookie of a session, and that of a sign-in at the issuer that began. With the prefix, browsers accept them only
/// over TLS and for this host, so that no other site of the domain can plant them (RFC 6265bis, section 4.1.3.2).
const SESSION: &str = "console_session";
const LOGIN: &str = "console_login";
const PREFIX: &str = "__Host-";

/// How long a sign-in at the issuer may take (seconds).
const LOGIN_SECONDS: i64 = 600;

/// How long the choice of a language is kept (seconds).
const LANGUAGE_SECONDS: i64 = 365 * 24 * 60 * 60;

/// A request for a page.
pub(crate) struct Visit<'a> {
    pub(crate) context: &'a Context,
    pub(crate) call: &'a Call,
    pub(crate) language: Language,
    pub(crate) texts: &'static Texts,
    caller: Caller,
}

/// A sign-in at the issuer, as its cookie keeps it.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredLogin {
    #[serde(flatten)]
    pub(crate) login: Login,
    /// The page to show then.
    pub(crate) next: String,
}

impl<'a> Visit<'a> {
    /// The visit of somebody who need not be signed in.
    pub(crate) fn of_anyone(context: &'a Context, call: &'a Call, language: Language) -> Self {
        Self { context, call, language, texts: Texts::of(language), caller: Caller::nobody() }
    }

    /// The visit of the person whose session the cookie names, or of nobody.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(crate) async fn of_session(context: &'a Context, call: &'a Call, language: Language) -> Result<Self, Failure> {
        let mut visit = Self::of_anyone(context, call, language);
        if let Some(text) = visit.session_cookie() {
            let user = context.identity().user_of_session(context.store(), &text, call.now).await?;
            visit.caller = user.map_or_else(Caller::nobody, Caller::user);
        }
        Ok(visit)
    }

    /// The person who is signed in.
    pub(crate) fn user(&self) -> Option<&User> {
        self.caller.get()
    }

    /// Checks that somebody is signed in.
    pub(crate) fn signed_in(&self) -> Result<(), Failure> {
        if self.user().is_some() { Ok(()) } else { Err(Failure::SignedOut) }
    }

    /// The session of an operation: the same rights and limits as over REST.
    pub(crate) fn session(&self) -> Session<'_> {
        Session { caller: &self.caller, now: self.call.now, budget: &self.call.budget }
    }

    /// The caller, for their rights.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether htmx asks for a part of a page.
    pub(crate) fn is_part(&self) -> bool {
        self.call.header("hx-request") == Some("true")
    }

    /// The text of the session's cookie.
    pub(crate) fn session_cookie(&self) -> Option<String> {
        self.call.cookie(&name(self.call, SESSION))
    }

    /// The sign-in at the issuer that this browser began.
    pub(crate) fn login(&self) -> Option<StoredLogin> {
        let text = self.call.cookie(&name(self.call, LOGIN))?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// The name of a cookie: with the prefix, but on `local` over HTTP, where browsers would refuse it.
fn name(call: &Call, base: &str) -> String {
    if call.site.is_secure { format!("{PREFIX}{base}") } else { base.to_owned() }
}

/// `Set-Cookie` of a cookie that no script can read. A time of 0 removes it.
fn cookie(call: &Call, base: &str, value: &str, same_site: &str, seconds: i64) -> String {
    let mut text = name(call, base);
    // Writing to a text cannot fail.
    _ = write!(text, "={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}");
    if call.site.is_secure {
        text.push_str("; Secure");
    }
    text
}

impl Reply {
    /// Gives the browser a session, and forgets the sign-in that led to it.
    pub(crate) fn beginning(self, call: &Call, session: &NewSession) -> Self {
        let begun = cookie(call, SESSION, &session.text, "Strict", SESSION_SECONDS);
        self.header(header::SET_COOKIE, &begun).forgetting_login(call)
    }

    /// Takes the session from the browser.
    pub(crate) fn ending(self, call: &Call) -> Self {
        self.header(header::SET_COOKIE, &cookie(call, SESSION, "", "Strict", 0))
    }

    /// Keeps a sign-in that began. The issuer's answer comes from another site, with which Strict cookies do not.
    pub(crate) fn keeping_login(self, call: &Call, login: &StoredLogin) -> Self {
        let text = serde_json::to_vec(login).unwrap_or_default();
        let kept = cookie(call, LOGIN, &URL_SAFE_NO_PAD.encode(text), "Lax", LOGIN_SECONDS);
        self.header(header::SET_COOKIE, &kept)
    }

    /// Forgets a sign-in.
    pub(crate) fn forgetting_login(self, call: &Call) -> Self {
        self.header(header::SET_COOKIE, &cookie(call, LOGIN, "", "Lax", 0))
    }

    /// Keeps the choice of a language.
    pub(crate) fn keeping_language(self, call: &Call, language: Language) -> Self {
        let secure = if call.site.is_secure { "; Secure" } else { "" };
        let text = format!(
            "{}={}; Path=/; Max-Age={LANGUAGE_SECONDS}; HttpOnly; SameSite=Lax{secure}",
            crate::language::COOKIE,
            language.code()
        );
        self.header(header::SET_COOKIE, &text)
    }
}
