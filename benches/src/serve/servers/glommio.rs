//! glommio.

use super::{echo::echo, http::http, ready::ready};
use crate::serve::kind::Kind;
use glommio::{LocalExecutorBuilder, Placement, net::TcpListener, spawn_local};
use smol_hyper::rt::FuturesIo;
use std::{io, net::Ipv4Addr};

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    let executor = LocalExecutorBuilder::new(Placement::Unbound).make()?;
    executor.run(async {
        // It makes its socket itself, with the same backlog.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        ready(listener.local_addr()?, "io_uring")?;
        loop {
            let stream = listener.accept().await?;
            stream.set_nodelay(true)?;
            match kind {
                Kind::Echo => drop(spawn_local(echo(stream)).detach()),
                Kind::Http => drop(spawn_local(http(FuturesIo::new(stream))).detach()),
            }
        }
    })
}
