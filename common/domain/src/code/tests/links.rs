//! Links and element strings of others: with qualifiers, in other forms, and of other keys.

use crate::code::{Candidate, by_digital_link, by_join_key, is_short_link};

/// The only candidate, as `namespace varying`.
fn one(candidates: &[Candidate]) -> Option<String> {
    match candidates {
        [Candidate { namespace, varying }] => Some(format!("{namespace} {varying}")),
        _ => None,
    }
}

#[test]
fn qualifiers_may_stand_before_and_after_the_serial_in_the_order_of_the_standard() {
    let sgtin = Some("sgtin#19506000134359#8 AbC12345".to_owned());
    for path in [
        "/01/19506000134359/10/LOT/21/AbC12345",
        "/01/19506000134359/22/2A/21/AbC12345",
        "/01/19506000134359/22/2A/10/LOT/21/AbC12345",
        "/01/19506000134359/21/AbC12345/235/X",
        "/01/19506000134359/22/2A/10/LOT/21/AbC12345/235/X",
        "/01/19506000134359/10/L%2F1/21/AbC12345",
        // A lot that is not UTF-8, and parts of a path that are not.
        "/01/19506000134359/10/%ff/21/AbC12345",
        "/01/19506000134359/10/L%C3%D6T/21/AbC12345",
        "/%E4/%fe/01/19506000134359/21/AbC12345",
        // A lot that looks like a primary key, and one that is as long as a GTIN.
        "/01/19506000134359/10/8003/21/AbC12345",
        "/01/19506000134359/10/01/21/AbC12345",
        "/01/19506000134359/10/09506000134352/21/AbC12345",
        "/some/path/01/19506000134359/10/LOT/21/AbC12345",
        "/odd/path/2/01/19506000134359/10/LOT/21/AbC12345",
        "/414/9506000134352/01/19506000134359/21/AbC12345",
    ] {
        assert_eq!(one(&by_digital_link(&format!("https://id.gs1.org{path}"))), sgtin, "{path}");
        assert_eq!(
            one(&by_digital_link(&format!("HTTPS://ID.GS1.ORG{path}/?17=271231&x=/00/1#/21/Z"))),
            sgtin,
            "{path}"
        );
    }
    for (path, found) in [
        ("/8006/195060001343590102/22/2A/10/LOT/21/AbC12345", "itip#195060001343590102#8 AbC12345"),
        ("/8010/9506000A%2F1%23B-2/8011/1234567", "cpi#9506000A/1#B-2#7 1234567"),
        ("/8003/09506000134352AbC12345", "grai#9506000134352#8 AbC12345"),
        ("/253/9506000134352AbC12345", "gdti#9506000134352#8 AbC12345"),
        ("/255/9506000134352123456", "sgcn#9506000134352#6 123456"),
    ] {
        assert_eq!(one(&by_digital_link(&format!("https://id.gs1.org{path}"))).as_deref(), Some(found), "{path}");
    }
    // Keys with a company prefix have a candidate for each of its lengths, with and without qualifiers.
    for (path, qualified) in [
        ("/8018/106141412345678908", "/8018/106141412345678908/8019/12"),
        ("/8004/9506000123456", "/8004/9506000123456/7040/1ABC"),
    ] {
        let found = by_digital_link(path);
        assert!(found.len() > 3, "{path}");
        assert_eq!(by_digital_link(qualified), found);
    }
}

#[test]
fn an_order_that_the_standard_forbids_has_no_candidates() {
    for path in [
        "/01/19506000134359/21/AbC12345/10/LOT",
        "/01/19506000134359/10/LOT/22/2A/21/AbC12345",
        "/01/19506000134359/10/A/10/B/21/AbC12345",
        "/01/19506000134359/254/X/21/AbC12345",
        "/01/19506000134359/21/AbC12345/X",
        "/21/AbC12345/01/19506000134359",
        "/8003/09506000134352AbC12345/21/X",
        "/01/19506000134359",
        "/01/19506000134359/10/AbC12345",
        "/01/19506000134359/21/AbC12345%ff",
        "/01/19506000134359/21/%ff?21=AbC12345",
        "/%ff01/19506000134359/21/AbC12345",
    ] {
        assert_eq!(by_digital_link(&format!("https://id.gs1.org{path}")), [], "{path}");
    }
}

#[test]
fn short_forms_of_older_versions_are_read() {
    let found = Some("sgtin#00614141123452#8 AbC12345".to_owned());
    for path in [
        "/gtin/00614141123452/ser/AbC12345",
        "/gtin/00614141123452/lot/X/ser/AbC12345",
        "/01/614141123452/21/AbC12345",
        "/01/0614141123452/21/AbC12345",
        "/gtin/614141123452/cpv/2A/10/LOT/ser/AbC12345",
        "/%67tin/00614141123452/%32%31/AbC12345",
        // Readers accept a qualifier in the query as well.
        "/01/00614141123452?21=AbC12345",
        "/01/00614141123452/10/LOT?17=271231;ser=%41bC12345",
        "/01/00614141123452/21/AbC12345?21=other123",
    ] {
        assert_eq!(one(&by_digital_link(&format!("https://id.gs1.org{path}"))), found, "{path}");
    }
    let gtin_8 = Some("sgtin#00000095010939#8 AbC12345".to_owned());
    assert_eq!(one(&by_digital_link("https://id.gs1.org/01/95010939/21/AbC12345")), gtin_8);
    assert_eq!(one(&by_join_key("(01)95010939(21)AbC12345")), gtin_8);
    for path in ["/01/614141123/21/AbC12345", "/01/6141411234A2/21/AbC12345", "/8006/5060001343590102/21/AbC12345"] {
        assert_eq!(by_digital_link(&format!("https://id.gs1.org{path}")), [], "{path}");
    }
}

#[test]
fn a_link_of_another_key_is_no_short_link() {
    for path in [
        "/414/9312345000005/254/AbC12345",
        "/gln/9312345000005/glnx/AbC12345",
        "/414/9312345000005/7040/AbC12345",
        "/417/9312345000005/7040/AbC12345",
        "/415/9312345000005/8020/AbC12345",
        "/8017/950600000000000006/8019/AbC12345",
        "/8018/950600000000000006/8019/AbC12345",
        "/410/9312345000005/254/AbC12345",
        "/8013/AbC12345",
        "/401/AbC12345",
        "/402/AbC12345",
        "/8004/AbC12345",
        "/253/AbC12345",
        "/sscc/AbC12345",
        "/party/AbC12345",
        "/payTo/9312345000005/refno/AbC12345",
        "/01/19506000134359/10/AbC12345",
        "/01/19506000134359/235/AbC12345",
        "/01/19506000134359/22/AbC12345",
        "/01/19506000134359/AbC12345",
        "/01/AbC12345",
        "/21/AbC12345",
        "/lot/AbC12345",
        "/ser/AbC12345",
        "/cpv/AbC12345",
        "/exp/AbC12345",
        "/x/%6Cot/AbC12345",
        "/glnx/AbC12345",
        "/cpsn/y/AbC12345",
        "/shop/414/9312345000005/254/AbC12345",
        "/%34%31%34/9312345000005/254/AbC12345",
    ] {
        for link in [
            format!("https://id.gs1.org{path}"),
            format!("https://id.gs1.org{path}/"),
            format!("https://go.example.com{path}?x=1#y"),
            format!("id.gs1.org{path}"),
            path.to_owned(),
        ] {
            assert_eq!(by_digital_link(&link), [], "{link}");
        }
    }
}

#[test]
fn a_short_link_is_one_part_below_its_domain() {
    let found = Some("short_code#deployment#8 AbC12345".to_owned());
    for link in [
        "https://go.example.com/x/AbC12345",
        "HTTP://GO.EXAMPLE.COM/x/AbC12345/",
        "https://go.example.com/x/AbC12345?utm=1#top",
        "https://go.example.com/%78/AbC1234%35",
        "go.example.com/x/AbC12345",
        "/x/AbC12345",
        "https://go.example.com:443/x/AbC12345",
        "http://go.example.com:80/x/AbC12345",
        "https://go.example.com:/x/AbC12345",
        "https://GO.example.com./x/AbC12345",
        "https://go.example.com.:443/x/AbC12345",
        "//go.example.com/x/AbC12345",
        "https://go.example.com/x/AbC12345\r\n",
        "\u{feff}https://go.example.com/x/AbC12345\t",
    ] {
        assert_eq!(one(&by_digital_link(link)), found, "{link}");
        for domain in ["https://go.example.com/x", "http://go.example.com/x/"] {
            assert!(is_short_link(link, domain), "{link}");
        }
    }
    for link in [
        "https://other.example.com/x/AbC12345",
        "https://go.example.com:8080/x/AbC12345",
        "https://go.example.com:80/x/AbC12345",
        "http://go.example.com:443/x/AbC12345",
        "https://go.example.com../x/AbC12345",
        "https://user@go.example.com/x/AbC12345",
        "ftp://go.example.com/x/AbC12345",
        "javascript://go.example.com/x/AbC12345",
        "//other.example.com/x/AbC12345",
        "https://go.example.com/AbC12345",
        "https://go.example.com/X/AbC12345",
        "https://go.example.com/x/y/AbC12345",
        "https://go.example.com/x?AbC12345",
        "https://go.example.com/x",
        "/AbC12345",
        "AbC12345",
        "",
    ] {
        assert!(!is_short_link(link, "https://go.example.com/x"), "{link}");
    }
    assert!(is_short_link("https://go.example.com/AbC12345", "https://go.example.com"));
    for domain in ["https://Go.example.com:443", "http://go.example.com:80/", "https://go.example.com."] {
        for link in ["https://go.example.com/AbC12345", "HTTP://go.example.com:80/AbC12345"] {
            assert!(is_short_link(link, domain), "{link} {domain}");
        }
    }
    assert!(is_short_link("https://[::A]:443/AbC12345", "https://[::a]"));
    assert!(is_short_link("go.example.com:8080/AbC12345", "http://go.example.com:8080"));
    assert!(is_short_link("https://go.example.com.:8080/AbC12345", "https://go.example.com:8080"));
    // A port consists of digits (RFC 3986, section 3.2.3), so these are other texts and not a host with a port.
    assert!(!is_short_link("https://go.example.com.:http/AbC12345", "https://go.example.com:http"));
    assert!(by_digital_link("ftp://go.example.com/AbC12345").is_empty());
    assert!(!is_short_link("https://go.example.com/x/AbC12345", "https://go.example.com"));
}

#[test]
fn what_scanners_append_is_no_part_of_a_code() {
    let found = Some("sgtin#19506000134359#8 AbC12345".to_owned());
    for noise in ["\r\n", "\n", "\t", "  ", "\u{1d}", "\u{1e}\u{4}", "\0", "\u{a0}", "\u{85}"] {
        for link in ["https://id.gs1.org/01/19506000134359/21/AbC12345", "/01/19506000134359?21=AbC12345"] {
            for text in [format!("{link}{noise}"), format!("{noise}{link}{noise}")] {
                assert_eq!(one(&by_digital_link(&text)), found, "{text:?}");
            }
        }
        for text in [
            format!("(01)19506000134359(21)AbC12345{noise}"),
            format!("{noise}(01)19506000134359(21)AbC12345"),
            format!("(01)19506000134359{noise}(21)AbC12345{noise}(10)LOT{noise}"),
            format!("(21){noise}AbC12345(01){noise}19506000134359"),
        ] {
            assert_eq!(one(&by_join_key(&text)), found, "{text:?}");
        }
        assert_eq!(by_join_key(&format!("(01)19506000134359(21)AbC1{noise}2345")), []);
        assert_eq!(by_join_key(noise), []);
        assert_eq!(by_digital_link(noise), []);
    }
    let encoded = "https://id.gs1.org/01/19506000134359/21/AbC12345%0D%0A";
    assert_eq!(one(&by_digital_link(encoded)), found);
}

#[test]
fn an_element_string_may_contain_other_elements_in_any_order() {
    let found = Some("sgtin#19506000134359#8 AbC12345".to_owned());
    for text in [
        "(01)19506000134359(21)AbC12345",
        "(01)19506000134359(10)LOT(21)AbC12345",
        "(01)19506000134359(21)AbC12345(10)1",
        "(01)19506000134359(17)271231(10)A(1)B(xy)(21)AbC12345(240)(",
        "(21)AbC12345(01)19506000134359",
        "(10)LOT(01)19506000134359(21)AbC12345(01)19506000134359",
    ] {
        assert_eq!(one(&by_join_key(text)), found, "{text}");
    }
    let sscc = by_join_key("(00)106141412345678908");
    assert_eq!(by_join_key("(00)106141412345678908(02)09506000134352(37)12"), sscc);
    for text in [
        // Two values of one Application Identifier, and text outside of elements.
        "(01)19506000134359(21)AbC12345(21)AbC12346",
        "(01)19506000134359(01)09506000134352(21)AbC12345",
        "x(01)19506000134359(21)AbC12345",
        "(1)9506000134359(21)AbC12345",
        "(414)9312345000005(254)AbC12345",
        "(10)AbC12345",
    ] {
        assert_eq!(by_join_key(text), [], "{text}");
    }
}
