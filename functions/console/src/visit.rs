//! [`Visit`]: a request for a page with the person who sends it, and the cookies of signing in.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    api::{Call, SeveralCookies},
    context::Context,
    directory::User,
    identity::{HashedSession, Login, NewSession, SESSION_SECONDS},
    operations::{Caller, Session},
};
use lambda_http::http::header;
use serde::{Deserialize, Serialize};

use crate::{back, failure::Failure, language::Language, reply::Reply, texts::Texts};

/// The cookie of a session, and that of a sign-in at the issuer that began. With the prefix, browsers accept them only
/// over TLS and for this host, so that no other site of the domain can plant them (RFC 6265bis, section 4.1.3.2).
const SESSION: &str = "console_session";
const LOGIN: &str = "console_login";
const PREFIX: &str = "__Host-";

/// How long a sign-in at the issuer may take (seconds).
const LOGIN_SECONDS: i64 = 600;

/// Maximum length of the value of its cookie (bytes). Browsers keep 4,096 bytes of name and value.
const MAX_LOGIN: usize = 4_000;

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
    /// The session that the browser had. Its cookie does not come with the issuer's answer, so it would not end.
    pub(crate) former: Option<HashedSession>,
    /// The page to show then. In the cookie it follows the other members, compressed.
    #[serde(skip)]
    pub(crate) next: String,
}

impl StoredLogin {
    /// The value of the cookie.
    fn to_text(&self) -> String {
        let members = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let page = self.next.split('?').next().unwrap_or_default();
        // Browsers keep no larger cookie. What a form may hold fits; otherwise the page is shown without its query.
        let next = [self.next.as_str(), page].map(back::packed);
        let fitting = next.into_iter().find(|next| members.len() + next.len() <= MAX_LOGIN);
        format!("{members}.{}", fitting.unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        let (members, next) = text.split_once('.')?;
        let login: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(members).ok()?).ok()?;
        Some(Self { next: back::path_of(next).unwrap_or_else(|| "/".to_owned()), ..login })
    }
}

impl<'a> Visit<'a> {
    /// The visit of somebody who need not be signed in.
    pub(crate) fn of_anyone(context: &'a Context, call: &'a Call, language: Language) -> Self {
        Self { context, call, language, texts: Texts::of(language), caller: Caller::nobody() }
    }

    /// The visit of the person whose session the cookie names, or of nobody.
    ///
    /// # Errors
    /// [`Failure::SeveralSessions`] for cookies that name different ones: one of them was planted, and nobody knows which;
    /// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(crate) async fn of_session(context: &'a Context, call: &'a Call, language: Language) -> Result<Self, Failure> {
        let mut visit = Self::of_anyone(context, call, language);
        let text = call.only_cookie(&name(call, SESSION)).map_err(|SeveralCookies| Failure::SeveralSessions)?;
        if let Some(text) = text {
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
        Session::new(&self.caller, self.call.now, &self.call.budget)
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
        self.call.only_cookie(&name(self.call, SESSION)).ok().flatten()
    }

    /// The sign-in at the issuer that this browser began.
    pub(crate) fn login(&self) -> Option<StoredLogin> {
        StoredLogin::parse(&self.call.only_cookie(&name(self.call, LOGIN)).ok()??)
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
        let kept = cookie(call, LOGIN, &login.to_text(), "Lax", LOGIN_SECONDS);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(next: &str) -> StoredLogin {
        StoredLogin { login: Login::begin(), former: HashedSession::of("0a1b.secret"), next: next.to_owned() }
    }

    #[test]
    fn a_sign_in_that_began_comes_back_from_its_cookie() {
        let long = format!("/?reference_id={}", "%F0%9F%8D%8E".repeat(255));
        for next in ["/", "/console/find?code=a", &long] {
            let (kept, text) = (stored(next), stored(next).to_text());
            assert!(
                text.len() <= MAX_LOGIN && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';'),
                "{text}"
            );
            let read = StoredLogin::parse(&kept.to_text()).unwrap();
            assert_eq!((read.next.as_str(), &read.login.state, &read.former), (next, &kept.login.state, &kept.former));
        }
        // What no cookie holds is left out, and the page stays.
        let mut state = 1_u32;
        let random: String = (0..8_000)
            .filter_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from_digit((state >> 8) % 36, 36)
            })
            .collect();
        let text = stored(&format!("/console/find?code={random}")).to_text();
        assert!(text.len() <= MAX_LOGIN, "{}", text.len());
        assert_eq!(StoredLogin::parse(&text).unwrap().next, "/console/find");
        for bad in ["", ".", "a.b", "e30.", &text.replace('.', ""), "a"] {
            assert!(StoredLogin::parse(bad).is_none(), "{bad}");
        }
    }
}
