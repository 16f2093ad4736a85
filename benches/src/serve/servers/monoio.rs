//! monoio.

use super::{BUFFER, http::http, listener::BACKLOG, ready::ready};
use crate::serve::kind::Kind;
use hyper_util::rt::TokioIo;
use monoio::{
    FusionDriver, RuntimeBuilder,
    io::{AsyncReadRent, AsyncWriteRentExt},
    net::{ListenerOpts, TcpListener, TcpStream},
    spawn,
    utils::detect_uring,
};
use monoio_compat::StreamWrapper;
use std::{io, net::Ipv4Addr};

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    RuntimeBuilder::<FusionDriver>::new().enable_timer().build()?.block_on(async {
        let options = ListenerOpts::new().backlog(BACKLOG).reuse_port(false);
        let listener = TcpListener::bind_with_config((Ipv4Addr::LOCALHOST, 0), &options)?;
        ready(listener.local_addr()?, if detect_uring() { "io_uring" } else { "epoll" })?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match kind {
                Kind::Echo => drop(spawn(echo(stream))),
                Kind::Http => drop(spawn(http(TokioIo::new(StreamWrapper::new(stream))))),
            }
        }
    })
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let (got, filled) = stream.read(buffer).await;
        let Ok(1..) = got else { return };
        let (sent, emptied) = stream.write_all(filled).await;
        if sent.is_err() {
            return;
        }
        buffer = emptied;
        buffer.clear();
    }
}
