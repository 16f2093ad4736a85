//! Sockets under a virtual clock: a timeout ends what has nothing to read, and nothing else.

use super::kit::{Driver, listen, pair, read_exactly};
use evenkeel::{
    Executor, Instant,
    io::TcpStream,
    sleep, spawn,
    testing::{VirtualClock, run},
    timeout,
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::AsFd,
};
use std::{thread, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

/// Runs it under a virtual clock with each driver.
fn with_both(test: impl AsyncFn()) {
    for driver in Driver::ALL {
        run(async {
            driver.attach();
            test().await;
        });
    }
}

fn now() -> Duration {
    Instant::now().saturating_duration_since(Instant::from_origin(Duration::ZERO))
}

/// Sends, and sees to it that the system has brought it to the peer.
async fn send(stream: &TcpStream, peer: &impl AsFd, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    poll(&mut [PollFd::new(peer, PollFlags::IN)], None).unwrap();
}

#[test]
fn io_13_what_is_there_to_read_comes_before_any_timeout() {
    with_both(async || {
        let (client, server) = pair().await;
        for n in 0..10 {
            // The wait comes first, so that the loop has nothing to do but to let time pass.
            let copy = server.as_fd().try_clone_to_owned().unwrap();
            let reads = timeout(Duration::from_nanos(1), read_exactly(&server, 1));
            let (_, text) = evenkeel::gather((send(&client, &copy, &[n]), reads)).await;
            assert_eq!(text.unwrap(), [n]);
        }
        assert_eq!(now(), Duration::ZERO);
    });
}

#[test]
fn io_13_what_is_not_there_is_waited_for_until_the_timeout_which_takes_no_time() {
    with_both(async || {
        let (client, server) = pair().await;
        let real = std::time::Instant::now();
        for round in 1..=10 {
            assert!(timeout(360 * SECOND, server.read(&mut [0; 8])).await.is_err());
            assert_eq!(now(), round * 360 * SECOND);
        }
        assert!(real.elapsed() < 60 * SECOND);
        send(&client, &server, b"ahoy").await;
        assert_eq!(read_exactly(&server, 4).await, b"ahoy");
    });
}

#[test]
fn a_server_that_shows_out_who_is_silent_does_so_at_that_time() {
    with_both(async || {
        let (listener, address) = listen().await;
        let server = spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut count = 0;
            let mut text = [0; 1];
            while let Ok(length) = timeout(5 * SECOND, stream.read(&mut text)).await {
                assert_eq!(length.unwrap(), 1);
                stream.write_all(&text).await.unwrap();
                count += 1;
            }
            (count, now())
        });
        let client = TcpStream::connect(address).await.unwrap();
        for n in 1..=4 {
            assert_eq!(now(), (n - 1) * 3 * SECOND);
            client.write_all(&[7]).await.unwrap();
            assert_eq!(read_exactly(&client, 1).await, [7]);
            sleep(3 * SECOND).await;
        }
        // The last answer came at nine seconds.
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(server.await.unwrap(), (4, 14 * SECOND));
    });
}

#[test]
fn io_13_a_clock_that_is_held_waits_for_who_is_outside() {
    for driver in Driver::ALL {
        let clock = VirtualClock::new();
        Executor::builder().clock(clock.clone()).run(async {
            driver.attach();
            let (client, server) = pair().await;
            let hold = clock.hold();
            let client = client.into_std();
            let sends = thread::spawn(move || {
                thread::sleep(Duration::from_millis(5));
                std::io::Write::write_all(&mut &client, b"ahoy").unwrap();
                client
            });
            let text = timeout(SECOND, read_exactly(&server, 4)).await;
            assert_eq!((text.unwrap(), now()), (b"ahoy".to_vec(), Duration::ZERO));
            drop((hold, sends.join().unwrap()));
        });
    }
}
