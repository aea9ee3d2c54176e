//! The filter patterns of event source mappings, in EventBridge's pattern language. Pure: no I/O.
//!
//! A pattern has the structure of the event. A leaf is an array of alternatives: plain values, or rules such as
//! `{"prefix": …}`, `{"exists": false}`, `{"numeric": [">", 0]}`, `{"anything-but": …}`. All members of an object must
//! match; `$or` contains alternatives. An array in the event matches if one of its elements does.

use serde_json::{Map, Value};

/// A filter pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Node);

#[derive(Clone, Debug)]
enum Node {
    /// All members must match, and one alternative of every `$or`.
    Object(Vec<(String, Node)>, Vec<Vec<Node>>),
    /// One of the rules must match.
    Leaf(Vec<Rule>),
}

#[derive(Clone, Debug)]
enum Rule {
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix { text: String, ignore_case: bool },
    Suffix { text: String, ignore_case: bool },
    Wildcard(String),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    Not(Vec<Rule>),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// A text that names the part that Lambda would refuse.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("the pattern {text} is no JSON: {error}"))?;
        let object = value.as_object().ok_or_else(|| format!("the pattern {text} is no object"))?;
        parse_object(object).map(Self).map_err(|reason| format!("the pattern {text}: {reason}"))
    }

    /// Whether an event matches.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        matches_node(&self.0, Some(event))
    }
}

fn parse_object(object: &Map<String, Value>) -> Result<Node, String> {
    if object.is_empty() {
        return Err("an object is empty".to_owned());
    }
    let (mut members, mut choices) = (Vec::new(), Vec::new());
    for (name, value) in object {
        match value {
            Value::Array(alternatives) if name == "$or" => {
                let alternatives: Result<Vec<Node>, String> = alternatives
                    .iter()
                    .map(|alternative| {
                        alternative.as_object().ok_or("$or holds no objects".to_owned()).and_then(parse_object)
                    })
                    .collect();
                choices.push(alternatives?);
            }
            Value::Object(inner) => members.push((name.clone(), parse_object(inner)?)),
            Value::Array(rules) if !rules.is_empty() => {
                members.push((name.clone(), Node::Leaf(rules.iter().map(parse_rule).collect::<Result<_, _>>()?)));
            }
            _ => return Err(format!("{name} must be an object or an array of alternatives")),
        }
    }
    Ok(Node::Object(members, choices))
}

fn parse_rule(rule: &Value) -> Result<Rule, String> {
    let object = match rule {
        Value::Object(object) => object,
        Value::Array(_) => return Err("an alternative is an array".to_owned()),
        plain => return Ok(Rule::Equals(plain.clone())),
    };
    let wrong = || format!("the rule {rule} is not understood");
    let (name, argument) = object.iter().next().filter(|_| object.len() == 1).ok_or_else(wrong)?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
    let with_case = |value: &Value| match value.get("equals-ignore-case") {
        Some(inner) => text(inner).map(|text| (text.to_lowercase(), true)),
        None => text(value).map(|text| (text, false)),
    };
    Ok(match name.as_str() {
        "exists" => Rule::Exists(argument.as_bool().ok_or_else(wrong)?),
        "equals-ignore-case" => Rule::EqualsIgnoreCase(text(argument)?.to_lowercase()),
        "prefix" => with_case(argument).map(|(text, ignore_case)| Rule::Prefix { text, ignore_case })?,
        "suffix" => with_case(argument).map(|(text, ignore_case)| Rule::Suffix { text, ignore_case })?,
        "wildcard" => Rule::Wildcard(text(argument)?),
        "numeric" => Rule::Numeric(parse_numeric(argument).ok_or_else(wrong)?),
        "anything-but" => Rule::Not(match argument {
            Value::Array(values) if values.iter().all(|value| !value.is_object() && !value.is_array()) => {
                values.iter().cloned().map(Rule::Equals).collect()
            }
            Value::Array(_) => return Err(wrong()),
            // The inner rule may take several texts: {"prefix": ["a", "b"]}.
            Value::Object(inner) => match inner.iter().next() {
                Some((rule, Value::Array(values))) => values
                    .iter()
                    .map(|value| parse_rule(&Value::Object(Map::from_iter([(rule.clone(), value.clone())]))))
                    .collect::<Result<_, _>>()?,
                _ => vec![parse_rule(argument)?],
            },
            plain => vec![Rule::Equals(plain.clone())],
        }),
        _ => return Err(wrong()),
    })
}

fn parse_numeric(argument: &Value) -> Option<Vec<(Comparison, f64)>> {
    let items = argument.as_array().filter(|items| !items.is_empty() && items.len() % 2 == 0)?;
    let bounds = items.chunks_exact(2).map(|pair| {
        let [operator, bound] = pair else { return None };
        let comparison = match operator.as_str()? {
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            "=" => Comparison::Equal,
            ">=" => Comparison::GreaterOrEqual,
            ">" => Comparison::Greater,
            _ => return None,
        };
        Some((comparison, bound.as_f64()?))
    });
    bounds.collect()
}

fn matches_node(node: &Node, event: Option<&Value>) -> bool {
    match node {
        Node::Object(members, choices) => {
            // For an array of objects, each element is tried.
            if let Some(Value::Array(items)) = event {
                return items.iter().any(|item| matches_node(node, Some(item)));
            }
            members.iter().all(|(name, inner)| matches_node(inner, event.and_then(|event| event.get(name))))
                && choices.iter().all(|choice| choice.iter().any(|alternative| matches_node(alternative, event)))
        }
        Node::Leaf(rules) => rules.iter().any(|rule| matches_leaf(rule, event)),
    }
}

fn matches_leaf(rule: &Rule, event: Option<&Value>) -> bool {
    match (rule, event) {
        // `exists` applies to leaves only; an object is not a leaf.
        (Rule::Exists(wanted), event) => *wanted == event.is_some_and(|value| !value.is_object()),
        (_, None | Some(Value::Object(_))) => false,
        (Rule::Not(rules), Some(Value::Array(items))) => {
            items.iter().any(|item| !rules.iter().any(|rule| matches_value(rule, item)))
        }
        (rule, Some(Value::Array(items))) => items.iter().any(|item| matches_value(rule, item)),
        (rule, Some(value)) => matches_value(rule, value),
    }
}

fn matches_value(rule: &Rule, value: &Value) -> bool {
    let on_text = |test: &dyn Fn(&str) -> bool| value.as_str().is_some_and(test);
    match rule {
        Rule::Equals(wanted) => match (wanted.as_f64(), value.as_f64()) {
            (Some(wanted), Some(value)) => wanted == value,
            _ => wanted == value,
        },
        Rule::EqualsIgnoreCase(wanted) => on_text(&|text| text.to_lowercase() == *wanted),
        Rule::Prefix { text: prefix, ignore_case: false } => on_text(&|text| text.starts_with(prefix.as_str())),
        Rule::Prefix { text: prefix, .. } => on_text(&|text| text.to_lowercase().starts_with(prefix.as_str())),
        Rule::Suffix { text: suffix, ignore_case: false } => on_text(&|text| text.ends_with(suffix.as_str())),
        Rule::Suffix { text: suffix, .. } => on_text(&|text| text.to_lowercase().ends_with(suffix.as_str())),
        Rule::Wildcard(pattern) => on_text(&|text| matches_wildcard(pattern, text)),
        Rule::Exists(wanted) => *wanted,
        // DynamoDB's numbers arrive as text. Lambda nevertheless compares them as numbers.
        Rule::Numeric(bounds) => {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            number.is_some_and(|number| bounds.iter().all(|(comparison, bound)| comparison.holds(number, *bound)))
        }
        Rule::Not(rules) => !rules.iter().any(|rule| matches_value(rule, value)),
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
    }
}

/// `*` matches any text.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some(position) = text.find(piece) else { return false };
        text = text.get(position + piece.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &str, event: &Value) -> bool {
        Pattern::parse(pattern).unwrap().matches(event)
    }

    #[test]
    fn plain_values_match_exactly_and_alternatives_are_one_of() {
        let event = json!({"eventName": "INSERT", "n": 5, "flag": true, "none": null});
        assert!(matches(r#"{"eventName": ["INSERT", "MODIFY"]}"#, &event));
        assert!(!matches(r#"{"eventName": ["REMOVE"]}"#, &event));
        assert!(!matches(r#"{"eventName": ["insert"]}"#, &event));
        assert!(matches(r#"{"n": [5.0], "flag": [true], "none": [null]}"#, &event));
        assert!(!matches(r#"{"n": [5], "flag": [false]}"#, &event));
        assert!(!matches(r#"{"missing": [null]}"#, &event));
    }

    #[test]
    fn exists_looks_at_leaves_only() {
        let seeded = json!({"dynamodb": {"NewImage": {"seeded": {"BOOL": true}}}});
        let other = json!({"dynamodb": {"NewImage": {"id": {"S": "x"}}}});
        let not_seeded = r#"{"dynamodb": {"NewImage": {"seeded": {"BOOL": [{"exists": false}]}}}}"#;
        assert!(!matches(not_seeded, &seeded));
        assert!(matches(not_seeded, &other));
        // For this rule, a node that is not a leaf does not exist.
        assert!(!matches(r#"{"dynamodb": {"NewImage": [{"exists": true}]}}"#, &other));
        assert!(matches(r#"{"dynamodb": {"NewImage": {"id": {"S": [{"exists": true}]}}}}"#, &other));
    }

    #[test]
    fn texts_match_by_beginning_end_wildcard_and_case() {
        let event = json!({"key": "exports/A/1.csv"});
        for (pattern, expected) in [
            (r#"{"key": [{"prefix": "exports/"}]}"#, true),
            (r#"{"key": [{"prefix": "Exports/"}]}"#, false),
            (r#"{"key": [{"prefix": {"equals-ignore-case": "EXPORTS/"}}]}"#, true),
            (r#"{"key": [{"suffix": ".csv"}]}"#, true),
            (r#"{"key": [{"suffix": ".json"}]}"#, false),
            (r#"{"key": [{"equals-ignore-case": "EXPORTS/a/1.CSV"}]}"#, true),
            (r#"{"key": [{"wildcard": "exports/*/1.*"}]}"#, true),
            (r#"{"key": [{"wildcard": "*.json"}]}"#, false),
            (r#"{"key": [{"wildcard": "exports/*"}]}"#, true),
        ] {
            assert_eq!(matches(pattern, &event), expected, "{pattern}");
        }
    }

    #[test]
    fn numbers_match_by_bounds_also_where_dynamodb_sends_a_text() {
        for event in [json!({"N": 42}), json!({"N": "42"})] {
            assert!(matches(r#"{"N": [{"numeric": [">", 40, "<=", 42]}]}"#, &event));
            assert!(!matches(r#"{"N": [{"numeric": ["<", 42]}]}"#, &event));
            assert!(matches(r#"{"N": [{"numeric": ["=", 42]}]}"#, &event));
        }
        assert!(!matches(r#"{"N": [{"numeric": [">", 0]}]}"#, &json!({"N": "many"})));
    }

    #[test]
    fn anything_but_needs_a_value_and_refuses_the_named_ones() {
        let event = json!({"status": "new"});
        assert!(matches(r#"{"status": [{"anything-but": "error"}]}"#, &event));
        assert!(!matches(r#"{"status": [{"anything-but": ["new", "error"]}]}"#, &event));
        assert!(!matches(r#"{"status": [{"anything-but": {"prefix": "n"}}]}"#, &event));
        assert!(matches(r#"{"status": [{"anything-but": {"prefix": ["a", "b"]}}]}"#, &event));
        assert!(!matches(r#"{"absent": [{"anything-but": "x"}]}"#, &event));
    }

    #[test]
    fn or_holds_alternatives_and_arrays_match_by_any_element() {
        let event = json!({"a": [1, 2], "list": [{"k": "x"}, {"k": "y"}], "b": 3});
        assert!(matches(r#"{"a": [2]}"#, &event));
        assert!(matches(r#"{"list": {"k": ["y"]}}"#, &event));
        assert!(matches(r#"{"$or": [{"b": [4]}, {"a": [1]}]}"#, &event));
        assert!(!matches(r#"{"$or": [{"b": [4]}, {"a": [9]}]}"#, &event));
    }

    #[test]
    fn what_lambda_refuses_is_refused() {
        for wrong in [
            "[]",
            "{",
            "{}",
            r#"{"a": 1}"#,
            r#"{"a": []}"#,
            r#"{"a": [{"near": 1}]}"#,
            r#"{"a": [{"numeric": [">"]}]}"#,
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
