//! What is written for tokio's streams, and the same for those of futures: TLS and WebSockets.

use super::kit::{bytes, cut_short, pair, watched, with_both};
use evenkeel::{
    gather,
    io::{TcpStream, UnixStream},
    spawn, yield_now,
};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{
    future::poll_fn,
    io::{ErrorKind, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
};
use tokio::io::{
    AsyncRead as TokioRead, AsyncReadExt as TokioReadExt, AsyncWrite as TokioWrite, AsyncWriteExt as TokioWriteExt,
    ReadBuf, copy_bidirectional,
};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, ServerName},
};

/// Longer than what the system takes at a time.
const LONG: usize = 2 << 20;

/// What comes back of what one sends and the other echoes, by tokio's traits.
async fn echo_for_tokio(mut one: impl TokioRead + TokioWrite + Unpin, mut other: impl TokioRead + TokioWrite + Unpin) {
    let sends = async {
        let (mut reads, mut writes) = tokio::io::split(&mut one);
        let came = async {
            let mut came = vec![0; LONG];
            TokioReadExt::read_exact(&mut reads, &mut came).await.unwrap();
            came
        };
        let sent = async {
            TokioWriteExt::write_all(&mut writes, &bytes(0, LONG)).await.unwrap();
            TokioWriteExt::flush(&mut writes).await.unwrap();
        };
        let ((), came) = gather((sent, came)).await;
        assert!(came == bytes(0, LONG));
        writes.shutdown().await.unwrap();
        assert_eq!(TokioReadExt::read(&mut reads, &mut [0; 8]).await.unwrap(), 0);
    };
    let echoes = async {
        let mut buf = vec![0; 10_007];
        loop {
            match TokioReadExt::read(&mut other, &mut buf).await.unwrap() {
                0 => break,
                length => {
                    TokioWriteExt::write_all(&mut other, &buf[..length]).await.unwrap();
                    TokioWriteExt::flush(&mut other).await.unwrap();
                }
            }
        }
        other.shutdown().await.unwrap();
    };
    watched(gather((sends, echoes))).await;
}

/// The same by the traits of futures.
async fn echo_for_futures(one: impl AsyncRead + AsyncWrite, mut other: impl AsyncRead + AsyncWrite + Unpin) {
    let sends = async {
        let (mut reads, mut writes) = one.split();
        let came = async {
            let mut came = vec![0; LONG];
            reads.read_exact(&mut came).await.unwrap();
            came
        };
        let sent = async {
            writes.write_all(&bytes(0, LONG)).await.unwrap();
            writes.flush().await.unwrap();
        };
        let ((), came) = gather((sent, came)).await;
        assert!(came == bytes(0, LONG));
        writes.close().await.unwrap();
        assert_eq!(reads.read(&mut [0; 8]).await.unwrap(), 0);
    };
    let echoes = async {
        let mut buf = vec![0; 10_007];
        loop {
            match AsyncReadExt::read(&mut other, &mut buf).await.unwrap() {
                0 => break,
                length => {
                    AsyncWriteExt::write_all(&mut other, &buf[..length]).await.unwrap();
                    AsyncWriteExt::flush(&mut other).await.unwrap();
                }
            }
        }
        other.close().await.unwrap();
    };
    watched(gather((sends, echoes))).await;
}

#[test]
fn io_tokio_streams_carry_bytes_by_both_families_of_traits() {
    with_both(async || {
        let (one, other) = pair().await;
        echo_for_tokio(one, other).await;
        let (one, other) = pair().await;
        echo_for_futures(one, other).await;
        let (one, other) = UnixStream::pair().unwrap();
        echo_for_tokio(one, other).await;
        let (one, other) = UnixStream::pair().unwrap();
        echo_for_futures(one, other).await;
        // One side by references, the other by tokio's.
        let (one, other) = pair().await;
        echo_for_tokio(&one, &other).await;
    });
}

#[test]
fn io_tokio_halves_and_references_need_no_lock() {
    with_both(async || {
        let (mut one, other) = pair().await;
        let (mut reads, mut writes) = other.into_split();
        let echo = spawn(async move { tokio::io::copy(&mut reads, &mut writes).await.unwrap() });
        let (mut reads, mut writes) = TcpStream::split(&mut one);
        let sends = async {
            TokioWriteExt::write_all(&mut writes, &bytes(0, LONG)).await.unwrap();
            TokioWriteExt::flush(&mut writes).await.unwrap();
            writes.shutdown().await.unwrap();
        };
        let comes = async {
            let mut came = Vec::new();
            TokioReadExt::read_to_end(&mut reads, &mut came).await.unwrap();
            came
        };
        let ((), came) = watched(gather((sends, comes))).await;
        assert!(came == bytes(0, LONG));
        assert_eq!(watched(echo).await.unwrap(), LONG as u64);
        // The same within a host.
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut reads, mut writes) = one.into_split();
        assert!(writes.is_write_vectored());
        TokioWriteExt::write_all(&mut writes, b"ahoy").await.unwrap();
        let (mut other_reads, mut other_writes) = UnixStream::split(&mut other);
        assert_eq!(TokioReadExt::read(&mut other_reads, &mut [0; 8]).await.unwrap(), 4);
        TokioWriteExt::write_all(&mut other_writes, b"there").await.unwrap();
        assert_eq!(TokioReadExt::read(&mut reads, &mut [0; 8]).await.unwrap(), 5);
    });
}

#[test]
fn io_tokio_a_proxy_between_two_connections_ends_when_both_have() {
    with_both(async || {
        let ((client, mut near), (mut far, server)) = (pair().await, pair().await);
        let proxy = spawn(async move { copy_bidirectional(&mut near, &mut far).await.unwrap() });
        client.write_all(b"ahoy").await.unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        TokioReadExt::read_to_string(&mut &server, &mut text).await.unwrap();
        assert_eq!(text, "ahoy");
        server.write_all(b"there!").await.unwrap();
        drop(server);
        text.clear();
        TokioReadExt::read_to_string(&mut &client, &mut text).await.unwrap();
        assert_eq!(text, "there!");
        assert_eq!(watched(proxy).await.unwrap(), (4, 6));
    });
}

#[test]
fn io_tokio_a_read_fills_what_is_not_initialised_behind_what_is_filled() {
    with_both(async || {
        let (one, mut other) = pair().await;
        let mut memory = [MaybeUninit::uninit(); 64];
        let mut buf = ReadBuf::uninit(&mut memory);
        buf.put_slice(b"-> ");
        let slices = [&b"steady "[..], b"as she ", b"goes"].map(IoSlice::new);
        assert!(one.is_write_vectored());
        let written = poll_fn(|cx| TokioWrite::poll_write_vectored(Pin::new(&mut &one), cx, &slices)).await.unwrap();
        assert_eq!(written, 18);
        while buf.filled().len() < 21 {
            poll_fn(|cx| TokioRead::poll_read(Pin::new(&mut other), cx, &mut buf)).await.unwrap();
        }
        assert_eq!(buf.filled(), b"-> steady as she goes");
        assert_eq!(buf.initialized().len(), 21, "nothing is initialised but what came");
        // Cut short it has taken nothing.
        let reads = poll_fn(|cx| TokioRead::poll_read(Pin::new(&mut other), cx, &mut buf));
        assert!(cut_short(1, reads).await.is_none());
        one.write_all(b"!").await.unwrap();
        poll_fn(|cx| TokioRead::poll_read(Pin::new(&mut other), cx, &mut buf)).await.unwrap();
        assert_eq!(buf.filled().last(), Some(&b'!'));
        // A peer that has reset the connection.
        other.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(other);
        let error = poll_fn(|cx| TokioRead::poll_read(Pin::new(&mut &one), cx, &mut buf)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// What a server and its client know of each other.
fn tls() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

#[test]
fn io_tokio_rustls_runs_by_both_families_of_traits() {
    let (server, client) = tls();
    with_both(async || {
        let (one, other) = pair().await;
        let accepts = tokio_rustls::TlsAcceptor::from(server.clone()).accept(one);
        let connects = tokio_rustls::TlsConnector::from(client.clone()).connect(localhost(), other);
        let (accepted, connected) = watched(gather((accepts, connects))).await;
        echo_for_tokio(connected.unwrap(), accepted.unwrap()).await;

        let (one, other) = UnixStream::pair().unwrap();
        let accepts = futures_rustls::TlsAcceptor::from(server.clone()).accept(one);
        let connects = futures_rustls::TlsConnector::from(client.clone()).connect(localhost(), other);
        let (accepted, connected) = watched(gather((accepts, connects))).await;
        echo_for_futures(connected.unwrap(), accepted.unwrap()).await;
    });
}

#[test]
fn io_tokio_a_handshake_that_is_cancelled_closes_the_connection() {
    let (server, _) = tls();
    with_both(async || {
        let (one, other) = pair().await;
        let task = spawn(tokio_rustls::TlsAcceptor::from(server.clone()).accept(one));
        yield_now().await;
        drop(task);
        assert_eq!(watched(other.read(&mut [0; 8])).await.unwrap(), 0);
    });
}

#[test]
fn io_tokio_websockets_run_by_both_families_of_traits() {
    const URL: &str = "ws://localhost/";
    with_both(async || {
        let (one, other) = pair().await;
        let accepts = tokio_tungstenite::accept_async(one);
        let connects = tokio_tungstenite::client_async(URL, other);
        let (accepted, connected) = watched(gather((accepts, connects))).await;
        converse(accepted.unwrap(), connected.unwrap().0).await;

        let (one, other): (TcpStream, TcpStream) = pair().await;
        let accepts = async_tungstenite::accept_async(one);
        let connects = async_tungstenite::client_async(URL, other);
        let (accepted, connected) = watched(gather((accepts, connects))).await;
        converse(accepted.unwrap(), connected.unwrap().0).await;
    });
}

type Message = tokio_tungstenite::tungstenite::Message;
type WsError = tokio_tungstenite::tungstenite::Error;

/// What one sends comes back, whole, and both ends close.
async fn converse<S>(mut server: S, mut client: S)
where
    S: futures::Stream<Item = Result<Message, WsError>> + futures::Sink<Message, Error = WsError> + Unpin + 'static,
{
    let echo = spawn(async move {
        while let Some(Ok(message)) = server.next().await {
            if !message.is_close() && server.send(message).await.is_err() {
                break;
            }
        }
    });
    for length in [0, 5, 100_000, 1_000_000] {
        client.send(Message::binary(bytes(length, length))).await.unwrap();
        let came = watched(client.next()).await.unwrap().unwrap();
        assert!(came.into_data() == bytes(length, length), "{length}");
    }
    client.close().await.unwrap();
    while let Some(Ok(_)) = watched(client.next()).await {}
    watched(echo).await.unwrap();
}
