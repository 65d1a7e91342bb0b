//! One connection: opening, reading, writing, ending.
//!
//! Owns: its socket and its clock. Does not own: whether it may exist. Invariant: at most one frame
//! is in memory per direction, besides the queue.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{Closed, ConnectionId, LanEvent, Lines, MAX_FRAME, Shared};

/// Connects, then serves.
pub(super) async fn connect(id: ConnectionId, address: SocketAddr, lines: Lines, shared: Shared) {
    let connecting = timeout(shared.times.connect, TcpStream::connect(address));
    let connected = tokio::select! {
        () = lines.token.cancelled() => return shared.closed(id, Closed::Here).await,
        connected = connecting => connected,
    };
    match connected {
        Ok(Ok(stream)) => serve(id, stream, address, false, lines, shared).await,
        Ok(Err(error)) => {
            shared
                .closed(id, Closed::Unreachable(error.to_string()))
                .await
        }
        Err(_) => {
            let why = format!("no answer within {:?}", shared.times.connect);
            shared.closed(id, Closed::Unreachable(why)).await;
        }
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(
    id: ConnectionId,
    stream: TcpStream,
    address: SocketAddr,
    incoming: bool,
    lines: Lines,
    shared: Shared,
) {
    // A frame is a whole word of the protocol; waiting for more would only delay the ring.
    // An error here costs milliseconds, not the call.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return shared.closed(id, Closed::Lost("it has no local address".to_owned())).await;
    };
    // A dual-stack listener shows IPv4 peers in mapped form; the rest of Ahoy wants the plain one.
    let [local, address] = [local, address].map(canonical);
    let opened = LanEvent::Opened { id, local, address, incoming };
    if shared.events.send(opened).await.is_err() {
        return;
    }
    let Lines { frames, token } = lines;
    let (reader, writer) = stream.into_split();
    let (said, heard) = tokio::sync::watch::channel(Instant::now());
    let why = tokio::select! {
        () = token.cancelled() => Closed::Here,
        why = read(id, reader, &shared, &said) => why,
        why = write(writer, frames, &said) => why,
        () = idle(&shared, heard, incoming) => Closed::Idle,
    };
    shared.closed(id, why).await;
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

async fn read(
    id: ConnectionId,
    mut reader: OwnedReadHalf,
    shared: &Shared,
    said: &tokio::sync::watch::Sender<Instant>,
) -> Closed {
    loop {
        let length = match reader.read_u16_le().await {
            Ok(length) => usize::from(length),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Closed::There,
            Err(error) => return Closed::Lost(error.to_string()),
        };
        if length == 0 || length > MAX_FRAME {
            return Closed::BadFrame(length);
        }
        let mut bytes = vec![0; length];
        if let Err(error) = reader.read_exact(&mut bytes).await {
            return Closed::Lost(error.to_string());
        }
        said.send_replace(Instant::now());
        if shared
            .events
            .send(LanEvent::Frame { id, bytes })
            .await
            .is_err()
        {
            return Closed::Here;
        }
    }
}

async fn write(
    mut writer: OwnedWriteHalf,
    mut frames: mpsc::Receiver<Vec<u8>>,
    said: &tokio::sync::watch::Sender<Instant>,
) -> Closed {
    let mut bytes = Vec::new();
    while let Some(frame) = frames.recv().await {
        // `Lan::send` let only lengths up to MAX_FRAME through.
        let length = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        bytes.clear();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&frame);
        if let Err(error) = writer.write_all(&bytes).await {
            return Closed::Lost(error.to_string());
        }
        // Our own words keep a connection only if they arrive: TCP tells when they do not.
        said.send_if_modified(|last| {
            *last = Instant::now();
            false
        });
    }
    // All is sent; the other side learns of the end now. A broken socket has learnt already.
    let _ = writer.shutdown().await;
    Closed::Here
}

/// Ends when nothing was said for too long.
async fn idle(shared: &Shared, mut heard: tokio::sync::watch::Receiver<Instant>, incoming: bool) {
    let opened = *heard.borrow_and_update();
    // Somebody who calls on us and says nothing holds a place that others need.
    if incoming
        && timeout(shared.times.first_word, heard.changed())
            .await
            .is_err()
    {
        let spoke_only_us = *heard.borrow() != opened;
        if !spoke_only_us {
            return;
        }
    }
    loop {
        let last = *heard.borrow();
        tokio::time::sleep_until(last + shared.times.idle).await;
        if *heard.borrow() == last {
            return;
        }
    }
}
