//! Libraries that bring an event source of their own run, too: sockets of async-io, with async-io's thread to wake their tasks.

use async_io::Async;
use evenkeel::{run, spawn};
use futures::{AsyncReadExt, AsyncWriteExt, io::copy};
use std::{
    error::Error,
    net::{Shutdown, TcpListener, TcpStream},
};

fn main() -> Result<(), Box<dyn Error>> {
    run(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        let address = listener.get_ref().local_addr()?;
        let echo = spawn(async move {
            let (stream, _) = listener.accept().await?;
            copy(&stream, &mut &stream).await
        });
        let mut stream = Async::<TcpStream>::connect(address).await?;
        stream.write_all(b"steady as she goes").await?;
        stream.get_ref().shutdown(Shutdown::Write)?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        println!("{text}: {} bytes came back", echo.await??);
        Ok(())
    })
}
