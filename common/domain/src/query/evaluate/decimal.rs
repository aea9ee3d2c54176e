//! Division with as many digits as PostgreSQL's `numeric`, so that averages have the same text.

/// `sum / count` with as many decimals as PostgreSQL's `numeric` division gives: at least 16 significant digits, counted
/// in groups of four (`select_div_scale` of its numeric.c).
pub(in crate::query) fn quotient(sum: i128, count: i128) -> String {
    let (dividend, divisor) = (sum.unsigned_abs(), count.unsigned_abs());
    let (weight, first) = leading_group(dividend);
    let (divisor_weight, divisor_first) = leading_group(divisor);
    let mut digits = weight - divisor_weight;
    if first <= divisor_first {
        digits -= 1;
    }
    let scale = usize::try_from((16 - 4 * digits).max(0)).unwrap_or(0);
    // Long division digit by digit; the remainder decides the rounding, half away from zero.
    let mut whole = dividend / divisor;
    let mut rest = dividend % divisor;
    let mut decimals = Vec::with_capacity(scale);
    for _ in 0..scale {
        rest *= 10;
        decimals.push(u8::try_from(rest / divisor).unwrap_or(0));
        rest %= divisor;
    }
    if rest * 2 >= divisor {
        let mut carry = true;
        for digit in decimals.iter_mut().rev() {
            *digit = if *digit == 9 { 0 } else { *digit + 1 };
            if *digit != 0 {
                carry = false;
                break;
            }
        }
        whole += u128::from(carry);
    }
    let sign = if sum < 0 && (whole > 0 || decimals.iter().any(|d| *d > 0)) { "-" } else { "" };
    let decimals: String = decimals.iter().map(|d| char::from(b'0' + d)).collect();
    if decimals.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{decimals}") }
}

/// The highest group of four digits and its position.
fn leading_group(mut value: u128) -> (i32, u128) {
    let mut weight = 0;
    while value >= 10_000 {
        value /= 10_000;
        weight += 1;
    }
    (weight, value)
}
