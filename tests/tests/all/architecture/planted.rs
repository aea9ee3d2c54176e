//! The checks fail for a wrong import of every form, and only for those.

use super::{
    QUERY, against_layers, against_phases,
    arrows::{Arrows, Sources, arrows},
    arrows_in_query, circles, shown, top_level_arrows,
};

/// A small set of modules in the layers of this repository, with one more line in one module (`module|line`).
fn house(planted: &str) -> Sources {
    let files = [
        ("common", "pub use domain::{code, query}; pub mod api; pub mod store; pub use api::Answer;"),
        (
            "common::api",
            "pub mod error; pub use error::Wrong; use crate::store::Row; pub struct Answer(Row); pub fn f() {}",
        ),
        ("common::api::error", "pub struct Wrong;"),
        ("common::store", "pub mod rows; pub use rows::Row; use crate::code::Id;"),
        ("common::store::rows", "use domain::code::Id; pub struct Row(Id);"),
        ("domain", "pub mod code; pub mod query;"),
        ("domain::code", "pub struct Id;"),
        ("domain::query", "pub use raw::Raw; mod ground; mod parse; mod plan; mod raw;"),
        ("domain::query::ground", "pub struct Wrong;"),
        ("domain::query::parse", "use super::raw::Raw; use crate::query::{ground, plan::Plan};"),
        ("domain::query::plan", "pub struct Plan;"),
        ("domain::query::raw", "pub struct Raw;"),
    ];
    let mut sources: Sources = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let (module, line) = planted.split_once('|').unwrap_or(("common::store", ""));
    sources.get_mut(module).unwrap().push_str(line);
    sources
}

#[test]
fn a_house_in_order_passes() {
    let arrows = arrows(&house(""));
    assert_eq!((against_layers(&arrows), against_phases(&arrows)), (Arrows::new(), Arrows::new()));
    assert_eq!(circles(&top_level_arrows(&arrows)), Vec::<Vec<String>>::new());
    assert_eq!(circles(&arrows_in_query(&arrows)), Vec::<Vec<String>>::new());
    assert!(arrows.contains(&("common::api".to_owned(), "common::store::rows".to_owned())), "{}", shown(&arrows));
}

#[test]
fn a_wrong_import_is_found_in_every_form() {
    for planted in [
        "common::store|use crate::api;",
        "common::store|use crate::api::f;",
        "common::store|use crate::{code::Id as Key, api::{self as web, f as g}};",
        "common::store|use crate::api::*;",
        "common::store|use super::api::f;",
        "common::store|use self::super::api::f;",
        "common::store::rows|use super::super::api::f;",
        "common::store|pub use crate::api::f;",
        "common::store|pub(crate) use super::api as web;",
        "common::store|use crate::Answer;",
        "common::store|use super::*; fn g(_: Answer) {}",
        "common::store|fn g() { crate::api::f(); }",
        "common::store|fn g() { super::api::f(); }",
        "common::store::rows|fn g() { super::super::api::f(); }",
        "common::store|fn g(_: crate::api::Answer) {}",
        "common::store|fn g(_: Vec<Option<crate::api::Answer>>) {}",
        "common::store|impl From<u8> for crate::api::Answer {}",
        "common::store|fn g<T: crate::api::Shown>() {}",
        "common::store|fn g() { use crate::api::f; }",
        "common::store|fn g() { println!(\"{:?}\", crate::api::f()); }",
        "common::store|fn g() { vec![super::api::f()]; }",
        "common::store|macro_rules! m { () => { $crate::api::f() } }",
        "common::store|use crate as root; fn g() { root::api::f(); }",
        "common::store|use super as up; use up::api as web; fn g() { web::f(); }",
        "common::store|mod inner { fn g() { crate::api::f(); } }",
        "common::store|mod inner { use super::super::api; }",
        "common::store|#[cfg(not(test))] use crate::api::f;",
        "common::store|fn g(x: u8) { match x { crate::api::LIMIT => {} _ => {} } }",
    ] {
        let wrong = against_layers(&arrows(&house(planted)));
        let wanted = Arrows::from([("common::store".to_owned(), "common::api".to_owned())]);
        assert_eq!(wrong, wanted, "{planted}");
        assert_eq!(
            circles(&top_level_arrows(&arrows(&house(planted)))),
            [["common::api", "common::store"]],
            "{planted}"
        );
    }
}

#[test]
fn a_wrong_arrow_between_phases_is_found() {
    for (planted, from, to) in [
        ("domain::query::plan|use super::parse::read;", "plan", "parse"),
        ("domain::query::raw|use crate::query::plan::Plan;", "raw", "plan"),
        ("domain::query::ground|fn g(_: super::raw::Raw) {}", "ground", "raw"),
    ] {
        let wanted = Arrows::from([(format!("{QUERY}::{from}"), format!("{QUERY}::{to}"))]);
        assert_eq!(against_phases(&arrows(&house(planted))), wanted, "{planted}");
    }
    let through_the_door = arrows(&house("domain::query::parse|use crate::query::Raw as R;"));
    assert!(against_phases(&through_the_door).contains(&("domain::query::parse".to_owned(), QUERY.to_owned())));
    let circle = arrows(&house("domain::query::plan|use super::parse;"));
    assert_eq!(circles(&arrows_in_query(&circle)), [["domain::query::parse", "domain::query::plan"]]);
}

#[test]
fn what_is_no_use_makes_no_arrow() {
    for planted in [
        "common::store|/// [`crate::api::f`]\nfn g() {}",
        "common::store|#[cfg(test)] mod tests { use crate::api::f; }",
        "common::store|#[test] fn g() { crate::api::f(); }",
        "common::store|fn g() { println!(\"crate::api::f\"); }",
        "common::store|pub(in crate::api) fn g() {}",
        "common::store|fn g() { api::f(); std::api::f(); }",
    ] {
        assert_eq!(against_layers(&arrows(&house(planted))), Arrows::new(), "{planted}");
    }
}
