//! The ecosystem runs on it: an HTTP server and its clients on one thread, hyper over async-io's sockets.
//!
//! Alone it serves a few clients of its own and ends. `http serve 127.0.0.1:8080` serves until Ctrl-C, and answers then what is in
//! flight.

use async_io::Async;
use evenkeel::{Executor, JoinError, TaskGroup, finally_with, sleep, spawn, timeout, to_thread};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Bytes, body::Incoming, client, server, service::service_fn};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    net::{SocketAddr, TcpListener, TcpStream},
    rc::Rc,
    time::Duration,
};

/// So many connections at a time. Who comes then waits in the system's line until one ends.
const CONNECTIONS: usize = 4;
/// So long may one request take.
const PATIENCE: Duration = Duration::from_millis(300);
/// So long may the server take to answer what is in flight when it is to stop.
const GRACE: Duration = Duration::from_secs(2);
/// So many bytes may a request have.
const LARGEST: usize = 64 * 1024;

type Anything = Box<dyn Error + Send + Sync>;

/// Serves until it is cancelled. Then it takes no connection any more, and ends when those that it has are done.
async fn serve(listener: Async<TcpListener>, open: Rc<Cell<usize>>) -> Result<(), Anything> {
    let group = TaskGroup::<Anything>::builder().limit(CONNECTIONS).grace(GRACE);
    let served = group.run(async |group| {
        loop {
            // The slot comes first: a connection is taken only when there is room for it.
            let slot = group.slot().await;
            let (stream, _) = listener.accept().await?;
            slot.spawn(connection(stream, open.clone()));
        }
    });
    Ok(served.await?)
}

/// A connection that is counted while it is open, however it ends.
struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(open: Rc<Cell<usize>>) -> Counted {
        open.set(open.get() + 1);
        Counted(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// One client, from its first request to its last.
async fn connection(stream: Async<TcpStream>, open: Rc<Cell<usize>>) -> Result<(), Anything> {
    let _counted = Counted::new(open);
    let mut http = server::conn::http1::Builder::new();
    http.timer(SmolTimer::new()).header_read_timeout(Duration::from_secs(5));
    let served = finally_with(
        Box::pin(http.serve_connection(FuturesIo::new(stream), service_fn(answer))),
        async |connection| connection.as_mut().await,
        async |mut connection, ended| {
            if ended.is_none() {
                // The group is to end. An idle connection is closed; a request that is in flight is answered first.
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        },
    );
    if let Err(error) = served.await {
        // A client that hangs up is no failure of the server's.
        eprintln!("a connection ended early: {error}");
    }
    Ok(())
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match timeout(PATIENCE, respond(request)).await {
        Ok(answer) => answer,
        Err(elapsed) => (StatusCode::GATEWAY_TIMEOUT, elapsed.to_string()),
    };
    let mut response = Response::new(Full::from(text + "\n"));
    *response.status_mut() = status;
    Ok(response)
}

async fn respond(request: Request<Incoming>) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => (StatusCode::OK, "even keel".to_owned()),
        (&Method::GET, "/soon") => {
            sleep(Duration::from_millis(100)).await;
            (StatusCode::OK, "here it is".to_owned())
        }
        (&Method::GET, "/never") => std::future::pending().await,
        (&Method::POST, "/count") => match Limited::new(body, LARGEST).collect().await {
            Ok(body) => {
                let text = body.to_bytes();
                // Work that would hold up the other requests goes to another thread.
                let words =
                    to_thread(move || text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count());
                (StatusCode::OK, format!("{} words", words.await))
            }
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
        },
        _ => (StatusCode::NOT_FOUND, "there is nothing here".to_owned()),
    }
}

/// One request over a connection of its own.
async fn ask(server: SocketAddr, method: Method, path: &str, body: &'static str) -> Result<String, Anything> {
    let stream = Async::<TcpStream>::connect(server).await?;
    let (mut sender, connection) = client::conn::http1::handshake(FuturesIo::new(stream)).await?;
    // It belongs to this request: when the answer is here, or nobody waits for it any more, it is dropped.
    let _connection = spawn(connection);
    let request: Request<Full<Bytes>> =
        Request::builder().method(method).uri(path).header("host", "localhost").body(Full::from(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let text = response.into_body().collect().await?.to_bytes();
    Ok(format!("{status} {}", String::from_utf8_lossy(&text).trim_end()))
}

/// Clients and server on one thread.
async fn demonstrate(listener: Async<TcpListener>) -> Result<(), Anything> {
    let address = listener.get_ref().local_addr()?;
    let open = Rc::new(Cell::new(0));
    let server = spawn(serve(listener, open.clone()));
    println!("GET /       {}", ask(address, Method::GET, "/", "").await?);
    println!("POST /count {}", ask(address, Method::POST, "/count", "steady as she goes").await?);
    println!("GET /never  {}", ask(address, Method::GET, "/never", "").await?);

    let most = Rc::new(Cell::new(0));
    let crowd = TaskGroup::<Anything>::run(async |group| {
        for _ in 0..20 {
            let (open, most) = (open.clone(), most.clone());
            group.spawn(async move {
                let text = ask(address, Method::GET, "/", "").await?;
                most.set(most.get().max(open.get()));
                assert_eq!(text, "200 even keel");
                Ok(())
            });
        }
        Ok(())
    });
    crowd.await?;
    assert!(most.get() <= CONNECTIONS);
    println!("20 clients, at most {CONNECTIONS} connections at a time: all were answered");

    let late = spawn(async move { ask(address, Method::GET, "/soon", "").await });
    while open.get() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(20)).await;
    server.cancel("closing time");
    let ended = server.await;
    println!("GET /soon   {}, and the server had been told to stop", late.await??);
    assert!(matches!(ended, Err(JoinError::Cancelled(_))) && open.get() == 0);
    Ok(())
}

fn main() -> Result<(), Anything> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match arguments.as_slice() {
        [] => "127.0.0.1:0".parse()?,
        [command, address] if command == "serve" => address.parse()?,
        _ => return Err("usage: http [serve ADDRESS]".into()),
    };
    let listener = Async::<TcpListener>::bind::<SocketAddr>(address)?;
    if arguments.is_empty() {
        return evenkeel::run(demonstrate(listener));
    }
    println!("listening on {}", listener.get_ref().local_addr()?);
    let executor = Executor::builder().cancel_on_ctrl_c().build();
    match executor.run_outcome(serve(listener, Rc::default())) {
        Err(JoinError::Cancelled(_)) => {
            println!("everything in flight was answered");
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(served) => served,
    }
}
