//! A function, wherever it runs.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::{explain::explained, functions::Handler, invocation::Invoked, remote::Remote};

/// A function that can be called, in this process or outside it.
pub struct Callable {
    invoked: Invoked,
    place: Place,
}

enum Place {
    Here(Handler),
    There(Arc<Remote>),
}

impl Callable {
    /// A function of this process.
    #[must_use]
    pub fn here(invoked: Invoked, handler: Handler) -> Self {
        Self { invoked, place: Place::Here(handler) }
    }

    /// A function that is called through the Invoke API.
    #[must_use]
    pub fn there(invoked: Invoked, remote: Arc<Remote>) -> Self {
        Self { invoked, place: Place::There(remote) }
    }

    /// The function with the plans of lists in its answers; one outside this process stays as it is.
    #[must_use]
    pub fn explained(self) -> Self {
        let place = match self.place {
            Place::Here(handler) => Place::Here(explained(handler)),
            there @ Place::There(_) => there,
        };
        Self { place, ..self }
    }

    /// The function's name and time limit.
    #[must_use]
    pub fn invoked(&self) -> &Invoked {
        &self.invoked
    }

    /// Runs one invocation until it ends or the function's time limit is reached.
    ///
    /// # Errors
    /// The function's error, its panic, the timeout, or why the function cannot be reached.
    pub async fn call(&self, payload: Value, request_id: &str) -> Result<Value, Error> {
        match &self.place {
            Place::Here(handler) => {
                let event = LambdaEvent::new(payload, self.invoked.context(request_id));
                self.invoked.run(handler(event)).await
            }
            Place::There(remote) => remote.call(&self.invoked, &payload).await,
        }
    }
}
