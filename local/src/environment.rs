//! Writes the environment of functions that run outside this process into the data directory: `env.json` for `sam local
//! … --env-vars`, and `env` for a shell and for `cargo lambda watch --env-file`.
//!
//! Only the owner can read them, because `env` contains the access key of the stores.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::json;

use crate::{
    access_key::AccessKey,
    data_dir::{DataDir, DataDirError},
    template::REGION,
};

/// The host name under which a container reaches its host (Docker Desktop; on Linux with `--add-host`).
pub const CONTAINER_HOST: &str = "host.docker.internal";

/// The addresses of the stores, as seen from this machine.
#[derive(Debug)]
pub struct Places {
    /// `http://127.0.0.1:8000`, or with the address of `--listen`.
    pub dynamodb: String,
    /// The same for S3.
    pub s3: String,
    /// The same for Secrets Manager.
    pub secrets: String,
    /// Ports of DynamoDB, S3 and Secrets Manager, for clients that use another host name.
    pub ports: [u16; 3],
}

/// The paths of the written files.
#[derive(Debug)]
pub struct Files {
    /// For `sam local … --env-vars`.
    pub json: PathBuf,
    /// For a shell.
    pub shell: PathBuf,
}

/// Writes both files.
///
/// # Errors
/// [`DataDirError::Io`] when one cannot be written.
pub fn write(
    data_dir: &DataDir,
    variables: &BTreeMap<String, String>,
    places: &Places,
    key: &AccessKey,
) -> Result<Files, DataDirError> {
    Ok(Files {
        json: data_dir.write("env.json", &for_sam(variables, places))?,
        shell: data_dir.write("env", &for_shell(variables, places, key))?,
    })
}

/// Values for every function (`Parameters`). SAM passes on only variables that the template declares. It takes the
/// access key from its own environment.
fn for_sam(variables: &BTreeMap<String, String>, places: &Places) -> String {
    let at = |port: u16| format!("http://{CONTAINER_HOST}:{port}");
    let [dynamodb, s3, secrets] = places.ports;
    let mut values = variables.clone();
    values.extend(endpoints(at(dynamodb), at(s3), places.s3.clone(), at(secrets)));
    format!("{:#}\n", json!({ "Parameters": values }))
}

/// One `NAME='value'` per line, which shells and parsers of `.env` files both understand.
fn for_shell(variables: &BTreeMap<String, String>, places: &Places, key: &AccessKey) -> String {
    let mut values = variables.clone();
    values.extend(endpoints(places.dynamodb.clone(), places.s3.clone(), places.s3.clone(), places.secrets.clone()));
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", key.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", key.secret.as_str()),
        // The shell may hold the session token of another AWS account, which does not belong to this key.
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
    ] {
        values.insert(name.to_owned(), value.to_owned());
    }
    let mut text = String::from("# Written at each start. In a shell: set -a; . FILE; set +a\n");
    for (name, value) in values {
        text += &format!("{name}={}\n", quoted(&value));
    }
    text
}

fn endpoints(dynamodb: String, s3: String, s3_link: String, secrets: String) -> [(String, String); 4] {
    [
        ("DYNAMODB_ENDPOINT".to_owned(), dynamodb),
        ("S3_ENDPOINT".to_owned(), s3),
        ("S3_LINK_ENDPOINT".to_owned(), s3_link),
        ("SECRETS_ENDPOINT".to_owned(), secrets),
    ]
}

/// Quotes a value for a shell. Single quotes inside are written outside the quotes, escaped.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn written() -> (Value, String) {
        let home = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(home.path()).unwrap();
        let at = |port| format!("http://127.0.0.1:{port}");
        let places = Places { dynamodb: at(8000), s3: at(8001), secrets: at(8002), ports: [8000, 8001, 8002] };
        let variables = [("SECRET_ARN", "it's"), ("S3_ENDPOINT", ""), ("SHARDS", "1")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let key = AccessKey { id: "ID".to_owned(), secret: "KEY".to_owned() };
        let files = write(&data_dir, &variables, &places, &key).unwrap();
        #[cfg(unix)]
        for file in [&files.json, &files.shell] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let read = |path| std::fs::read_to_string(path).unwrap();
        (serde_json::from_str(&read(files.json)).unwrap(), read(files.shell))
    }

    #[test]
    fn containers_reach_the_machine_by_name_and_browsers_by_its_own_address() {
        let (json, _) = written();
        let values = &json["Parameters"];
        assert_eq!(values["DYNAMODB_ENDPOINT"], "http://host.docker.internal:8000");
        assert_eq!(values["S3_ENDPOINT"], "http://host.docker.internal:8001");
        assert_eq!(values["S3_LINK_ENDPOINT"], "http://127.0.0.1:8001");
        assert_eq!(values["SECRETS_ENDPOINT"], "http://host.docker.internal:8002");
        assert_eq!(values["SHARDS"], "1");
        assert!(!json.to_string().contains("KEY"), "SAM reads the key from the shell");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_what_was_written() {
        let (_, text) = written();
        let script = format!("set -eu\n{text}printf '%s|' \"$SECRET_ARN\" \"$S3_ENDPOINT\" \"$AWS_SECRET_ACCESS_KEY\"");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's|http://127.0.0.1:8001|KEY|");
    }
}
