//! Human readable text in lines.

/// A text of one-byte characters in lines of at most `most`. An element string is divided before its brackets; an element that is
/// longer than a line is divided anywhere, and the next one begins a line. No line is empty.
#[must_use]
pub fn lines(text: &str, most: usize) -> Vec<&str> {
    let most = most.max(1);
    let mut lines = Vec::new();
    // Where the line begins, and where the last element ends that it holds.
    let (mut start, mut end) = (0, 0);
    let brackets = text.match_indices('(').map(|(at, _)| at).filter(|at| *at > 0);
    for next in brackets.chain([text.len()]) {
        if next - start > most && end > start {
            lines.push(text.get(start..end).unwrap_or_default());
            start = end;
        }
        if next - start > most {
            while start < next {
                let cut = next.min(start + most);
                lines.push(text.get(start..cut).unwrap_or_default());
                start = cut;
            }
        }
        end = next;
    }
    if end > start {
        lines.push(text.get(start..end).unwrap_or_default());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_together_where_they_fit() {
        let text = "(01)09506000134352(21)aB3dE5gH";
        assert_eq!(lines(text, 30), [text]);
        assert_eq!(lines(text, 29), ["(01)09506000134352", "(21)aB3dE5gH"]);
        assert_eq!(lines(text, 18), ["(01)09506000134352", "(21)aB3dE5gH"]);
        assert_eq!(lines(text, 16), ["(01)095060001343", "52", "(21)aB3dE5gH"]);
        assert_eq!(lines("(8006)095060001343520102(10)A(21)B", 24), ["(8006)095060001343520102", "(10)A(21)B"]);
        assert_eq!(lines("abc", 2), ["ab", "c"]);
        assert_eq!(lines("", 5), Vec::<&str>::new());
    }

    #[test]
    fn lines_are_the_text_none_too_long_none_empty() {
        for text in ["(01)1(21)2", "((((", "a(b)c(d", "(8010)9506000AB#-12(8011)123456789012", "xxxxxxxxxxxx(1)"] {
            for most in 0..40 {
                let lines = lines(text, most);
                assert_eq!(lines.concat(), text);
                assert!(lines.iter().all(|line| (1..=most.max(1)).contains(&line.len())), "{text} {most}: {lines:?}");
            }
        }
    }
}
