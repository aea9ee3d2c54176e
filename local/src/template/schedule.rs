//! The schedules of functions.

use std::time::Duration;

use serde_json::Value;

/// A schedule of a function.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The event's name in the template.
    pub name: String,
    /// When it fires.
    pub timing: Timing,
    /// The function's event; `None` for the scheduler's default event.
    pub input: Option<Value>,
}

/// When a schedule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At a fixed rate.
    Every(Duration),
    /// Once a day, at an hour and minute in UTC.
    Daily {
        /// 0…23.
        hour: u32,
        /// 0…59.
        minute: u32,
    },
}

impl Schedule {
    pub(super) fn read(name: &str, properties: &Value) -> Result<Self, String> {
        let text = |member: &str| properties.get(member).and_then(Value::as_str);
        let expression =
            text("ScheduleExpression").or_else(|| text("Schedule")).ok_or("a schedule has no expression")?;
        let input = text("Input")
            .map(|input| serde_json::from_str(input).map_err(|error| format!("Input is no JSON: {error}")))
            .transpose()?;
        Ok(Self { name: name.to_owned(), timing: timing(expression)?, input })
    }
}

fn timing(expression: &str) -> Result<Timing, String> {
    let unsupported =
        || format!("the schedule {expression} is not supported here: rate(…) or a daily cron(…) is needed");
    let argument = |function: &str| expression.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = argument("rate") {
        let (count, unit) = rate.split_once(' ').ok_or_else(unsupported)?;
        let count: u64 = count.parse().map_err(|_| unsupported())?;
        let seconds = match unit.trim_end_matches('s') {
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => return Err(unsupported()),
        };
        return if count == 0 { Err(unsupported()) } else { Ok(Timing::Every(Duration::from_secs(count * seconds))) };
    }
    let fields: Vec<&str> = argument("cron").ok_or_else(unsupported)?.split_whitespace().collect();
    match fields.as_slice() {
        [minute, hour, "*" | "?", "*", "*" | "?", "*"] => {
            let in_range = |text: &str, limit: u32| text.parse().ok().filter(|value: &u32| *value < limit);
            let (Some(hour), Some(minute)) = (in_range(hour, 24), in_range(minute, 60)) else {
                return Err(unsupported());
            };
            Ok(Timing::Daily { hour, minute })
        }
        _ => Err(unsupported()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_daily_times_are_read_and_others_refused() {
        assert_eq!(timing("rate(15 minutes)").unwrap(), Timing::Every(Duration::from_secs(900)));
        assert_eq!(timing("rate(1 day)").unwrap(), Timing::Every(Duration::from_secs(86_400)));
        assert_eq!(timing("cron(30 3 * * ? *)").unwrap(), Timing::Daily { hour: 3, minute: 30 });
        for wrong in
            ["rate(0 minutes)", "rate(x)", "cron(0/5 * * * ? *)", "cron(0 25 * * ? *)", "at(2026-01-01T00:00:00)"]
        {
            assert!(timing(wrong).is_err(), "{wrong}");
        }
    }
}
