//! The accept loop. `axum::serve` gives clients for ever to send their headers, and takes any number of connections.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::stalled::Stalled;

/// Silence after which a peer is asked whether it is there, and the time between questions; the kernel decides how many.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a connection may take to send a request's head, the first or the next.
    pub header_timeout: Duration,
    /// How long an answer may wait for its reader to take anything of it.
    pub write_timeout: Duration,
    /// Connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// How long open requests may go on after the shutdown has begun.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(300),
            connections: 8192,
            drain: Duration::from_secs(15),
        }
    }
}

/// Serves until `shutdown`, then ends idle connections at once and gives the others the drain time. Log streams that
/// are still open then are cut, so that their readers see an error and not an end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) -> Result<(), Infallible> {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (stream, slot) = accept(&listener, &slots) => {
                connections.spawn(connection(stream, slot, router.clone(), limits, shutdown.clone()));
            }
        }
    }
    drop(listener);
    let drained = timeout(limits.drain, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(open = connections.len(), "connections cut at the end of the drain time");
    }
    connections.shutdown().await;
    Ok(())
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there always is a permit.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                if !is_of_the_peer(&error) {
                    // Out of file descriptors: the next attempt fails as fast, until a connection ends.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Log lines are small and should arrive at once. The reader of a silent log sends nothing and is sent nothing: only a
/// question below HTTP finds out that its machine is gone. A system that refuses either still serves.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

async fn connection(
    stream: TcpStream,
    _slot: Option<OwnedSemaphorePermit>,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    prepare(&stream);
    let mut connection = pin!(
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).serve_connection(
            TokioIo::new(Stalled::new(stream, limits.write_timeout)),
            TowerToHyperService::new(router)
        )
    );
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_peer_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(!SockRef::from(&server).keepalive().unwrap());
        prepare(&server);
        let socket = SockRef::from(&server);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
        drop(client);
    }
}
