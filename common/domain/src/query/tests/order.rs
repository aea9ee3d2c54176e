//! Search, sort, and what the planner is told.

use super::*;
use crate::query::CodeLookup;

#[test]
fn a_list_of_codes_is_in_the_order_of_positions() {
    let codes = |text: &str| {
        parse(&parse_query_string(text).unwrap(), Collection::UniqueCode, &admin(), now(), &Budget::default())
    };
    assert_eq!(codes("").unwrap().is_default_sort(), Some(false));
    assert_eq!(codes("sort=-position").unwrap().is_default_sort(), Some(true));
    assert_eq!(codes("sort=code").map_err(|e| e.status()), Err(400));
    let filter = codes("filter[epc_join_key][_in]=a,b").unwrap().filter.unwrap();
    assert_eq!(
        filter.as_code_lookups(),
        Ok(vec![CodeLookup::EpcJoinKey("a".into()), CodeLookup::EpcJoinKey("b".into())])
    );
    let filter = codes("filter[reservation][_eq]=x").unwrap().filter.unwrap();
    assert_eq!(filter.as_code_lookups().map_err(|e| e.status()), Err(400));
    assert_eq!(filter.required_equalities(), [("reservation", vec!["x"])]);
}

#[test]
fn search_looks_into_texts_and_equals_numbers_and_keys() {
    assert_eq!(ids("search=BATCH"), "12");
    assert_eq!(ids("search=30"), "3");
    assert_eq!(ids("search=3"), "");
    assert_eq!(ids(&format!("search={BOB}")), "3");
    assert_eq!(ids(&format!("search={}", BOB.to_uppercase())), "3");
    assert_eq!(ids("search="), "1234");
    assert_eq!(ids("search=%20%09BATCH%20"), "12", "white space around a text is not searched for");
    assert_eq!(ids("search=%20"), "", "but it is if there is nothing else");
    assert_eq!(ids("search[]=BATCH"), "1234");
}

#[test]
fn a_search_reads_the_status_only_if_one_contains_the_text() {
    let reads = |text: &str| {
        let query = query(&format!("search={text}")).unwrap();
        query.evaluated_members().names().contains(&"status")
    };
    assert!(["new", "COMP", "e", "in_progress"].into_iter().all(reads));
    assert!(!["PO-7", "completed", "é"].into_iter().any(reads));
}

#[test]
fn nulls_sort_last_ascending_and_first_descending() {
    assert_eq!(ids("sort=quantity"), "2134");
    assert_eq!(ids("sort=-quantity"), "4312");
    assert_eq!(ids("sort=reserved_for.city,-id"), "2143");
    assert_eq!(ids("sort=-user_created.first_name"), "3124");
}

#[test]
fn texts_sort_by_their_bytes_and_ties_by_key() {
    assert_eq!(ids("sort=reference_id"), "3124");
    assert_eq!(ids("sort=code_type"), "1234");
    assert_eq!(ids("sort=-code_type,status"), "4213");
    assert_eq!(ids("sort=-month(date_created),id"), "1423");
    assert_eq!(ids("sort=-count(codes)"), "1234");
    assert_eq!(reason("sort=upper(status)"), "400 Invalid function specified \"upper\"");
}

#[test]
fn the_planner_sees_what_every_match_must_have() {
    let text = "filter={\"_and\":[{\"status\":\"new\"},{\"id\":{\"_in\":[\"a\",\"b\"]}},{\"_or\":[{\"quantity\":1},{\"product\":\"x\"}]}]}";
    let filter = query(text).unwrap().filter.unwrap();
    assert_eq!(filter.required_equalities(), [("status", vec!["new"]), ("id", vec!["a", "b"])]);
    let filter = query("filter={\"_and\":[{\"id\":{\"_in\":[\"a\",\"b\"]}},{\"id\":{\"_in\":[\"b\",\"c\"]}}]}")
        .unwrap()
        .filter
        .unwrap();
    assert_eq!(filter.required_equalities(), [("id", vec!["b"])]);
    assert_eq!(query("sort=-id,status").unwrap().is_default_sort(), Some(true));
    assert_eq!(query("").unwrap().is_default_sort(), Some(false));
    assert_eq!(query("sort=status").unwrap().is_default_sort(), None);
}
