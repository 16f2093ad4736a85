//! An HTTP server and its clients on one thread: hyper over evenkeel's sockets, HTTP/1 and HTTP/2 at one port.
//!
//! Alone it serves a few clients of its own and ends. `http serve 127.0.0.1:8080` serves until Ctrl-C, and answers then what is in
//! flight.

use evenkeel::{
    Executor, JoinError, TaskGroup, finally_with,
    io::{HyperExecutor, HyperTimer, TcpListener, TcpStream},
    sleep, spawn, timeout, to_thread, try_gather,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn,
    server::conn::{http1, http2},
    service::service_fn,
};
use std::{cell::Cell, convert::Infallible, error::Error, io, net::SocketAddr, pin::Pin, rc::Rc, time::Duration};

/// So many connections at a time. Who comes then waits in the system's line until one ends.
const CONNECTIONS: usize = 4;
/// So long may one request take.
const PATIENCE: Duration = Duration::from_millis(300);
/// So long may the server take to answer what is in flight when it is to stop.
const GRACE: Duration = Duration::from_secs(2);
/// So long may a client take to say which HTTP it speaks, and to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// So many bytes may a request have.
const LARGEST: usize = 64 * 1024;

type Anything = Box<dyn Error + Send + Sync>;

/// Serves until it is cancelled. Then it takes no connection any more, and ends when those that it has are done.
async fn serve(listener: TcpListener, open: Rc<Cell<usize>>) -> Result<(), Anything> {
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
async fn connection(stream: TcpStream, open: Rc<Cell<usize>>) -> Result<(), Anything> {
    let _counted = Counted::new(open);
    if let Err(error) = converse(stream).await {
        // A client that hangs up, or says nothing, is no failure of the server's.
        eprintln!("a connection ended early: {error}");
    }
    Ok(())
}

async fn converse(stream: TcpStream) -> Result<(), Anything> {
    if timeout(HEAD_PATIENCE, speaks_http2(&stream)).await?? {
        let mut http = http2::Builder::new(HyperExecutor::new());
        http.timer(HyperTimer::new()).keep_alive_interval(Some(HEAD_PATIENCE));
        to_its_end(http.serve_connection(stream, service_fn(answer)), http2::Connection::graceful_shutdown).await?;
    } else {
        let mut http = http1::Builder::new();
        http.timer(HyperTimer::new()).header_read_timeout(HEAD_PATIENCE);
        to_its_end(http.serve_connection(stream, service_fn(answer)), http1::Connection::graceful_shutdown).await?;
    }
    Ok(())
}

/// Does the client speak HTTP/2? Then that is what it says first; its bytes stay there for hyper.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; 3];
    loop {
        let length = stream.peek(&mut first).await?;
        if length == 0 || !b"PRI".starts_with(&first[..length]) {
            return Ok(false);
        }
        if length == first.len() {
            return Ok(true);
        }
        // It sends them one by one.
        sleep(Duration::from_millis(10)).await;
    }
}

/// Serves a connection until it ends, or is told to, by hyper's `shut_down`.
async fn to_its_end<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    shut_down: fn(Pin<&mut C>),
) -> hyper::Result<()> {
    finally_with(
        Box::pin(connection),
        async |connection| connection.as_mut().await,
        async |mut connection, ended| {
            if ended.is_none() {
                // The group is to end. An idle connection is closed; a request that is in flight is answered first.
                shut_down(connection.as_mut());
                let _ = connection.await;
            }
        },
    )
    .await
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

thread_local! {
    /// How many requests have come.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

async fn respond(request: Request<Incoming>) -> (StatusCode, String) {
    ASKED.set(ASKED.get() + 1);
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
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) = conn::http1::handshake(stream).await?;
    // It belongs to this request: when the answer is here, or nobody waits for it any more, it is dropped.
    let _connection = spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", "localhost").body(Full::<Bytes>::from(body))?;
    told(sender.send_request(request).await?).await
}

/// Several requests at once over one connection, of HTTP/2.
async fn ask_at_once(server: SocketAddr, paths: [&str; 3]) -> Result<[String; 3], Anything> {
    let stream = TcpStream::connect(server).await?;
    let (sender, connection) = conn::http2::handshake(HyperExecutor::new(), stream).await?;
    let _connection = spawn(connection);
    let ask = async |path| {
        let request = Request::get(format!("http://localhost{path}")).body(Full::<Bytes>::default())?;
        told(sender.clone().send_request(request).await?).await
    };
    let [one, two, three] = paths.map(ask);
    let (one, two, three) = try_gather((one, two, three)).await?;
    Ok([one, two, three])
}

/// What an answer says.
async fn told(response: Response<Incoming>) -> Result<String, Anything> {
    let status = response.status().as_u16();
    let text = response.into_body().collect().await?.to_bytes();
    Ok(format!("{status} {}", String::from_utf8_lossy(&text).trim_end()))
}

/// Clients and server on one thread.
async fn demonstrate(listener: TcpListener) -> Result<(), Anything> {
    let address = listener.local_addr()?;
    let open = Rc::new(Cell::new(0));
    let server = spawn(serve(listener, open.clone()));
    println!("GET /       {}", ask(address, Method::GET, "/", "").await?);
    println!("POST /count {}", ask(address, Method::POST, "/count", "steady as she goes").await?);
    println!("GET /never  {}", ask(address, Method::GET, "/never", "").await?);

    let [soon, never, root] = ask_at_once(address, ["/soon", "/never", "/"]).await?;
    println!("at once, over one connection: {soon}; {never}; {root}");

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

    let asked = ASKED.get();
    let late = spawn(async move { ask(address, Method::GET, "/soon", "").await });
    while ASKED.get() == asked {
        sleep(Duration::from_millis(1)).await;
    }
    server.cancel("closing time");
    let ended = server.await;
    println!("GET /soon   {}, and the server had been told to stop", late.await??);
    assert!(matches!(ended, Err(JoinError::Cancelled(_))) && open.get() == 0);
    Ok(())
}

fn main() -> Result<(), Anything> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match arguments.as_slice() {
        [] => "127.0.0.1:0",
        [command, address] if command == "serve" => address,
        _ => return Err("usage: http [serve ADDRESS]".into()),
    };
    if arguments.is_empty() {
        return evenkeel::run(async { demonstrate(TcpListener::bind(address).await?).await });
    }
    let executor = Executor::builder().cancel_on_ctrl_c().build();
    let served = executor.run_outcome(async {
        let listener = TcpListener::bind(address).await?;
        println!("listening on {}", listener.local_addr()?);
        serve(listener, Rc::default()).await
    });
    match served {
        Err(JoinError::Cancelled(_)) => {
            println!("everything in flight was answered");
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(served) => served,
    }
}
