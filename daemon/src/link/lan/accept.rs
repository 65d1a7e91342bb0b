//! Taking connections, within limits.
//!
//! Owns: the listener. Does not own: the limits' arithmetic. Invariant: a connection over a limit
//! is closed before it costs a task.

use std::time::Duration;

use tokio::{net::TcpListener, time::Instant};
use tracing::debug;

use super::{Shared, connection, limit::Limiter};

/// Pause after the system refused a connection for want of descriptors, which come back by waiting.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn accept(listener: TcpListener, shared: Shared) {
    let mut limiter = Limiter::default();
    let begin = Instant::now();
    loop {
        let accepted = tokio::select! {
            () = shared.token.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "cannot take a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match limiter.admit(address.ip(), begin.elapsed()) {
            Ok(place) => {
                let (id, lines) = shared.register();
                let serving = connection::serve(id, stream, address, true, lines, shared.clone());
                shared.tasks.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            // The socket closes here. No answer: an answer is what a flood is after.
            Err(refused) => debug!(?refused, "refused a connection"),
        }
    }
}
