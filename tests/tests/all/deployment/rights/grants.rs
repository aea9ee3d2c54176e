//! The rights that template.yaml grants. Only the simplest form of a policy is allowed; every other way to grant a
//! right is reported as a fault, so that none is overlooked.

use std::collections::{BTreeMap, BTreeSet};

use common::store::SECRET_ROW;
use serde_json::{Value, json};

use super::{ADMIN, Right, right};
use crate::support::repository::{binary, functions};

/// The members that a statement may have.
const STATEMENT: [&str; 4] = ["Sid", "Effect", "Action", "Resource"];
/// The members of the one role that the template defines itself.
const ROLE: [&str; 2] = ["AssumeRolePolicyDocument", "Policies"];
/// Further properties of a function with which SAM grants rights.
const GRANTING: [&str; 6] =
    ["DeadLetterQueue", "VpcConfig", "KmsKeyArn", "AssumeRolePolicyDocument", "FileSystemConfigs", "FunctionUrlConfig"];

/// The rights that a template grants.
#[derive(Default)]
pub(super) struct Grants {
    pub(super) rights: BTreeSet<Right>,
    /// Policies in another form, and rights that are granted twice.
    pub(super) faults: Vec<String>,
}

impl Grants {
    /// Reads the rights of every function.
    pub(super) fn of(template: &Value) -> Self {
        let mut grants = Self::default();
        let mut roles: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (id, function) in functions(template) {
            let properties = &function["Properties"];
            for name in GRANTING.iter().filter(|name| properties.get(**name).is_some()) {
                grants.fault(id, &format!("{name} grants something"));
            }
            if function.get("Connectors").is_some() {
                grants.fault(id, "Connectors grant something");
            }
            match (&properties["Policies"], &properties["Role"]) {
                (Value::Array(policies), Value::Null) => {
                    policies.iter().for_each(|policy| grants.policy(id, binary(function), policy));
                }
                (Value::Null, role) => {
                    let role = role["Fn::GetAtt"].as_str().and_then(|name| name.strip_suffix(".Arn"));
                    match role {
                        Some(role) => {
                            roles.entry(role.to_owned()).or_default().push(id);
                            grants.role(id, binary(function), &template["Resources"][role]);
                        }
                        None => grants.fault(id, "neither policies nor a role of this template"),
                    }
                }
                _ => grants.fault(id, "policies that are no list, or policies beside a role, which SAM ignores"),
            }
        }
        let globals = template["Globals"]["Function"].as_object().into_iter().flatten();
        for (name, _) in globals.filter(|(name, _)| GRANTING.contains(&name.as_str()) || *name == "Policies") {
            grants.fault("Globals", &format!("{name} grants something to all functions"));
        }
        for (id, resource) in template["Resources"].as_object().into_iter().flatten() {
            grants.elsewhere(id, resource, roles.get(id).map_or(0, Vec::len));
        }
        grants
    }

    /// Reads the rights of the managed policy for operators, as those of the command `admin`.
    pub(super) fn of_operators(template: &Value) -> Self {
        let mut grants = Self::default();
        let policy = &template["Resources"]["OperatorPolicy"]["Properties"]["PolicyDocument"];
        grants.policy("OperatorPolicy", ADMIN, policy);
        grants
    }

    /// Rights that are granted outside a function's policies.
    fn elsewhere(&mut self, id: &str, resource: &Value, users: usize) {
        let kind = resource["Type"].as_str().unwrap_or_default();
        match kind {
            "AWS::IAM::Role" if users != 1 => self.fault(id, &format!("a role of {users} functions")),
            "AWS::IAM::Role" => {}
            // Without these it grants nothing to anybody: operators attach it to their own roles.
            "AWS::IAM::ManagedPolicy"
                if ["Roles", "Users", "Groups"].iter().all(|to| resource["Properties"].get(*to).is_none()) => {}
            _ if kind.starts_with("AWS::IAM::") || kind == "AWS::Serverless::Connector" => {
                self.fault(id, "grants something to a role");
            }
            _ => {
                for document in ["PolicyDocument", "KeyPolicy", "ResourcePolicy"] {
                    let statements = list(&resource["Properties"][document]["Statement"]);
                    if statements.iter().any(|statement| !statement.is_null() && statement["Effect"] != "Deny") {
                        self.fault(id, "a policy of a resource grants something");
                    }
                }
            }
        }
    }

    fn role(&mut self, id: &str, function: &str, role: &Value) {
        let properties = role["Properties"].as_object();
        let strange = properties.into_iter().flatten().filter(|(name, _)| !ROLE.contains(&name.as_str()));
        let strange: Vec<_> = strange.map(|(name, _)| name.clone()).collect();
        for name in strange {
            self.fault(id, &format!("its role has {name}"));
        }
        for policy in list(&role["Properties"]["Policies"]) {
            self.policy(id, function, &policy["PolicyDocument"]);
        }
    }

    /// Reads a policy with statements. Names of managed policies and SAM's policy templates are faults.
    fn policy(&mut self, id: &str, function: &str, policy: &Value) {
        let Some(statements) = policy["Statement"].as_array() else {
            return self.fault(id, &format!("a policy that is not written out: {policy}"));
        };
        for statement in statements {
            // A conditional statement counts as granted.
            match &statement["Fn::If"] {
                Value::Array(choice) if choice.len() == 3 => {
                    let choices = choice[1..].iter().filter(|choice| choice["Ref"] != "AWS::NoValue");
                    choices.for_each(|choice| self.statement(id, function, choice));
                }
                _ => self.statement(id, function, statement),
            }
        }
    }

    fn statement(&mut self, id: &str, function: &str, statement: &Value) {
        let members = statement.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        // The only condition: one row of the table.
        let row = (statement["Condition"] == secret_row()).then_some(SECRET_ROW);
        let is_known = |name: &str| STATEMENT.contains(&name) || (name == "Condition" && row.is_some());
        let strange: Vec<_> = members.filter(|name| !is_known(name)).collect();
        if !strange.is_empty() || statement["Effect"] != "Allow" {
            return self.fault(id, &format!("a statement that is not understood: {statement}"));
        }
        for resource in list(&statement["Resource"]) {
            let Some(resource) = resource_name(resource) else {
                self.fault(id, &format!("a resource that is not understood: {resource}"));
                continue;
            };
            let resource = row.map_or(resource.clone(), |row| format!("{resource}/{row}"));
            for action in list(&statement["Action"]) {
                let Some(action) =
                    action.as_str().filter(|action| action.contains(':') && !action.contains(['*', '?']))
                else {
                    self.fault(id, &format!("an action that is not one: {action}"));
                    continue;
                };
                if !self.rights.insert(right(function, action, &resource)) {
                    self.fault(id, &format!("{action} on {resource} stands twice"));
                }
            }
        }
    }

    fn fault(&mut self, id: &str, what: &str) {
        self.faults.push(format!("{id}: {what}"));
    }
}

/// The condition that a write concerns the row of the secret's check value and no other. Without the second part, a
/// request without such a key would pass (IAM User Guide, "ForAllValues").
fn secret_row() -> Value {
    json!({
        "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": [SECRET_ROW] },
        "Null": { "dynamodb:LeadingKeys": "false" },
    })
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or(vec![value], |items| items.iter().collect())
}

/// `PoolsTable`, `ReservationsTable/index/open`, `ReservationsTable stream`, `*`.
fn resource_name(resource: &Value) -> Option<String> {
    if let Some(text) = resource.as_str() {
        return (text == "*").then(|| text.to_owned());
    }
    if let Some(id) = resource["Ref"].as_str() {
        return Some(id.to_owned());
    }
    if let Some(path) = resource["Fn::GetAtt"].as_str() {
        return match path.split_once('.')? {
            (id, "Arn") => Some(id.to_owned()),
            (id, "StreamArn") => Some(format!("{id} stream")),
            _ => None,
        };
    }
    let (id, rest) = resource["Fn::Sub"].as_str()?.strip_prefix("${")?.split_once(".Arn}")?;
    (!id.contains(['$', '{', '*']) && !rest.contains("${")).then(|| format!("{id}{rest}"))
}
