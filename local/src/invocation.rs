//! One invocation of a function with Lambda's rules: a context with a deadline, an end when the time is over, and
//! isolation of panics.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use lambda_runtime::{Context as LambdaContext, Error};
use tokio::task::{AbortHandle, JoinError};
use uuid::Uuid;

use crate::template::{ACCOUNT, Function, REGION};

/// The properties of a function that its invocations need.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// The function's name.
    pub name: String,
    /// How long it may last.
    pub timeout: Duration,
}

impl From<&Function> for Invoked {
    fn from(function: &Function) -> Self {
        Self { name: function.name.clone(), timeout: function.timeout }
    }
}

impl Invoked {
    /// The function's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }

    /// The context of an invocation that starts now.
    #[must_use]
    pub fn context(&self, request_id: &str) -> LambdaContext {
        self.context_at(request_id, SystemTime::now())
    }

    /// The context of an invocation that starts at a time.
    #[must_use]
    pub fn context_at(&self, request_id: &str, start: SystemTime) -> LambdaContext {
        let deadline = start + self.timeout;
        let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut context = LambdaContext::default();
        context.request_id = request_id.to_owned();
        context.deadline = u64::try_from(deadline).unwrap_or(u64::MAX);
        context.invoked_function_arn = self.arn();
        context
    }

    /// Runs an invocation until it ends or the function's time limit is reached.
    ///
    /// # Errors
    /// The function's error, its panic, or the timeout.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let task = tokio::spawn(work);
        let _abort = AbortOnDrop(task.abort_handle());
        match tokio::time::timeout(self.timeout, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(panicked(&self.name, &error)),
            Err(_) => Err(format!("{} timed out after {:.2} seconds", self.name, self.timeout.as_secs_f64()).into()),
        }
    }
}

fn panicked(name: &str, error: &JoinError) -> Error {
    format!("{name} ended early: {error}").into()
}

/// Aborts the invocation when its caller no longer waits for it. On AWS it would end with its sandbox.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A random id of the form that Lambda and API Gateway use for invocations and requests.
#[must_use]
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}
