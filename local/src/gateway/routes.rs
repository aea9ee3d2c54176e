//! Selects a route as an HTTP API does: a full match of path and method wins over a greedy one, which wins over
//! `$default`. Among equal ones, the route with more fixed segments from the left wins, and a named method wins over
//! `ANY`.
//!
//! One rule is stricter, as in Directus: a slash of the path and an encoded slash (`%2F`) in an id are different. An
//! HTTP API decodes a path before it matches it, so it cannot distinguish them (docs/decisions/0012).

use std::cmp::Reverse;

use super::path::decode;
use crate::template::{Function, Route};

/// The routes of an HTTP API.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Entry>,
    default: Option<String>,
}

#[derive(Debug)]
struct Entry {
    method: String,
    path: String,
    segments: Vec<Segment>,
    function: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    // Variants are in the order of preference.
    Fixed(String),
    One(String),
    Rest(String),
}

/// A route that matches a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Logical id of the function.
    pub function: String,
    /// The route as written in the template, for example `GET /items/code_reservation/{id}`.
    pub route_key: String,
    /// The values of the path's variables.
    pub parameters: Vec<(String, String)>,
}

impl Routes {
    /// The routes of the functions of a template.
    #[must_use]
    pub fn new(functions: &[Function]) -> Self {
        let mut routes = Self { routes: Vec::new(), default: None };
        for function in functions {
            for route in &function.routes {
                match route {
                    Route::Default => routes.default = Some(function.logical_id.clone()),
                    Route::Path { method, path } => routes.add(method, path, &function.logical_id),
                }
            }
        }
        let order = |entry: &Entry| {
            let kinds: Vec<u8> = entry.segments.iter().map(Segment::kind).collect();
            let greedy = matches!(entry.segments.last(), Some(Segment::Rest(_)));
            (greedy, kinds, Reverse(entry.segments.len()), entry.method == "ANY")
        };
        routes.routes.sort_by_key(order);
        routes
    }

    fn add(&mut self, method: &str, path: &str, function: &str) {
        let segments = path.trim_start_matches('/').split('/').map(Segment::parse).collect();
        let (method, path) = (method.to_owned(), path.to_owned());
        self.routes.push(Entry { method, path, segments, function: function.to_owned() });
    }

    /// The route of a request. `path` is the encoded path that the client sent.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Match> {
        let segments: Vec<String> = path.trim_start_matches('/').split('/').map(decode).collect();
        let matched = self.routes.iter().find_map(|entry| {
            if entry.method != method && entry.method != "ANY" {
                return None;
            }
            let parameters = entry.parameters(&segments)?;
            let route_key = format!("{} {}", entry.method, entry.path);
            Some(Match { function: entry.function.clone(), route_key, parameters })
        });
        matched.or_else(|| {
            let (function, route_key) = (self.default.clone()?, "$default".to_owned());
            Some(Match { function, route_key, parameters: Vec::new() })
        })
    }
}

impl Entry {
    /// The values of the route's variables; `None` if the path does not match.
    fn parameters(&self, segments: &[String]) -> Option<Vec<(String, String)>> {
        let greedy = matches!(self.segments.last(), Some(Segment::Rest(_)));
        let enough = if greedy { segments.len() >= self.segments.len() } else { segments.len() == self.segments.len() };
        if !enough {
            return None;
        }
        let mut parameters = Vec::new();
        for (position, segment) in self.segments.iter().enumerate() {
            let found = segments.get(position).map(String::as_str).unwrap_or_default();
            match segment {
                Segment::Fixed(text) if text == found => {}
                Segment::One(name) if !found.is_empty() => parameters.push((name.clone(), found.to_owned())),
                Segment::Rest(name) => {
                    // An empty segment may only be the end of a path with a trailing slash.
                    if found.is_empty() && segments.len() > position + 1 {
                        return None;
                    }
                    let rest = segments.get(position..).unwrap_or_default().join("/");
                    parameters.push((name.clone(), rest));
                }
                _ => return None,
            }
        }
        Some(parameters)
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Rest(name.to_owned()),
                None => Self::One(name.to_owned()),
            },
            None => Self::Fixed(text.to_owned()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Fixed(_) => 0,
            Self::One(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{TEMPLATE, Template};

    fn routes(list: &[(&str, &str, &str)]) -> Routes {
        let mut text = String::from("Resources:\n");
        for (position, (function, method, path)) in list.iter().enumerate() {
            text += &format!(
                "  {function}{position}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        E: \
                 {{Type: HttpApi, Properties: {{Method: {method}, Path: \"{path}\"}}}}\n"
            );
        }
        Routes::new(&Template::parse(&text, &[]).unwrap().functions)
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let list = [
            ("Greedy", "GET", "/a/{rest+}"),
            ("Any", "ANY", "/a/b"),
            ("Variable", "GET", "/a/{id}"),
            ("Fixed", "GET", "/a/b"),
            ("Longer", "GET", "/a/{id}/{rest+}"),
            ("Default", "ANY", "$default"),
        ];
        let mut backwards = list;
        backwards.reverse();
        for list in [list, backwards] {
            let routes = routes(&list);
            let find = |method: &str, path: &str| {
                let found = routes.find(method, path).unwrap();
                (found.function.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(), found.parameters)
            };
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            assert_eq!(find("GET", "/a/b").0, "Fixed");
            assert_eq!(find("POST", "/a/b").0, "Any");
            assert_eq!(find("GET", "/a/x"), ("Variable".to_owned(), vec![pair("id", "x")]));
            assert_eq!(find("GET", "/a/"), ("Greedy".to_owned(), vec![pair("rest", "")]));
            assert_eq!(find("GET", "/a/x/y/z"), ("Longer".to_owned(), vec![pair("id", "x"), pair("rest", "y/z")]));
            assert_eq!(find("GET", "/a/x/").1, vec![pair("id", "x"), pair("rest", "")]);
            assert_eq!(find("DELETE", "/a/x").0, "Default");
            assert_eq!(find("GET", "/").0, "Default");
        }
    }

    #[test]
    fn an_encoded_slash_belongs_to_a_segment() {
        let routes = routes(&[("Rest", "GET", "/a/{rest+}"), ("One", "GET", "/b/{id}")]);
        let find = |path: &str| routes.find("GET", path).map(|found| found.parameters);
        let pair = |name: &str, value: &str| Some(vec![(name.to_owned(), value.to_owned())]);
        assert_eq!(find("/a/%2F417%2F9"), pair("rest", "/417/9"));
        assert_eq!(find("/a/417/9"), pair("rest", "417/9"));
        assert_eq!(find("/a//417/9"), None);
        assert_eq!(find("/b/x%2Fy%20z"), pair("id", "x/y z"));
        assert_eq!(find("/b/x/y"), None);
    }

    #[test]
    fn search_and_methods_without_a_route_of_their_own_go_to_the_list() {
        let template = Template::parse(TEMPLATE, &[]).unwrap();
        let routes = Routes::new(&template.functions);
        let find = |method: &str, path: &str| {
            let found = routes.find(method, path).unwrap();
            (found.function, found.route_key)
        };
        let pair = |function: &str, key: &str| (function.to_owned(), key.to_owned());
        const LIST: &str = "/items/code_reservation";
        const ID: &str = "/items/code_reservation/0193aaaa-0000-7000-8000-000000000001";
        for method in ["SEARCH", "PUT", "OPTIONS", "TRACE", "LINK"] {
            assert_eq!(find(method, LIST), pair("ListReservations", "ANY /items/code_reservation"), "{method}");
            for path in [format!("{LIST}/"), ID.to_owned(), format!("{ID}/"), format!("{ID}/x")] {
                let expected = pair("ListReservations", "ANY /items/code_reservation/{proxy+}");
                assert_eq!(find(method, &path), expected, "{method} {path}");
            }
        }
        // Named methods win, at every depth.
        for (method, at_list, at_id) in [
            ("GET", "ListReservations", "GetReservation"),
            ("HEAD", "ListReservations", "GetReservation"),
            ("PATCH", "UpdateReservations", "UpdateReservations"),
            ("DELETE", "DeleteReservations", "DeleteReservations"),
        ] {
            for slash in ["", "/"] {
                assert_eq!(find(method, &format!("{LIST}{slash}")).0, at_list, "{method}");
                assert_eq!(find(method, &format!("{ID}{slash}")).0, at_id, "{method}");
            }
        }
        for path in [LIST.to_owned(), format!("{LIST}/"), ID.to_owned(), format!("{ID}/")] {
            assert_eq!(find("POST", &path).0, "CreateReservations", "{path}");
        }
        assert_eq!(find("SEARCH", "/items/other").1, "$default");
        assert_eq!(find("OPTIONS", "/items/other").1, "OPTIONS /{proxy+}");
    }
}
