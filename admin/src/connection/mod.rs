//! From `--stack` or `--local` to the stores, and who the operator is.

mod credentials;
mod local;
mod stack;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use common::{config::Config, context::Context, operations::directory::Author};

pub use stack::{OUTPUTS, Resources};

use crate::{cli::Global, failure::Failure};

/// Maximum number of rows of a kind that a command lists. A deployment's `MaxScan` protects the memory of a function,
/// and an operator's machine has more.
const MAX_ROWS: usize = 5_000_000;

/// The stores of a deployment.
pub struct Connection {
    context: Arc<Context>,
    place: Place,
}

/// Where the stores are.
enum Place {
    /// On AWS.
    Stack(Box<Resources>),
    /// In a data directory that this process has opened. The stores stop when this is dropped.
    Directory(Box<::local::stores::Stores>),
    /// In a running `local` with this data directory.
    Running(PathBuf),
}

impl Connection {
    /// Connects to the deployment that the options name.
    ///
    /// # Errors
    /// [`Failure::WrongUse`] when no deployment is named, or a data directory is in use; [`Failure::Refused`] when there
    /// is no such stack; [`Failure::NotReachable`] when the deployment or the credentials cannot be read.
    pub async fn open(options: &Global) -> Result<Self, Failure> {
        match (&options.stack, &options.local) {
            (Some(stack), _) => {
                let (context, resources) = stack::connect(stack, options).await?;
                Ok(Self { context: recorded(context), place: Place::Stack(Box::new(resources)) })
            }
            (None, Some(local)) if local.contains("://") => {
                let (context, data_dir) = local::running(local).await?;
                Ok(Self { context: recorded(context), place: Place::Running(data_dir) })
            }
            (None, Some(local)) => {
                let stores = local::directory(local.as_ref()).await?;
                Ok(Self { context: recorded(Arc::clone(&stores.context)), place: Place::Directory(Box::new(stores)) })
            }
            (None, None) => Err(Failure::WrongUse(
                "Name the deployment: --stack NAME for a stack on AWS, or --local DIR|URL for a laptop.".to_owned(),
            )),
        }
    }

    /// The settings and clients, as the functions have them.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The resources of a stack that are no settings of the functions; `None` on a laptop.
    #[must_use]
    pub fn resources(&self) -> Option<&Resources> {
        match &self.place {
            Place::Stack(resources) => Some(resources),
            Place::Directory(_) | Place::Running(_) => None,
        }
    }

    /// Who makes a change, and when: the IAM principal of the credentials, or the user of this machine.
    ///
    /// # Errors
    /// [`Failure::NotReachable`] when STS does not answer.
    pub async fn author(&self) -> Result<Author, Failure> {
        let by = match &self.place {
            Place::Stack(resources) => credentials::principal(&resources.sdk).await?,
            Place::Directory(_) | Place::Running(_) => {
                let name = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
                format!("local:{}", name.as_deref().unwrap_or("unknown"))
            }
        };
        Ok(Author { by, ..self.reader() })
    }

    /// The author of a command that changes nothing.
    #[must_use]
    pub fn reader(&self) -> Author {
        Author { by: String::new(), now: self.context.now() }
    }

    /// The data directory of a running `local`; `None` otherwise.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        match &self.place {
            Place::Running(data_dir) => Some(data_dir),
            Place::Stack(_) | Place::Directory(_) => None,
        }
    }

    /// The data directory that this process has opened; `None` otherwise.
    #[must_use]
    pub fn stores(&self) -> Option<&::local::stores::Stores> {
        match &self.place {
            Place::Directory(stores) => Some(stores),
            Place::Stack(_) | Place::Running(_) => None,
        }
    }
}

/// The context whose calls the tests record, to compare them with the policy of operators; outside tests the same one.
fn recorded(context: Arc<Context>) -> Arc<Context> {
    ::local::calls::recorded(&context, "admin").unwrap_or(context)
}

/// The settings of the functions, from their environment variables.
fn config(variables: impl Fn(&str) -> Option<String>) -> Result<Config, Failure> {
    let mut config = Config::from_lookup(variables).map_err(|error| Failure::Refused(error.to_string()))?;
    config.max_scan = MAX_ROWS;
    Ok(config)
}
