//! tokio on one thread.

use super::{BUFFER, http::http, listener::listener, ready::ready};
use crate::serve::kind::Kind;
use hyper_util::rt::TokioIo;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    spawn,
};

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = listener()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        ready(listener.local_addr()?, "epoll")?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match kind {
                Kind::Echo => drop(spawn(echo(stream))),
                Kind::Http => drop(spawn(http(TokioIo::new(stream)))),
            }
        }
    })
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(got @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..got]).await.is_err() {
            return;
        }
    }
}
