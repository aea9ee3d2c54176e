//! How instants are written, and how `$NOW` moves.

use super::now;
use crate::query::dates::{format_instant, now_variable, parse_instant};

#[test]
fn an_instant_may_be_written_in_several_ways() {
    let read = |text: &str| parse_instant(text).map(|at| format_instant(&at));
    for (text, wanted) in [
        ("2024", "2024-01-01T00:00:00.000Z"),
        ("2024-03", "2024-03-01T00:00:00.000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("2024-02-29T23:59", "2024-02-29T23:59:00.000Z"),
        ("2024-02-29 23:59:58", "2024-02-29T23:59:58.000Z"),
        ("2024-02-29T23:59:58.7Z", "2024-02-29T23:59:58.700Z"),
        ("2024-02-29T23:59:58.789123+02:30", "2024-02-29T21:29:58.789Z"),
        ("2024-02-29t00:00:00-0100", "2024-02-29T01:00:00.000Z"),
        ("2024-02-29 00:00:00+01", "2024-02-28T23:00:00.000Z"),
    ] {
        assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
    }
    for text in [
        "",
        "soon",
        "2023-02-29",
        "2024-13-01",
        "24-01-01",
        "2024-01-01T25:00",
        "2024-01-01T00:00:00+99:00",
        "2024-01-01T",
        "2024-01-01-01",
        "２０２４",
    ] {
        let wanted = (text == "2024-01-01T").then(|| "2024-01-01T00:00:00.000Z".to_owned());
        assert_eq!(read(text), wanted, "{text}");
    }
}

#[test]
fn now_moves_by_every_unit() {
    let moved = |text: &str| now_variable(text, now()).map(|at| format_instant(&at));
    for (text, wanted) in [
        ("$NOW", "2025-03-31T12:00:00.000Z"),
        ("$NOW()", "2025-03-31T12:00:00.000Z"),
        ("$NOW(+1 year)", "2026-03-31T12:00:00.000Z"),
        ("$NOW(-13 months)", "2024-02-29T12:00:00.000Z"),
        ("$NOW(2 weeks)", "2025-04-14T12:00:00.000Z"),
        ("$NOW(-1)", "2025-03-30T12:00:00.000Z"),
        ("$NOW(-1.9 days)", "2025-03-30T12:00:00.000Z"),
        ("$NOW(-1.5 hours)", "2025-03-31T10:30:00.000Z"),
        ("$NOW(90m)", "2025-03-31T13:30:00.000Z"),
        ("$NOW(-30 SECS)", "2025-03-31T11:59:30.000Z"),
        ("$NOW(-1 ms)", "2025-03-31T11:59:59.999Z"),
        ("$NOW(1 fortnight)", "2025-03-31T12:00:00.000Z"),
        ("$NOW(-999999999 years)", "2025-03-31T12:00:00.000Z"),
    ] {
        assert_eq!(moved(text).as_deref(), Some(wanted), "{text}");
    }
    assert_eq!(moved("now"), None);
}
