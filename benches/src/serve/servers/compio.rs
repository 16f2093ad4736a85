//! compio.

use super::{BUFFER, http::http, listener::listener, ready::ready};
use crate::serve::kind::Kind;
use compio::{
    BufResult,
    io::{AsyncRead, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Runtime, spawn},
};
use compio_io::compat::AsyncStream;
use smol_hyper::rt::FuturesIo;
use std::io;

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    let runtime = Runtime::new()?;
    let driver = if runtime.driver_type().is_iouring() { "io_uring" } else { "epoll" };
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener()?)?;
        ready(listener.local_addr()?, driver)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match kind {
                Kind::Echo => spawn(echo(stream)).detach(),
                Kind::Http => spawn(http(Box::pin(FuturesIo::new(AsyncStream::new(stream))))).detach(),
            }
        }
    })
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let BufResult(got, filled) = stream.read(buffer).await;
        let Ok(1..) = got else { return };
        let BufResult(sent, emptied) = stream.write_all(filled).await;
        if sent.is_err() {
            return;
        }
        buffer = emptied;
        buffer.clear();
    }
}
