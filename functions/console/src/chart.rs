//! Charts as SVG, without styles or scripts of their own.

use std::fmt::Write as _;

use common::reservation::Timestamp;
use maud::{Markup, html};

use crate::{texts, visit::Visit};

/// The size of a chart (units of its view box).
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 64.0;
/// Space around the line, so that its ends are not cut.
const PADDING: f64 = 3.0;

/// How a pool filled: the number of codes over time, as steps, from the first point to now. The top is the capacity if
/// the pool is at least half full; otherwise what is used fills the chart.
pub(crate) fn fill(visit: &Visit<'_>, points: &[(Timestamp, u64)], capacity: u64) -> Markup {
    let (Some((first, _)), Some((_, last))) = (points.first(), points.last()) else { return html! {} };
    let now = visit.call.now;
    let line = steps(points, now, if *last >= capacity / 2 { capacity } else { *last });
    let area = format!("{line} V{HEIGHT} H{PADDING} Z");
    let language = visit.language;
    let about =
        texts::fill(visit.texts.pool_chart, &[&language.day(*first), &language.day(now), &language.number(*last)]);
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(about) preserveAspectRatio="none" {
            path.chart-area d=(area) {}
            path.chart-line d=(line) vector-effect="non-scaling-stroke" {}
        }
    }
}

/// The path of a line that rises at each point and ends now.
#[expect(clippy::cast_precision_loss, reason = "a picture of 240 by 64")]
fn steps(points: &[(Timestamp, u64)], now: Timestamp, top: u64) -> String {
    let begin = points.first().map_or(now, |(at, _)| *at).time();
    let span = (now.time() - begin).num_milliseconds().max(1) as f64;
    let x = |at: Timestamp| {
        let share = (at.time() - begin).num_milliseconds() as f64 / span;
        PADDING + share.clamp(0.0, 1.0) * (WIDTH - 2.0 * PADDING)
    };
    let y = |count: u64| HEIGHT - PADDING - count as f64 / top.max(1) as f64 * (HEIGHT - 2.0 * PADDING);
    let mut path = format!("M{PADDING} {:.1}", y(0));
    for (at, count) in points {
        // Writing to a text cannot fail.
        _ = write!(path, " H{:.1} V{:.1}", x(*at), y(*count));
    }
    _ = write!(path, " H{:.1}", WIDTH - PADDING);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_at_each_point_and_stays_in_the_picture() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let points = [(at("2026-01-01T00:00:00Z"), 10), (at("2026-01-02T00:00:00Z"), 20)];
        let path = steps(&points, at("2026-01-03T00:00:00Z"), 20);
        assert_eq!(path, "M3 61.0 H3.0 V32.0 H120.0 V3.0 H237.0");
        // A clock that runs behind moves nothing out of the picture.
        assert_eq!(steps(&points, at("2025-01-01T00:00:00Z"), 0).matches("NaN").count(), 0);
    }
}
