//! What the HTTP servers answer.

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    rt::{Read, Write},
    server::conn::http1,
    service::service_fn,
};
use std::convert::Infallible;

/// The body of every answer.
pub(crate) const BODY: &[u8] = b"steady as she goes\n";

/// Answers what comes on one connection, until it ends.
pub(super) async fn http<S: Read + Write + Unpin + 'static>(stream: S) {
    // A client that hangs up is no fault of the server's; one that gets no answer tells it itself.
    let _ = http1::Builder::new().serve_connection(stream, service_fn(answer)).await;
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(BODY))))
}
