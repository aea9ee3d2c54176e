//! The text that is printed when the system has started.

use crate::{
    environment::CONTAINER_HOST,
    options::Options,
    system::{Shared, System},
};

/// The addresses, the token, a link to the page that signs in once (`sign_in` is its secret), a request to paste into a shell, and the next steps.
#[must_use]
pub fn banner(system: &System, options: &Options, sign_in: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(address) = system.address() {
        text += &api(&format!("http://{address}"), system.token(), sign_in);
        if !options.listen.is_loopback() {
            text += &format!(
                "\nWarning: the API listens on {}. Whoever reaches that address and knows a token can use it.\n",
                options.listen
            );
        }
    }
    if let Some(shared) = system.shared().filter(|_| options.shares_stores()) {
        text += &stores(shared, options);
    }
    if options.pause_stream {
        text += "\nThe stream is paused: requests are accepted, and no reservation is processed.\n";
    }
    text + "\nCtrl-C ends it.\n"
}

fn api(url: &str, token: Option<&str>, sign_in: Option<&str>) -> String {
    let mut text = format!("Code Reservation runs at {url}\n");
    if let Some(secret) = sign_in {
        text += &format!(
            "Page for people: {url}/\n  \
             signs in once, within ten minutes: {url}/console/sign-in/once?key={secret}\n"
        );
    }
    if let Some(token) = token {
        text += &format!(
            "Token of the administrator: {token}\n\n\
             Reserve codes:\n\n  \
             curl -s -X POST {url}/items/code_reservation -H 'Authorization: Bearer {token}' \
             -H 'Content-Type: application/json' -d '{EXAMPLE}'\n"
        );
    }
    text
}

fn stores(shared: &Shared, options: &Options) -> String {
    let places = &shared.places;
    let mut text =
        format!("DynamoDB at {}, S3 at {}, Secrets Manager at {}\n", places.dynamodb, places.s3, places.secrets);
    if !options.listen.is_loopback() {
        text += &format!(
            "\nWarning: the stores listen on {}. Whoever reaches that address and has the access key can use them.\n",
            options.listen
        );
    }
    let (shell, json) = (shared.files.shell.display(), shared.files.json.display());
    text += &format!("\nRun a function in another terminal:\n\n  set -a; . {shell}; set +a\n");
    if options.only_stores {
        let add_host = match options.listen {
            // Docker on Linux has no name for the machine itself; `host-gateway` stands for its address.
            address if address.is_unspecified() => format!(" --add-host {CONTAINER_HOST}:host-gateway"),
            address if !address.is_loopback() => format!(" --add-host {CONTAINER_HOST}:{address}"),
            _ => String::new(),
        };
        text += &format!(
            "  sam local start-api --env-vars {json}{add_host}\n  \
             sam local invoke CreateReservations --event events/create-reservations/post.json --env-vars {json}{add_host}\n  \
             cargo lambda watch\n"
        );
    } else {
        text += &format!("  cargo lambda watch    # or sam local start-lambda --env-vars {json}\n");
    }
    text
}

const EXAMPLE: &str = r#"{"reserved_for":"/417/9312345000012","code_type":"sgtin","quantity":100,"export_type":"csv","product":"/01/19361758000003","reference_id":"BATCH-2024-001"}"#;
