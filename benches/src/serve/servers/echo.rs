//! Echo, for all whose sockets have the traits of futures-io.

use super::BUFFER;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Sends back what comes on one connection, until it ends.
pub(super) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(got @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..got]).await.is_err() {
            return;
        }
    }
}
