//! A server that says when it is ready.

use evenkeel::{GroupError, TaskGroup, run, yield_now};

async fn bind() -> std::io::Result<u16> {
    yield_now().await;
    Ok(80)
}

async fn serve() -> std::io::Result<()> {
    yield_now().await;
    Ok(())
}

async fn get(port: u16) -> std::io::Result<String> {
    Ok(format!("page of port {port}"))
}

async fn page() -> Result<String, GroupError<std::io::Error>> {
    TaskGroup::run(async |group| {
        let (port, _server) = group
            .start(async |ready| {
                ready.set(bind().await?);
                serve().await
            })
            .await;
        get(port).await
    })
    .await
}

#[test]
fn the_client_begins_when_the_server_is_ready() {
    assert_eq!(run(page()).unwrap(), "page of port 80");
}
