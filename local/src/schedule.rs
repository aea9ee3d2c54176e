//! Runs the scheduled functions: once at the start, because a laptop is often asleep at the scheduled time, and then by
//! the template's schedule.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::{
    callable::Callable,
    invocation::request_id,
    template::{ACCOUNT, REGION, Schedule, Timing},
};

/// Runs a function on a schedule until the future is dropped.
pub async fn run(schedule: Schedule, function: Callable) {
    let name = &function.invoked().name;
    loop {
        let request_id = request_id();
        let payload = schedule.input.clone().unwrap_or_else(|| own_event(&schedule.name));
        match function.call(payload, &request_id).await {
            Ok(answer) => {
                tracing::debug!(function = name, schedule = schedule.name, %answer, "ran by schedule")
            }
            Err(error) => {
                tracing::error!(function = name, schedule = schedule.name, request_id, error, "the run failed");
            }
        }
        tokio::time::sleep(until_next(schedule.timing, Utc::now())).await;
    }
}

/// The time until a schedule fires next.
fn until_next(timing: Timing, now: DateTime<Utc>) -> Duration {
    match timing {
        Timing::Every(period) => period,
        Timing::Daily { hour, minute } => {
            let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
            let today = now.date_naive().and_time(time).and_utc();
            let next = if today > now { Some(today) } else { today.checked_add_days(Days::new(1)) };
            next.and_then(|next| (next - now).to_std().ok()).unwrap_or(Duration::from_secs(86_400))
        }
    }
}

/// The default event of a schedule without `Input`.
fn own_event(schedule: &str) -> Value {
    json!({
        "version": "0",
        "id": request_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{schedule}")],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn a_daily_run_is_less_than_a_day_away_and_at_its_minute() {
        let at = |hour, minute| Utc.with_ymd_and_hms(2026, 2, 28, hour, minute, 0).unwrap();
        let daily = Timing::Daily { hour: 3, minute: 17 };
        assert_eq!(until_next(daily, at(3, 0)), Duration::from_secs(17 * 60));
        assert_eq!(until_next(daily, at(3, 17)), Duration::from_secs(86_400));
        assert_eq!(until_next(daily, at(23, 17)), Duration::from_secs(4 * 3_600));
        assert_eq!(until_next(Timing::Every(Duration::from_secs(900)), at(0, 0)), Duration::from_secs(900));
    }
}
