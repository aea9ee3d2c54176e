//! The frame of every page: head, navigation, messages, footer.

use common::directory::User;
use maud::{DOCTYPE, Markup, html};

use crate::{assets, language::Language, texts::fill, visit::Visit};

/// Settings of htmx: no `eval`, no styles in the page, requests to this site only, and no page of a person kept in the
/// browser's storage.
const HTMX_CONFIG: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyCacheSize":0,"historyEnabled":false,"allowScriptTags":false}"#;

/// A part of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Reserve,
    Reservations,
    Find,
    Pools,
    Users,
    Organisations,
    /// None of them.
    Elsewhere,
}

impl Place {
    const fn address(self) -> &'static str {
        match self {
            Self::Reserve | Self::Elsewhere => "/",
            Self::Reservations => "/console/reservations",
            Self::Find => "/console/find",
            Self::Pools => "/console/pools",
            Self::Users => "/console/users",
            Self::Organisations => "/console/organisations",
        }
    }
}

/// A whole page. `title` is its heading, too.
pub(crate) fn page(visit: &Visit<'_>, place: Place, title: &str, content: &Markup) -> Markup {
    let here = match visit.call.method.as_str() {
        "GET" | "HEAD" if visit.call.query.is_empty() => visit.call.path.clone(),
        "GET" | "HEAD" => format!("{}?{}", visit.call.path, visit.call.query),
        _ => "/".to_owned(),
    };
    page_at(visit, place, title, content, &here)
}

/// A whole page that a change of the language leads back to at another address than its own.
pub(crate) fn page_at(visit: &Visit<'_>, place: Place, title: &str, content: &Markup, address: &str) -> Markup {
    let texts = visit.texts;
    html! {
        (DOCTYPE)
        html lang=(visit.language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                meta name="htmx-config" content=(HTMX_CONFIG);
                title { (title) " – " (texts.service) }
                link rel="icon" href=(assets::ICON.address) type="image/svg+xml";
                link rel="stylesheet" href=(assets::STYLES.address);
                script src=(assets::HTMX.address) defer {}
                script src=(assets::CONSOLE.address) defer {}
            }
            body {
                a.skip href="#content" { (texts.skip) }
                header.top {
                    div.bar {
                        a.brand href="/" {
                            (logo())
                            span { (texts.service) }
                        }
                        @if let Some(user) = visit.user() {
                            (navigation(visit, place))
                            (account(visit, user))
                        }
                    }
                }
                main #content tabindex="-1" {
                    h1 { (title) }
                    (content)
                }
                // What changes without a reload is said here.
                p #live .visually-hidden role="status" aria-live="polite" {}
                footer { (languages(visit, address)) }
            }
        }
    }
}

fn navigation(visit: &Visit<'_>, place: Place) -> Markup {
    let texts = visit.texts;
    let mut places =
        vec![(Place::Reserve, texts.reserve), (Place::Reservations, texts.reservations), (Place::Find, texts.find)];
    if visit.caller().sees_pools() {
        places.extend([
            (Place::Pools, texts.pools),
            (Place::Users, texts.users),
            (Place::Organisations, texts.organisations),
        ]);
    }
    html! {
        nav aria-label=(texts.navigation) {
            ul {
                @for (to, name) in places {
                    li { a href=(to.address()) aria-current=[(to == place).then_some("page")] { (name) } }
                }
            }
        }
    }
}

fn account(visit: &Visit<'_>, user: &User) -> Markup {
    let name = person(user);
    html! {
        form.account method="post" action="/console/sign-out" {
            span.who title=(fill(visit.texts.signed_in_as, &[&name])) { (name) }
            button.quiet type="submit" { (visit.texts.sign_out) }
        }
    }
}

/// The name of a person: the full one, otherwise the address, otherwise the id.
pub(crate) fn person(user: &User) -> String {
    let parts = [&user.first_name, &user.last_name].into_iter().flatten().map(String::as_str);
    let name = parts.filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" ");
    if name.is_empty() { user.email.clone().unwrap_or_else(|| user.id.clone()) } else { name }
}

/// A form that changes the language and comes back.
fn languages(visit: &Visit<'_>, address: &str) -> Markup {
    html! {
        form.languages method="post" action="/console/language" {
            input type="hidden" name="back" value=(crate::form::own_path(address).unwrap_or("/"));
            span #language-label { (visit.texts.language) }
            div role="group" aria-labelledby="language-label" {
                @for language in Language::ALL {
                    button.quiet type="submit" name="language" value=(language.code()) lang=(language.code())
                        aria-pressed=(if language == visit.language { "true" } else { "false" }) { (language.name()) }
                }
            }
        }
    }
}

/// The mark of the service: four squares of a symbol.
fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false" {
            path d="M3 3h8v8H3zM5.5 5.5v3h3v-3zM13 3h8v8h-8zM15.5 5.5v3h3v-3zM3 13h8v8H3zM5.5 15.5v3h3v-3zM13 13h3v3h-3zM18 13h3v3h-3zM15.5 16h3v3h-3zM13 19h2.5v2H13zM18.5 18.5H21V21h-2.5z" fill-rule="evenodd" {}
        }
    }
}

/// A box that says something: `kind` is `good`, `bad` or `note`.
pub(crate) fn notice(kind: &str, title: &str, text: &Markup) -> Markup {
    let role = if kind == "bad" { "alert" } else { "status" };
    html! {
        div class={ "notice " (kind) } role=(role) {
            p.notice-title { (title) }
            (text)
        }
    }
}

/// What is said of a page after the last one of a list. `first` is the address of the first one.
pub(crate) fn beyond(visit: &Visit<'_>, first: &str) -> Markup {
    html! {
        div.panel.empty {
            h2 { (visit.texts.beyond) }
            p.muted { (visit.texts.beyond_hint) }
            p { a.button href=(first) { (visit.texts.first_page) } }
        }
    }
}
