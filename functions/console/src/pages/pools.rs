//! Pools, for administrators of all organisations: how full each is, and when it runs out.

use common::{code::Namespace, operations::pools};
use maud::{Markup, html};

use crate::{
    chart,
    failure::Failure,
    form::{Form, with_query},
    layout::{Place, beyond, page},
    reply::Reply,
    texts::fill,
    visit::Visit,
};

/// Shows a page of pools.
///
/// # Errors
/// [`Failure::SignedOut`] without a session; `FORBIDDEN` for others than administrators of all organisations;
/// `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Reply, Failure> {
    visit.signed_in()?;
    let form = Form::of_query(visit.call)?;
    let after = form.filled("after").and_then(|text| text.parse::<Namespace>().ok());
    let shown = pools::list(visit.context, visit.session(), after.as_ref()).await?;
    let texts = visit.texts;
    let content = html! {
        p.lead { (texts.pools_lead) }
        @if shown.pools.is_empty() && after.is_some() {
            (beyond(visit, "/console/pools"))
        } @else if shown.pools.is_empty() {
            div.panel.empty { p.muted { (texts.no_pools) } }
        } @else {
            ul.pools { @for pool in &shown.pools { (item(visit, pool)) } }
        }
        @if !shown.pools.is_empty() && (after.is_some() || shown.next.is_some()) {
            nav.pages aria-label=(texts.pools) {
                @if after.is_some() { a.button href="/console/pools" { (texts.first_page) } }
                @if let Some(next) = &shown.next {
                    a.button rel="next" href=(with_query("/console/pools", &[("after", &next.to_string())])) { (texts.more) }
                }
            }
        }
    };
    Ok(Reply::html(page(visit, Place::Pools, texts.pools_title, &content)))
}

fn item(visit: &Visit<'_>, shown: &pools::PoolUse) -> Markup {
    let (texts, language, pool) = (visit.texts, visit.language, &shown.pool);
    let left = pool.capacity.saturating_sub(pool.next);
    let numbers = [left, pool.capacity].map(|number| language.number(number));
    let percent = percent(pool.next, pool.capacity);
    let runs_out = match (left, shown.runs_out) {
        (0, _) => texts.pool_full.to_owned(),
        (_, Some(day)) => fill(texts.pool_runs_out, &[&language.day(day)]),
        (_, None) => texts.pool_lasts.to_owned(),
    };
    let kind = fill(texts.of_kind, &[&pool.namespace.length.to_string(), texts.character_set(pool.character_set)]);
    let key = pool.namespace.product().unwrap_or_else(|| pool.namespace.key.clone());
    html! {
        li.panel.pool {
            div {
                h2 { (texts.code_type(pool.namespace.code_type)) }
                p { code { (key) } }
                p.muted { (kind) }
            }
            div {
                (chart::fill(visit, &shown.filled, pool.capacity))
            }
            div {
                p { strong { (fill(texts.pool_fill, &[&percent])) } }
                meter min="0" max=(pool.capacity) value=(pool.next) low=(pool.capacity / 2) high=(pool.capacity / 5 * 4)
                    optimum="0" aria-label=(fill(texts.pool_fill, &[&percent])) {}
                p { (fill(texts.pool_left, &[&numbers[0], &numbers[1]])) }
                p.muted { (runs_out) }
            }
        }
    }
}

/// A share in percent, with one digit below ten.
fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    match tenths {
        0 if part > 0 => "< 0.1".to_owned(),
        0..100 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => (tenths / 10).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_shown_as_nothing_and_never_as_more_than_it_is() {
        for (part, whole, expected) in [
            (0, 10, "0.0"),
            (1, 1_000_000, "< 0.1"),
            (5, 100, "5.0"),
            (999, 1_000, "99"),
            (10, 10, "100"),
            (0, 0, "0.0"),
        ] {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
        assert_eq!(percent(u64::MAX, u64::MAX), "100");
    }
}
