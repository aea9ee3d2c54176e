//! What a person reads when the system has started.

use std::net::SocketAddr;

/// The address, the token, and a request that works when pasted.
#[must_use]
pub fn banner(address: SocketAddr, token: Option<&str>, paused: bool) -> String {
    let url = format!("http://{address}");
    let mut text = format!("Code Reservation runs at {url}\n");
    if let Some(token) = token {
        text += &format!(
            "Token of the administrator: {token}\n\n\
             Reserve codes:\n\n  \
             curl -s -X POST {url}/items/code_reservation -H 'Authorization: Bearer {token}' \
             -H 'Content-Type: application/json' -d '{EXAMPLE}'\n"
        );
    }
    if paused {
        text += "\nThe stream is paused: requests are accepted, and nothing is processed.\n";
    }
    text + "\nCtrl-C ends it.\n"
}

const EXAMPLE: &str = r#"{"reserved_for":"/417/9312345000012","code_type":"sgtin","quantity":100,"export_type":"csv","product":"/01/19361758000003","reference_id":"BATCH-2024-001"}"#;
