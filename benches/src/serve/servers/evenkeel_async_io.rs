//! This project, over the sockets of async-io, whose thread waits for them.

use super::{echo::echo, http::http, listener::listener, ready::ready};
use crate::serve::kind::Kind;
use async_io::Async;
use smol_hyper::rt::FuturesIo;
use std::io;

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    evenkeel::run(async {
        let listener = Async::new(listener()?)?;
        ready(listener.get_ref().local_addr()?, "epoll, on a thread of async-io's")?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            match kind {
                Kind::Echo => evenkeel::spawn(echo(stream)).detach(),
                Kind::Http => evenkeel::spawn(http(FuturesIo::new(stream))).detach(),
            }
        }
    })
}
