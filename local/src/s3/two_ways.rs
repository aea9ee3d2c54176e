//! Refuses a request that carries a presigned link's signature and an `Authorization` header. S3 does so, whatever the
//! header holds: a client that follows a redirect to a link must leave its token behind.

use axum::{
    http::{HeaderMap, StatusCode, Uri, header::AUTHORIZATION},
    response::Response,
};
use percent_encoding::percent_decode_str;

use super::refusal::refusal;

/// The parameters of a query that sign a request, in lower case: of signature version 4, and of version 2.
const SIGNING: [&str; 3] = ["x-amz-algorithm", "x-amz-signature", "signature"];

/// The schemes of the header that S3 knows.
const SCHEMES: [&str; 2] = ["AWS4-HMAC-SHA256", "AWS"];

/// S3's answer to a request whose `Authorization` header it does not accept; `None` for any other request. The answer
/// holds the value of the header, as that of S3 does, so it must not be logged.
pub(super) fn refused(uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let value = String::from_utf8_lossy(headers.get(AUTHORIZATION)?.as_bytes());
    let message = if is_signed(uri.query().unwrap_or_default()) {
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter \
         or the Authorization header should be specified"
    } else if !SCHEMES.contains(&value.split(' ').next().unwrap_or_default()) {
        "Unsupported Authorization Type"
    } else {
        return None;
    };
    let argument = [("ArgumentName", "Authorization"), ("ArgumentValue", value.as_ref())];
    Some(refusal(StatusCode::BAD_REQUEST, "InvalidArgument", message, &argument))
}

/// Whether a parameter of the query signs the request.
fn is_signed(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let name = percent_decode_str(&name).decode_utf8_lossy();
        SIGNING.iter().any(|known| name.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::HeaderValue};

    use super::*;

    async fn answer(uri: &str, authorization: Option<&str>) -> Option<(u16, String)> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let response = refused(&uri.parse().unwrap(), &headers)?;
        let status = response.status().as_u16();
        Some((status, String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().to_vec()).unwrap()))
    }

    #[tokio::test]
    async fn a_signed_link_and_a_header_are_two_ways_however_they_are_spelt() {
        for query in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0",
            "x-id=GetObject&X-Amz-Signature=0",
            "x-amz-algorithm=AWS4-HMAC-SHA256",
            "X%2DAmz%2dAlgorithm=AWS4-HMAC-SHA256",
            "AWSAccessKeyId=A&Expires=1&Signature=0",
            "a=1&Signature",
        ] {
            for value in
                ["Bearer T", "bearer T", "Basic VDo=", "T", "", "AWS4-HMAC-SHA256 Credential=A", "AWS A:B", "ü"]
            {
                let (status, xml) = answer(&format!("/b/k?{query}"), Some(value)).await.unwrap();
                assert_eq!(status, 400, "{query} {value}");
                assert!(xml.contains("<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed;"), "{xml}");
                let argument = "<ArgumentName>Authorization</ArgumentName><ArgumentValue>";
                assert!(xml.contains(&format!("{argument}{value}</ArgumentValue>")), "{xml}");
            }
            assert_eq!(answer(&format!("/b/k?{query}"), None).await, None);
        }
    }

    #[tokio::test]
    async fn a_header_alone_has_to_be_a_signature() {
        for value in ["AWS4-HMAC-SHA256 Credential=A", "AWS A:B"] {
            assert_eq!(answer("/b/k?x-id=PutObject", Some(value)).await, None);
            assert_eq!(answer("/b/k?prefix=Signature&max-keys=X-Amz-Algorithm", Some(value)).await, None);
        }
        for value in ["Bearer <T&\">", "AWS4-HMAC-SHA25 Credential=A", "Basic VDo="] {
            let (status, xml) = answer("/b/k", Some(value)).await.unwrap();
            assert_eq!(status, 400);
            assert!(xml.contains("<Message>Unsupported Authorization Type</Message>"), "{xml}");
        }
        let (_, xml) = answer("/b/k", Some("Bearer <T&\">")).await.unwrap();
        assert!(xml.contains("<ArgumentValue>Bearer &lt;T&amp;&quot;&gt;</ArgumentValue>"), "{xml}");
    }
}
