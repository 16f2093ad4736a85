//! A TCP echo server: `cargo run --example echo` serves on 127.0.0.1:7777, `cargo run --example echo ADDRESS` elsewhere, until Ctrl-C.

use evenkeel::{GroupError, Supervisor, io::TcpListener, run};
use std::{env, io};

/// So many clients at a time. Who comes then waits in the system's line until one leaves.
const CLIENTS: usize = 1_000;

async fn serve(address: String) -> Result<(), GroupError<io::Error>> {
    let clients = Supervisor::builder().limit(CLIENTS).run(async |clients| {
        let listener = TcpListener::bind(address).await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let slot = clients.slot().await;
            let (stream, _) = listener.accept().await?;
            slot.spawn(async move { futures::io::copy(&stream, &mut &stream).await.map(drop) });
        }
    });
    clients.await
}

fn main() -> Result<(), GroupError<io::Error>> {
    run(serve(env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".to_owned())))
}
