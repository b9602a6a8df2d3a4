//! One request to the API server.

use std::{future::Future, time::Duration};

use crate::error::PassError;

/// How long one request may take, retries of the client included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A request that must not hang.
pub(crate) async fn within_deadline<T>(
    what: &str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, PassError> {
    match tokio::time::timeout(DEADLINE, request).await {
        Err(_) => Err(PassError::Timeout(what.to_owned())),
        Ok(Err(source)) => Err(PassError::Request { what: what.to_owned(), source: Box::new(source) }),
        Ok(Ok(answer)) => Ok(answer),
    }
}
