//! The columns of a table: the fields of the query, whatever the rows are.

use super::*;

/// The header of the table that a query answers.
fn header(text: &str) -> String {
    table(text).lines().next().unwrap_or_default().replace('"', "")
}

fn table(text: &str) -> String {
    let query = query(&format!("{text}&export=csv")).unwrap_or_else(|e| panic!("{text}: {e}"));
    let answer = query.run(&rows(), &related()).unwrap();
    query.export.unwrap().write(&query, &answer.data)
}

/// The header is the same for all rows, for each of them alone, and for none.
fn assert_columns(text: &str, columns: &str) {
    for rows in ["", "&limit=0", "&limit=1", "&limit=1&offset=2", "&limit=1&offset=3", "&filter[status][_eq]=x"] {
        assert_eq!(header(&format!("{text}{rows}")), columns, "{text}{rows}");
    }
}

#[test]
fn columns_are_the_fields_in_their_order_whatever_the_rows_are() {
    assert_columns("fields=id,user_updated.first_name", "id,user_updated.first_name");
    assert_columns("fields=reserved_for.city,id,reserved_for.id", "reserved_for.city,id,reserved_for.id");
    assert_columns(
        "fields=user_created.email,id,user_created.first_name",
        "user_created.email,id,user_created.first_name",
    );
    assert_columns(
        "fields=export_file.uploaded_by.email,status,export_file.id,id,export_file.uploaded_by.id,status",
        "export_file.uploaded_by.email,status,export_file.id,id,export_file.uploaded_by.id",
    );
    assert_columns("fields=export_file.uploaded_by.first_name,status", "export_file.uploaded_by.first_name,status");
    assert_columns("fields=user_updated", "user_updated");
    assert_columns("fields=codes,id", "codes,id");
    assert_columns("fields=codes.code,count(codes)", "codes,codes_count");
    assert_columns("fields=year(date_created),date_updated", "date_created_year,date_updated");
    assert_columns("fields=id,id,status,id", "id,status");
    assert_columns("fields=length,quantity", "length,quantity");
    assert_columns("fields=reserved_for:organisation.id,id", "reserved_for,id");
}

#[test]
fn a_wildcard_has_a_column_for_each_field() {
    let names = |collection: Collection| {
        let fields = collection.fields().iter().filter(|field| field.in_wildcard);
        fields.map(|field| field.name.to_owned()).collect::<Vec<_>>()
    };
    assert_columns("", &names(Collection::CodeReservation).join(","));
    assert_columns("fields=*", &names(Collection::CodeReservation).join(","));
    let columns = header("fields=*.*&limit=0");
    assert_eq!(columns, header("fields=*.*"));
    for expected in ["user_updated.first_name,", "reserved_for.city,", "export_file.filesize,", ",codes,", ",status,"] {
        assert!(columns.contains(expected), "{expected} in {columns}");
    }
    assert!(!columns.contains("codes."), "rows that refer to this one are one value");
}

#[test]
fn a_relation_beside_its_members_is_a_column_with_the_key() {
    assert_columns("fields=user_created,user_created.email", "user_created,user_created.email");
    assert_columns("fields=user_created.email,id,user_created", "user_created.email,id,user_created");
    assert_columns("fields=who.email,who&alias[who]=user_created", "who.email,who");
    assert_columns("fields=reserved_for:organisation.id,reserved_for.city", "reserved_for,reserved_for.city");
    assert_columns(
        "fields=export_file.uploaded_by,export_file.uploaded_by.id",
        "export_file.uploaded_by,export_file.uploaded_by.id",
    );
    let rows = table("fields=user_created,user_created.first_name&limit=1");
    assert_eq!(rows, format!("\"user_created\",\"user_created.first_name\"\n\"{ALICE}\",\"Alice\""));
}

#[test]
fn a_wildcard_expands_at_its_place() {
    let all = header("fields=*");
    let others = |name: &str| all.split(',').filter(|one| *one != name).collect::<Vec<_>>().join(",");
    assert_columns("fields=status,*", &format!("status,{}", others("status")));
    assert_columns("fields=user_created.email,*,status", &format!("user_created.email,{all}"));
    let user = header("fields=user_created.*");
    assert_columns("fields=user_created.*,id,user_created.email", &format!("{user},id"));
    assert_columns(
        "fields=id,user_created.email,quantity,user_created.id",
        "id,user_created.email,quantity,user_created.id",
    );
}

#[test]
fn an_alias_is_a_column_like_any_other() {
    assert_columns("fields=qty,id&alias[qty]=quantity", "qty,id");
    assert_columns("fields=id,who.first_name&alias[who]=user_updated", "id,who.first_name");
    assert_columns("fields=id,y&alias[y]=year(date_created)", "id,y");
    assert_eq!(table("fields=qty&alias[qty]=quantity&limit=2"), "\"qty\"\n10\n2");
    assert_eq!(
        table("fields=user_created.n&deep[user_created][_alias][n]=first_name&limit=1"),
        "\"user_created.n\"\n\"Alice\""
    );
    assert_eq!(
        data("fields=qty&alias[qty]=quantity&limit=1&export=json"),
        json!(["00000000-0000-4000-8000-000000000001"]),
        "only a table differs"
    );
}

#[test]
fn a_row_without_fields_has_its_key_as_column() {
    assert_columns("fields=$thumbnail", "id");
    assert_eq!(table("fields=$thumbnail&limit=1"), "\"id\"\n\"00000000-0000-4000-8000-000000000001\"");
    let one = query("fields=$thumbnail&export=csv").unwrap();
    let data = one.run_one(rows().first(), &related()).unwrap();
    assert_eq!(one.export.unwrap().write(&one, &data), "\"id\"\n\"00000000-0000-4000-8000-000000000001\"");
}

#[test]
fn groups_and_aggregates_have_their_columns() {
    assert_columns("groupBy=status&aggregate[count]=*&aggregate[sum]=quantity", "status,count,sum.quantity");
    assert_columns("groupBy=year(date_created)", "date_created_year");
    assert_columns("aggregate[count]=*,id&aggregate[max]=quantity,id", "count.id,max.quantity,max.id");
    assert_columns("aggregate[countDistinct]=*,id", "countDistinct.*,countDistinct.id");
    assert_eq!(table("aggregate[count]=*&aggregate[min]=quantity"), "\"count\",\"min.quantity\"\n\"4\",2");
    assert_eq!(table("groupBy=status&aggregate[count]=*&sort=-count&limit=1"), "\"status\",\"count\"\n\"new\",\"2\"",);
    assert_eq!(table("groupBy=status&filter[id][_null]=true"), "\"status\"");
    assert_eq!(table("aggregate[nope]=*"), "");
}

#[test]
fn a_json_value_is_one_cell() {
    let users = [object(json!({"id": BOB, "tags": ["a", "b"], "theme_light_overrides": {"x": {"y": 1}}}))];
    let raw = parse_query_string("fields=tags,theme_light_overrides,id&export=csv").unwrap();
    let query = parse(&raw, Collection::Users, &admin(), now(), &Budget::default()).unwrap();
    let answer = query.run(&users, &related()).unwrap();
    assert_eq!(
        query.export.unwrap().write(&query, &answer.data),
        format!(
            "\"tags\",\"theme_light_overrides\",\"id\"\n\"[\"\"a\"\",\"\"b\"\"]\",\"{{\"\"x\"\":{{\"\"y\"\":1}}}}\",\"{BOB}\""
        )
    );
}
