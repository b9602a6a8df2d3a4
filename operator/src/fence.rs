//! A client that writes only while the lease is held.
//!
//! A pass that is on its way when the lease is lost, or wakes up long after, must not write beside the next holder. So
//! the right to write is checked at the one place that every request goes through.

use http::{Method, Request};
use kube::{Client, client::Body};
use tower::{BoxError, service_fn};

use crate::lead::Hold;

/// Why a write was not sent.
#[derive(Debug, thiserror::Error)]
#[error("the lease is not held any more: nothing is written")]
struct NotHeld;

/// The same client, but it refuses to write once `hold` has passed.
pub(crate) fn fenced(client: Client, hold: Hold) -> Client {
    let namespace = client.default_namespace().to_owned();
    let checked = service_fn(move |request: Request<Body>| {
        let (client, hold) = (client.clone(), hold.clone());
        async move {
            if request.method() != Method::GET && !hold.is_valid() {
                return Err(BoxError::from(NotHeld));
            }
            client.send(request).await.map_err(BoxError::from)
        }
    });
    Client::new(checked, namespace)
}
