//! `admin`, the operators' command, in this process and against a system that runs beside it.

mod arguments;
mod audits;
mod imports;
mod imports_checked;
mod initial;
mod organisations;
mod places;
mod profiles;
mod reference;
mod secret_check;
mod tokens;
mod users;

use std::{fs, path::Path};

use admin::failure::Exit;
use serde_json::Value;

use crate::support::{
    harness::{Running, Setup},
    repository::root,
};

/// What a run of the command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The output of a run that was done.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.exit, Exit::Done, "{self:?}");
        self.out
    }

    /// The reason of a run that was refused.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.exit, Exit::Refused, "{self:?}");
        self.err
    }

    /// The reason of a run that used the command wrongly.
    #[track_caller]
    pub(crate) fn wrong_use(self) -> String {
        assert_eq!(self.exit, Exit::WrongUse, "{self:?}");
        self.err
    }
}

/// Runs the command.
pub(crate) async fn ran(place: &str, arguments: &[&str]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all: Vec<&str> = ["admin", "--local", place].iter().chain(arguments).copied().collect();
    let exit = admin::run(all, &mut out, &mut err).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { exit, out: text(out), err: text(err) }
}

/// A running system that `admin` can use.
pub(crate) struct Operated {
    pub(crate) running: Running,
    pub(crate) url: String,
}

impl Operated {
    /// A system that runs, with one administrator.
    pub(crate) async fn start() -> Self {
        Self::of(Setup::new().serving_admin()).await
    }

    pub(crate) async fn of(setup: Setup) -> Self {
        let running = setup.start().await;
        let url = format!("http://{}", running.system.address().unwrap());
        Self { running, url }
    }

    pub(crate) async fn ran(&self, arguments: &[&str]) -> Ran {
        ran(&self.url, arguments).await
    }

    /// Runs the command, which must be done.
    pub(crate) async fn done(&self, arguments: &[&str]) -> String {
        self.ran(arguments).await.done()
    }

    /// Runs the command with `--json`, which must be done, and checks its output against a schema of `admin/schemas`.
    pub(crate) async fn json(&self, schema: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = ["--json"].iter().chain(arguments).copied().collect();
        valid(schema, &self.ran(&arguments).await.done())
    }
}

/// The JSON of an output, which must be as a schema of `admin/schemas` says.
#[track_caller]
pub(crate) fn valid(schema: &str, output: &str) -> Value {
    let value: Value = serde_json::from_str(output).unwrap_or_else(|error| panic!("{error}: {output}"));
    let schema = read(&root().join("admin/schemas").join(format!("{schema}.json")));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{value:#}");
    value
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_schema_is_strict_and_refuses_something() {
    for file in crate::support::repository::entries(&root().join("admin/schemas")) {
        let schema = read(&file);
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(!validator.is_valid(&Value::Null), "{}", file.display());
        let object = schema["items"].as_object().map_or(&schema, |_| &schema["items"]);
        assert_eq!(object["additionalProperties"], false, "{}", file.display());
    }
}
