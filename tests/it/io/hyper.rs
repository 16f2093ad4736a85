//! hyper, both versions of HTTP, server and client.

use super::kit::{alone, bytes, descriptors, listen, watched, with_both};
use crate::kit::{
    probe::{ms, on_drop},
    stage::{run_clean, run_watched},
};
use ::hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming},
    client::conn,
    rt::{self, Executor as _, Timer as _},
    server::conn::{http1, http2},
    service::service_fn,
};
use evenkeel::{
    Instant, gather,
    io::{HyperExecutor, HyperTimer, UnixStream},
    run, sleep, spawn,
    testing::VirtualClock,
    yield_now,
};
use http_body_util::{BodyExt, Full};
use std::{
    cell::Cell,
    convert::Infallible,
    fmt::Debug,
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

/// Answers with the request's body, behind how many requests there were.
async fn echo(count: Rc<Cell<u32>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, ::hyper::Error> {
    count.set(count.get() + 1);
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::builder().header("count", count.get()).body(Full::new(body)).unwrap())
}

fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("http://localhost/").header("host", "localhost").body(Full::new(body.into())).unwrap()
}

/// One after the other over HTTP/1, with bodies of all sizes.
async fn converse<S: rt::Read + rt::Write + Unpin + 'static>(server: S, client: S) {
    let count = Rc::new(Cell::new(0));
    let service = service_fn(move |request| echo(count.clone(), request));
    let server = spawn(async move {
        let mut http = http1::Builder::new();
        http.timer(HyperTimer::new()).header_read_timeout(Duration::from_secs(60));
        http.serve_connection(server, service).await
    });
    let (mut sender, connection) = conn::http1::handshake(client).await.unwrap();
    let connection = spawn(connection);
    for (number, length) in [0, 1, 1000, 100_000, 3_000_000, 7].into_iter().enumerate() {
        sender.ready().await.unwrap();
        let answer = sender.send_request(post(bytes(number, length))).await.unwrap();
        assert_eq!(answer.headers()["count"], (number + 1).to_string());
        assert!(answer.into_body().collect().await.unwrap().to_bytes() == bytes(number, length), "{length}");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

/// All at once over HTTP/2.
async fn converse_at_once<S: rt::Read + rt::Write + Unpin + 'static>(server: S, client: S) {
    let count = Rc::new(Cell::new(0));
    let service = service_fn({
        let count = count.clone();
        move |request| echo(count.clone(), request)
    });
    let server = spawn(async move {
        let mut http = http2::Builder::new(HyperExecutor::new());
        http.timer(HyperTimer::new()).keep_alive_interval(Some(Duration::from_secs(60)));
        http.serve_connection(server, service).await
    });
    let mut http = conn::http2::Builder::new(HyperExecutor::new());
    http.timer(HyperTimer::new()).keep_alive_interval(Some(Duration::from_secs(60)));
    let (sender, connection) = http.handshake(client).await.unwrap();
    let connection = spawn(connection);
    let asks = (0..50).map(|number| {
        let mut sender = sender.clone();
        async move {
            let length = number * 4001;
            let answer = sender.send_request(post(bytes(number, length))).await.unwrap();
            assert!(answer.into_body().collect().await.unwrap().to_bytes() == bytes(number, length), "{length}");
        }
    });
    gather(asks.collect::<Vec<_>>()).await;
    assert_eq!(count.get(), 50);
    drop(sender);
    connection.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
}

#[test]
fn io_hyper_http1_serves_one_request_after_the_other() {
    with_both(async || {
        let (client, server) = super::kit::pair().await;
        converse(server, client).await;
        {
            let (client, server) = UnixStream::pair().unwrap();
            converse(server, client).await;
        }
    });
}

#[test]
fn io_hyper_http2_serves_many_requests_at_once() {
    with_both(async || {
        let (client, server) = super::kit::pair().await;
        converse_at_once(server, client).await;
        {
            let (client, server) = UnixStream::pair().unwrap();
            converse_at_once(server, client).await;
        }
    });
}

#[test]
fn io_hyper_reads_fill_what_is_not_initialised_and_writes_take_several_slices() {
    with_both(async || {
        let (mut one, mut other) = super::kit::pair().await;
        assert!(rt::Write::is_write_vectored(&one));
        let slices = [&b"steady "[..], b"as she ", b"goes"].map(std::io::IoSlice::new);
        let written = poll_fn(|cx| rt::Write::poll_write_vectored(Pin::new(&mut one), cx, &slices)).await.unwrap();
        assert_eq!(written, 18);
        poll_fn(|cx| rt::Write::poll_flush(Pin::new(&mut one), cx)).await.unwrap();
        poll_fn(|cx| rt::Write::poll_shutdown(Pin::new(&mut one), cx)).await.unwrap();
        let mut memory = [std::mem::MaybeUninit::uninit(); 64];
        let mut buf = rt::ReadBuf::uninit(&mut memory);
        while buf.filled().len() < 18 {
            poll_fn(|cx| rt::Read::poll_read(Pin::new(&mut other), cx, buf.unfilled())).await.unwrap();
        }
        poll_fn(|cx| rt::Read::poll_read(Pin::new(&mut other), cx, buf.unfilled())).await.unwrap();
        assert_eq!(buf.filled(), b"steady as she goes", "behind it there is an end");
    });
}

#[test]
fn io_hyper_a_client_that_says_nothing_is_closed_in_time() {
    let took = run_clean(async {
        let (listener, address) = listen().await;
        let mut silent = std::net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        std::io::Write::write_all(&mut silent, b"GET / HT").unwrap();
        let begin = Instant::now();
        let mut http = http1::Builder::new();
        http.timer(HyperTimer::new()).header_read_timeout(Duration::from_secs(5));
        let service = service_fn(|request| echo(Rc::default(), request));
        let error = http.serve_connection(server, service).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        begin.elapsed()
    });
    // In virtual time.
    assert_eq!(took, Duration::from_secs(5));
}

#[test]
fn io_hyper_a_peer_that_answers_no_ping_is_closed_in_time() {
    let took = run_clean(async {
        let (listener, address) = listen().await;
        let mut silent = std::net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        std::io::Write::write_all(&mut silent, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        let begin = Instant::now();
        let mut http = http2::Builder::new(HyperExecutor::new());
        http.timer(HyperTimer::new())
            .keep_alive_interval(Some(Duration::from_secs(20)))
            .keep_alive_timeout(Duration::from_secs(3));
        let service = service_fn(|request| echo(Rc::default(), request));
        http.serve_connection(server, service).await.unwrap_err();
        begin.elapsed()
    });
    assert_eq!(took, Duration::from_secs(23));
}

#[test]
fn io_hyper_timers_keep_the_executors_time() {
    async fn check() {
        let timer = HyperTimer::new();
        let begin = (Instant::now(), timer.now());
        timer.sleep(ms(2)).await;
        assert!(begin.0.elapsed() >= ms(2) && timer.now() - begin.1 >= ms(2));
        timer.sleep_until(begin.1 + ms(5)).await;
        assert!(begin.0.elapsed() >= ms(5) && timer.now() - begin.1 >= ms(5));
        // What has passed is over at once.
        timer.sleep_until(begin.1).await;
        // A sleep that waits is moved, to and fro.
        let mut sleeps = timer.sleep(Duration::from_secs(3600));
        assert!(poll_fn(|cx| Poll::Ready(sleeps.as_mut().poll(cx).is_pending())).await);
        timer.reset(&mut sleeps, begin.1 + ms(9));
        sleeps.await;
        assert!(begin.0.elapsed() >= ms(9) && begin.0.elapsed() < Duration::from_secs(3000));
        // One of another kind is replaced.
        let mut foreign: Pin<Box<dyn rt::Sleep>> = Box::pin(Never);
        timer.reset(&mut foreign, begin.1);
        foreign.await;
    }
    run(watched(check()));
    run_clean(check());
    let took = run_clean(async {
        let begin = Instant::now();
        HyperTimer::new().sleep(Duration::from_secs(3600)).await;
        HyperTimer::new().sleep_until(HyperTimer::new().now() + Duration::from_secs(60)).await;
        begin.elapsed()
    });
    assert_eq!(took, Duration::from_secs(3660));
    // On the system's clock they are std's.
    run(async {
        let std = std::time::Instant::now();
        let between = HyperTimer::new().now();
        assert!(std <= between && between <= std::time::Instant::now());
    });
}

struct Never;

impl Future for Never {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl rt::Sleep for Never {}

#[test]
fn io_hyper_a_time_that_no_instant_can_say_is_none_of_a_timers() {
    // As far from its origin as a clock can be.
    let clock = VirtualClock::new();
    let executor = evenkeel::Executor::builder().clock(clock.clone()).build();
    executor.run(async {
        sleep(Duration::from_secs(580 * 365 * 86_400)).await;
        let timer = HyperTimer::new();
        let now = timer.now();
        timer.sleep_until(now).await;
        assert!(timer.now() >= now);
    });
}

#[test]
fn io_hyper_a_sleep_on_a_foreign_thread_panics_and_does_no_harm() {
    run(async {
        let sleeps = HyperTimer::new().sleep(ms(1));
        let outcome = thread::spawn(move || {
            let mut sleeps = sleeps;
            let polls = std::panic::AssertUnwindSafe(|| {
                let _ = sleeps.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
            });
            let is_refused = std::panic::catch_unwind(polls).is_err();
            let drops = std::panic::AssertUnwindSafe(|| drop(sleeps));
            (is_refused, std::panic::catch_unwind(drops).is_err())
        });
        assert_eq!(outcome.join().unwrap(), (true, true));
    });
}

#[test]
fn io_hyper_what_hyper_spawns_is_the_executors() {
    let held = Rc::new(());
    let (value, told) = run_watched({
        let held = held.clone();
        async move {
            let done = Rc::new(Cell::new(false));
            let executor = HyperExecutor::new();
            executor.execute({
                let done = done.clone();
                // What it returns needs no `Debug`.
                async move {
                    done.set(true);
                    || ()
                }
            });
            executor.execute(async move {
                pending::<()>().await;
                drop(held);
            });
            executor.execute(async { panic!("a service's") });
            yield_now().await;
            yield_now().await;
            done.get()
        }
    });
    assert!(value);
    assert_eq!(Rc::strong_count(&held), 1, "what is left goes with the executor");
    assert!(told.len() == 1 && told[0].contains("a service's") && told[0].contains("hyper"), "{told:?}");
}

/// A body without an end, which counts what it gave.
struct Endless(Rc<Cell<usize>>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const PIECE: &[u8] = &[0; 1 << 14];
        self.0.set(self.0.get() + PIECE.len());
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }
}

#[test]
fn io_hyper_a_client_that_reads_nothing_stops_the_body_that_it_does_not_read() {
    with_both(async || {
        let (listener, address) = listen().await;
        let mut client = std::net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let given = Rc::new(Cell::new(0));
        let service = service_fn({
            let given = given.clone();
            move |_| {
                let body = Endless(given.clone());
                async { Ok::<_, Infallible>(Response::new(body)) }
            }
        });
        let task = spawn(http1::Builder::new().serve_connection(server, service));
        std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        // It goes on until the system's buffers are full, and then rests.
        let mut before = usize::MAX;
        while before != given.get() || before == 0 {
            before = given.get();
            sleep(ms(30)).await;
        }
        assert!(before < 64 << 20, "{before}");
        // Others are served meanwhile.
        let (one, other) = super::kit::pair().await;
        watched(converse(other, one)).await;
        drop(client);
        assert!(task.await.unwrap().is_err());
    });
}

#[test]
fn io_hyper_a_connection_that_is_dropped_is_closed_with_all_that_it_had() {
    alone(io_hyper_a_connection_that_is_dropped_is_closed_with_all_that_it_had, || {
        with_both(async || {
            drop(super::kit::pair().await);
            let before = descriptors();
            // Requests that have begun, and those that are gone.
            let (begun, gone) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let service = || {
                let counts = (begun.clone(), gone.clone());
                service_fn(move |_: Request<Incoming>| {
                    let (begun, gone) = counts.clone();
                    begun.set(begun.get() + 1);
                    let note = on_drop(move || gone.set(gone.get() + 1));
                    async move {
                        let _note = note;
                        pending::<Result<Response<Full<Bytes>>, Infallible>>().await
                    }
                })
            };
            let count_comes_to = async |count: &Cell<u32>, to| {
                while count.get() < to {
                    yield_now().await;
                }
            };
            // HTTP/1: the request lies in the connection.
            let (client, server) = super::kit::pair().await;
            let task = spawn(http1::Builder::new().serve_connection(server, service()));
            client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            count_comes_to(&begun, 1).await;
            drop(task);
            assert_eq!(watched(client.read(&mut [0; 8])).await.unwrap(), 0);
            assert_eq!(gone.get(), 1);
            drop(client);
            // HTTP/2: the request is a task of its own.
            let (client, server) = super::kit::pair().await;
            let task = spawn(http2::Builder::new(HyperExecutor::new()).serve_connection(server, service()));
            let (mut sender, connection) = conn::http2::handshake(HyperExecutor::new(), client).await.unwrap();
            let connection = spawn(connection);
            let asks = spawn(async move { sender.send_request(post("")).await.map(drop) });
            count_comes_to(&begun, 2).await;
            drop(task);
            assert!(watched(asks).await.unwrap().is_err());
            let _ = connection.await;
            count_comes_to(&gone, 2).await;
            assert_eq!(descriptors(), before);
        });
    });
}

/// hyper shares a timer between threads in type only.
fn is_shared<T: Send + Sync + Debug + Clone + Default>(value: T) -> Arc<T> {
    Arc::new(value)
}

#[test]
fn io_hyper_timers_and_executors_are_values_that_may_be_shared() {
    let _timer: Arc<dyn rt::Timer + Send + Sync> = is_shared(HyperTimer::default());
    assert_eq!(*is_shared(HyperExecutor::default()), HyperExecutor::new());
}
