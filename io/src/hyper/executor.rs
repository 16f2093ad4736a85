//! Tasks that hyper spawns.

use evenkeel_executor::{Opaque, spawn};
use hyper::rt::Executor;

/// hyper's executor: what hyper spawns becomes a task of the current executor. hyper's HTTP/2 needs it, for a task per stream on a server, and for
/// the connection on a client.
///
/// These tasks are [detached](evenkeel_executor::Task::detach): no group and no scope owns them, but the executor, which stops those that are left when
/// it ends. A connection that is dropped ends its streams, and so its tasks, at their next poll. A panic in one, a service's say, goes to
/// `on_unhandled`; what they return is hyper's affair.
///
/// ```
/// use evenkeel::{io::{HyperExecutor, TcpListener, TcpStream}, run, spawn};
/// use http_body_util::{BodyExt, Empty, Full};
/// use hyper::{Request, Response, body::Bytes, client, server, service::service_fn};
///
/// run(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
///     let address = listener.local_addr().unwrap();
///     let _server = spawn(async move {
///         let (stream, _) = listener.accept().await.unwrap();
///         let answer = service_fn(async |_| Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from("ahoy")))));
///         server::conn::http2::Builder::new(HyperExecutor::new()).serve_connection(stream, answer).await.unwrap();
///     });
///     let stream = TcpStream::connect(address).await.unwrap();
///     let (mut client, connection) = client::conn::http2::handshake(HyperExecutor::new(), stream).await.unwrap();
///     let _connection = spawn(connection);
///     let request = Request::get(format!("http://{address}/")).body(Empty::<Bytes>::new()).unwrap();
///     let answer = client.send_request(request).await.unwrap();
///     assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ahoy");
/// });
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HyperExecutor;

impl HyperExecutor {
    /// hyper's executor.
    pub const fn new() -> HyperExecutor {
        HyperExecutor
    }
}

impl<F: Future<Output: 'static> + 'static> Executor<F> for HyperExecutor {
    /// Spawns the future.
    ///
    /// # Panics
    ///
    /// Outside an executor, unless one was entered.
    #[track_caller]
    fn execute(&self, future: F) {
        spawn(async { Opaque(future.await) }).named("hyper").detach();
    }
}
