//! async-executor and async-io.

use super::{echo::echo, http::http, listener::listener, ready::ready};
use crate::serve::kind::Kind;
use async_executor::LocalExecutor;
use async_io::Async;
use smol_hyper::rt::FuturesIo;
use std::io;

pub(super) fn serve(kind: Kind) -> io::Result<()> {
    let executor = LocalExecutor::new();
    async_io::block_on(executor.run(async {
        let listener = Async::new(listener()?)?;
        ready(listener.get_ref().local_addr()?, "epoll")?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            match kind {
                Kind::Echo => executor.spawn(echo(stream)).detach(),
                Kind::Http => executor.spawn(http(FuturesIo::new(stream))).detach(),
            }
        }
    }))
}
