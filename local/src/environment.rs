//! Writes the environment of functions that run outside this process into the data directory: `env.json` for `sam local
//! … --env-vars`, and `env` for a shell, for `cargo lambda watch --env-file` and for `admin --local URL`.
//!
//! Only the owner can read them, because `env` contains the access key of the stores. Where `env` is, a program on this
//! machine learns at [`LOCATION`] of the running process.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    access_key::AccessKey,
    data_dir::{DataDir, DataDirError},
    template::REGION,
};

/// The host name under which a container reaches its host (Docker Desktop; on Linux with `--add-host`).
pub const CONTAINER_HOST: &str = "host.docker.internal";

/// The name of the file for a shell.
pub const SHELL: &str = "env";

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

/// The path at which the running process tells programs on this machine where its file `env` is. The path is no route of
/// the template, so on AWS it is answered 404.
pub const LOCATION: &str = "/.local/environment";

/// The answer at [`LOCATION`], unless the client or the host that it asked for is another machine. A page in a browser
/// cannot read the answer, and one that uses a host name of its own for 127.0.0.1 gets none.
#[must_use]
pub fn location(env: &Path, peer: SocketAddr, host: Option<&str>) -> Option<String> {
    let host = host?.rsplit_once(':').map_or(host?, |(host, _)| host);
    let is_here = peer.ip().to_canonical().is_loopback() && ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    let env = std::path::absolute(env).ok().filter(|_| is_here)?;
    Some(json!({ "environment": env }).to_string())
}

/// Reads the variables of a file `env` that [`fn@write`] wrote.
#[must_use]
pub fn read(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), unquoted(value))).collect()
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
        shell: data_dir.write(SHELL, &for_shell(variables, places, key))?,
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

/// The value that [`quoted`] quoted.
fn unquoted(text: &str) -> String {
    let text = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
    text.replace("'\\''", "'")
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

    #[test]
    fn what_was_written_is_read_back() {
        let (_, text) = written();
        let read = read(&text);
        assert_eq!((read["SECRET_ARN"].as_str(), read["AWS_SECRET_ACCESS_KEY"].as_str()), ("it's", "KEY"));
        assert_eq!((read["AWS_SESSION_TOKEN"].as_str(), read["SHARDS"].as_str()), ("", "1"));
    }

    #[test]
    fn only_this_machine_learns_where_the_file_is() {
        let at = |peer: &str, host| location(Path::new("/d/env"), peer.parse().unwrap(), host);
        let answer = Some(r#"{"environment":"/d/env"}"#.to_owned());
        assert_eq!(at("127.0.0.1:5000", Some("127.0.0.1:3000")), answer);
        assert_eq!(at("[::1]:5000", Some("[::1]:3000")), answer);
        assert_eq!(at("[::ffff:127.0.0.1]:5000", Some("localhost")), answer);
        assert_eq!(at("10.0.0.9:5000", Some("127.0.0.1:3000")), None, "another machine");
        assert_eq!(at("127.0.0.1:5000", Some("evil.example:3000")), None, "a name that a page rebound to 127.0.0.1");
        assert_eq!(at("127.0.0.1:5000", None), None);
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
