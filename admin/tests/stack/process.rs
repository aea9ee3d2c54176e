//! CloudFormation and STS are played by this test, DynamoDB by `local`.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use admin::connection::OUTPUTS;
use axum::{Router, http::StatusCode, routing::post};
use local::{
    options::Options,
    system::System,
    template::{TEMPLATE, Template},
};
use tempfile::TempDir;

const PRINCIPAL: &str = "arn:aws:sts::111122223333:assumed-role/Operator/someone";

/// Answers of CloudFormation and STS.
async fn answer(system_outputs: String, body: String) -> (StatusCode, String) {
    if body.contains("Action=GetCallerIdentity") {
        let text = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>{PRINCIPAL}</Arn><UserId>U</UserId><Account>111122223333</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>"
        );
        return (StatusCode::OK, text);
    }
    let outputs = if body.contains("StackName=good") {
        system_outputs
    } else if body.contains("StackName=old") {
        String::new()
    } else {
        let text = "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
                    <Code>ValidationError</Code><Message>Stack with id other does not exist</Message></Error>\
                    </ErrorResponse>";
        return (StatusCode::BAD_REQUEST, text.to_owned());
    };
    let text = format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks>\
         <member><StackName>good</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{outputs}</Outputs><Parameters><member>\
         <ParameterKey>Shards</ParameterKey><ParameterValue>1</ParameterValue></member></Parameters></member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>"
    );
    (StatusCode::OK, text)
}

/// A stack, and a home directory without anything.
struct Stack {
    system: System,
    control: String,
    home: TempDir,
}

impl Stack {
    async fn start() -> Self {
        let system = System::start(Options { serves_admin: true, ..Options::in_memory() }).await.unwrap();
        let environment = Template::parse(TEMPLATE, &[]).unwrap().environment;
        for (output, _) in OUTPUTS {
            assert!(TEMPLATE.contains(&format!("\n  {output}:\n")), "the template has no output {output}");
        }
        let outputs: String = OUTPUTS
            .iter()
            .map(|(output, variable)| {
                let value = &environment[*variable];
                format!("<member><OutputKey>{output}</OutputKey><OutputValue>{value}</OutputValue></member>")
            })
            .collect();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let control = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(move |body: String| answer(outputs.clone(), body)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { system, control, home: tempfile::tempdir().unwrap() }
    }

    /// The command with this environment and nothing else of the test's own.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
        command.args(arguments).env_clear();
        for (name, value) in [
            ("HOME", self.home.path().to_str().unwrap()),
            ("PATH", "/usr/bin:/bin"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_CLOUDFORMATION", &self.control),
            ("AWS_ENDPOINT_URL_STS", &self.control),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.system.shared().unwrap().places.dynamodb),
        ] {
            command.env(name, value);
        }
        command
    }

    /// The same with the keys of the stores in the environment.
    fn with_keys(&self, arguments: &[&str]) -> Command {
        let key = self.system.s3().access_key();
        let mut command = self.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
        command
    }

    /// What a process prints that provides the keys of the stores.
    fn printed(&self) -> String {
        let key = self.system.s3().access_key();
        format!(r#"{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}"}}"#, key.id, key.secret)
    }

    fn profile(&self, text: &str) {
        std::fs::create_dir_all(self.home.path().join(".aws")).unwrap();
        std::fs::write(self.home.path().join(".aws/config"), text).unwrap();
    }
}

async fn run(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

const LIST: [&str; 4] = ["organisation", "list", "--stack", "good"];

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_a_stack_names_the_principal_in_the_audit() {
    let stack = Stack::start().await;
    let (exit, out, err) = run(stack.with_keys(&["organisation", "add", "A", "--stack", "good"])).await;
    assert!(exit == 0 && out.contains("Organisation A is created."), "{out}{err}");
    let (exit, out, err) = run(stack.with_keys(&["audit", "--stack", "good"])).await;
    assert!(exit == 0 && out.contains(PRINCIPAL) && out.contains("organisation.add"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_a_process_or_from_the_aws_cli() {
    let stack = Stack::start().await;
    stack.profile(&format!(
        "[profile process]\ncredential_process = printf '%s' '{}'\n[profile fails]\ncredential_process = exit 3\n\
         [profile nonsense]\ncredential_process = echo what-nobody-may-see\n[profile sso]\nsso_session = s\nsso_account_id = 1\n\
         [profile role]\nrole_arn = arn:aws:iam::111122223333:role/Operator\nsource_profile = sso\n",
        stack.printed()
    ));
    let with = |profile: &str| {
        let mut command = stack.command(&LIST);
        command.args(["--profile", profile]);
        command
    };
    let (exit, out, err) = run(with("process")).await;
    assert_eq!((exit, out.as_str()), (0, "There are no organisations.\n"), "{err}");
    let mut by_variable = stack.command(&LIST);
    by_variable.env("AWS_PROFILE", "process");
    assert_eq!(run(by_variable).await.0, 0);
    for profile in ["fails", "nonsense", "sso", "missing"] {
        let (exit, _, err) = run(with(profile)).await;
        assert!(
            exit == 3 && err.contains("--profile") && !err.contains("what-nobody-may-see"),
            "{profile}: {exit} {err}"
        );
    }

    // An AWS CLI that is signed in.
    let bin = stack.home.path().join("bin");
    script(&bin.join("aws"), &format!("echo \"$*\" >> \"$HOME/calls\"; printf '%s' '{}'", stack.printed()));
    for profile in ["sso", "role"] {
        let mut command = with(profile);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        let (exit, _, err) = run(command).await;
        assert_eq!(exit, 0, "{err}");
    }
    let calls = std::fs::read_to_string(stack.home.path().join("calls")).unwrap();
    let call = |profile: &str| format!("configure export-credentials --format process --profile {profile}\n");
    assert_eq!(calls, call("sso") + &call("role"));
}

fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_apart_by_the_exit_code() {
    let stack = Stack::start().await;
    let at = |arguments: &[&str]| stack.with_keys(arguments);
    let (exit, _, err) = run(at(&["organisation", "list", "--stack", "other"])).await;
    assert!(exit == 1 && err.contains("does not exist"), "{exit} {err}");
    let (exit, _, err) = run(at(&["organisation", "list", "--stack", "old"])).await;
    assert!(exit == 1 && err.contains("ReservationsTableName"), "{exit} {err}");

    let (exit, _, err) = run(stack.command(&LIST)).await;
    assert!(exit == 3 && err.contains("AWS_ACCESS_KEY_ID"), "{exit} {err}");
    let mut nowhere = at(&LIST);
    nowhere.env_remove("AWS_REGION");
    let (exit, _, err) = run(nowhere).await;
    assert!(exit == 2 && err.contains("--region"), "{exit} {err}");

    let closed = format!("http://{}", TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap());
    for variable in ["AWS_ENDPOINT_URL_CLOUDFORMATION", "AWS_ENDPOINT_URL_DYNAMODB"] {
        let mut command = at(&LIST);
        command.env(variable, &closed);
        let (exit, out, err) = run(command).await;
        assert!(exit == 3 && out.is_empty(), "{variable}: {exit} {err}");
    }
    let mut command = at(&["organisation", "add", "A", "--stack", "good"]);
    command.env("AWS_ENDPOINT_URL_STS", &closed);
    assert_eq!(run(command).await.0, 3);
    let (_, out, _) = run(at(&LIST)).await;
    assert_eq!(out, "There are no organisations.\n");
}
