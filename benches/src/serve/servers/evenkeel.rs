//! This project, over its own sockets.

use super::{echo::echo, http::http, listener::listener, ready::ready};
use crate::serve::kind::Kind;
use evenkeel::io::TcpListener;
use std::io;

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    evenkeel::run(async {
        let listener = TcpListener::from_std(listener()?)?;
        ready(listener.local_addr()?, "epoll")?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match kind {
                Kind::Echo => evenkeel::spawn(echo(stream)).detach(),
                Kind::Http => evenkeel::spawn(http(stream)).detach(),
            }
        }
    })
}
