//! The process has no descriptor left: who accepts waits for one, and says so; others get errors, and nothing is broken behind that.

use super::kit::{Driver, alone, bytes, cut_short, listen, pair, read_exactly, watched};
use crate::kit::probe::Record;
use evenkeel::{
    Executor, Instant,
    host::{Unhandled, UnhandledKind},
    io::{ExecutorFd, TcpListener, TcpStream},
    run, sleep_until, spawn,
    testing::VirtualClock,
    yield_now,
};
use futures::StreamExt;
use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use std::{cell::RefCell, fs::File, io, net, rc::Rc, time::Duration};

/// Lets this process have a few dozen descriptors at most. It has a limit of its own.
fn keep_short() {
    let limit = Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Takes all descriptors that are left but so many.
fn take_all_but(left: usize) -> Vec<File> {
    let mut taken = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => {
                assert!(is_want(&error), "{error}");
                taken.truncate(taken.len() - left);
                return taken;
            }
        }
    }
}

fn is_want(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::MFILE)
}

/// What was told of, in words; all of it must be of that kind.
fn ear() -> (Record<String>, impl Fn(&Unhandled) + 'static) {
    let heard = Record::new();
    let ear = heard.clone();
    let hook = move |unhandled: &Unhandled| {
        assert!(matches!(unhandled.kind(), UnhandledKind::Retried(_)), "{unhandled}");
        ear.add(unhandled.to_string());
    };
    (heard, hook)
}

#[test]
fn io_07_who_accepts_waits_for_a_descriptor_tells_of_it_once_and_takes_the_connection_then() {
    alone(io_07_who_accepts_waits_for_a_descriptor_tells_of_it_once_and_takes_the_connection_then, || {
        keep_short();
        for driver in Driver::ALL {
            let (heard, hook) = ear();
            Executor::builder().on_unhandled(hook).run(watched(async {
                driver.attach();
                let (listener, address) = listen().await;
                for uses_stream in [false, true] {
                    let mut clients = Vec::new();
                    for _ in 0..3 {
                        let client = TcpStream::connect(address).await.unwrap();
                        client.write_all(b"ahoy").await.unwrap();
                        clients.push(client);
                    }
                    let taken = take_all_but(0);
                    let mut incoming = listener.incoming();
                    let mut accept = async || match uses_stream {
                        true => incoming.next().await.unwrap().unwrap(),
                        false => listener.accept().await.unwrap().0,
                    };
                    assert!(cut_short(4, accept()).await.is_none());
                    assert_eq!(heard.take().len(), 1, "it is told of once, however often it was tried");
                    drop(taken);
                    for _ in 0..3 {
                        let stream = accept().await;
                        assert_eq!(read_exactly(&stream, 4).await, b"ahoy");
                    }
                    assert_eq!(heard.take(), [""; 0], "all is well again");
                }
            }));
        }
    });
}

#[test]
fn io_07_the_report_names_the_listener_the_error_and_the_pause() {
    alone(io_07_the_report_names_the_listener_the_error_and_the_pause, || {
        keep_short();
        let (heard, hook) = ear();
        Executor::builder().on_unhandled(hook).run(watched(async {
            let (listener, address) = listen().await;
            let _client = TcpStream::connect(address).await.unwrap();
            let _taken = take_all_but(0);
            assert!(cut_short(1, listener.accept()).await.is_none());
            let heard = heard.take();
            for word in [&*address.to_string(), "Too many open files", "10ms"] {
                assert!(heard[0].contains(word), "{}", heard[0]);
            }
        }));
    });
}

#[test]
fn io_07_its_pauses_double_up_to_a_second_and_begin_anew_behind_a_success() {
    alone(io_07_its_pauses_double_up_to_a_second_and_begin_anew_behind_a_success, || {
        keep_short();
        for driver in Driver::ALL {
            let (heard, hook) = ear();
            let executor = Executor::builder().clock(VirtualClock::new()).on_unhandled(hook).build();
            executor.run(async {
                driver.attach();
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let mut incoming = listener.incoming();
                let mut began = Instant::from_origin(Duration::ZERO);
                for (freed, accepted) in [(3000, 3270), (5000, 5270), (100, 150), (9, 10)] {
                    let _client = net::TcpStream::connect(address).unwrap();
                    let taken = Rc::new(RefCell::new(take_all_but(0)));
                    let free = taken.clone();
                    let frees = spawn(async move {
                        sleep_until(began + Duration::from_millis(freed)).await;
                        free.take();
                    });
                    let stream = incoming.next().await.unwrap().unwrap();
                    assert_eq!(Instant::now(), began + Duration::from_millis(accepted), "{driver:?}");
                    frees.await.unwrap();
                    drop(stream);
                    began = Instant::now();
                }
                assert_eq!(heard.take().len(), 4);
            });
        }
    });
}

#[test]
fn a_connection_that_finds_no_descriptor_is_an_error_and_the_next_one_works() {
    alone(a_connection_that_finds_no_descriptor_is_an_error_and_the_next_one_works, || {
        keep_short();
        for driver in Driver::ALL {
            driver.run(async {
                let (listener, address) = listen().await;
                let taken = take_all_but(0);
                assert!(is_want(&TcpStream::connect(address).await.unwrap_err()));
                assert!(is_want(&TcpStream::connect([address, address]).await.unwrap_err()));
                assert!(is_want(&TcpListener::bind("127.0.0.1:0").await.unwrap_err()));
                drop(taken);
                let client = TcpStream::connect(address).await.unwrap();
                client.write_all(b"ahoy").await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                assert_eq!(read_exactly(&server, 4).await, b"ahoy");
            });
        }
    });
}

#[test]
fn a_driver_that_finds_no_descriptor_is_an_error_and_comes_with_the_next_wait() {
    alone(a_driver_that_finds_no_descriptor_is_an_error_and_comes_with_the_next_wait, || {
        keep_short();
        let (client, server) = run(pair());
        let [client, server] = [client, server].map(|stream| TcpStream::from_std(stream.into_std()).unwrap());
        for left in 0..3 {
            let executor = Executor::new();
            executor.run(watched(async {
                let taken = take_all_but(left);
                let outcome = cut_short(1, server.readable()).await;
                if left < 2 {
                    assert!(is_want(&outcome.unwrap().unwrap_err()), "{left} are left");
                } else {
                    assert!(outcome.is_none());
                }
                drop(taken);
                client.write_all(b"ahoy").await.unwrap();
                assert_eq!(read_exactly(&server, 4).await, b"ahoy");
                assert!(server.try_read(&mut [0; 8]).is_err());
            }));
            // For a host's descriptor there is to be one more.
            let taken = take_all_but(0);
            assert!(is_want(&executor.as_fd().unwrap_err()));
            drop(taken);
            executor.as_fd().unwrap();
        }
    });
}

#[test]
fn a_wait_that_finds_no_descriptor_on_the_portable_driver_is_an_error_and_the_next_one_works() {
    alone(a_wait_that_finds_no_descriptor_on_the_portable_driver_is_an_error_and_the_next_one_works, || {
        keep_short();
        Driver::Portable.run(async {
            let (client, server) = pair().await;
            let taken = take_all_but(0);
            assert!(is_want(&server.readable().await.unwrap_err()));
            assert!(is_want(&server.read(&mut [0; 8]).await.unwrap_err()));
            drop(taken);
            assert!(cut_short(1, server.readable()).await.is_none());
            client.write_all(&bytes(0, 100)).await.unwrap();
            assert_eq!(read_exactly(&server, 100).await, bytes(0, 100));
        });
    });
}

#[test]
fn io_07_a_pause_of_one_who_accepts_can_be_cut_short_and_another_accepts() {
    alone(io_07_a_pause_of_one_who_accepts_can_be_cut_short_and_another_accepts, || {
        keep_short();
        for driver in Driver::ALL {
            let (heard, hook) = ear();
            Executor::builder().on_unhandled(hook).run(watched(async {
                driver.attach();
                let (listener, address) = listen().await;
                let client = TcpStream::connect(address).await.unwrap();
                let taken = take_all_but(0);
                assert!(cut_short(1, listener.accept()).await.is_none());
                drop(taken);
                let (_server, peer) = listener.accept().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
                yield_now().await;
            }));
            assert_eq!(heard.take().len(), 1);
        }
    });
}
