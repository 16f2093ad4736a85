//! Who waits for what, and on which executor.

use super::kit::{
    Driver, bytes, cut_short, fill, listen, narrow_pair, pair, read_exactly, spawn_counted, watched, with_both,
};
use crate::kit::{
    bomb::{Op, bomb, defuse},
    hosts::Hand,
    probe::{HandPark, Record, Wakes},
};
use evenkeel::{
    Executor, Task,
    io::{DriverBuilder, TcpStream},
    run, spawn, yield_now,
};
use futures::{AsyncRead, AsyncWrite};
use std::{cell::RefCell, future::pending, io, pin::Pin, rc::Rc, task::Context, thread};

#[test]
fn of_two_tasks_that_read_one_stream_each_byte_goes_to_one_and_the_end_to_both() {
    with_both(async || {
        const LENGTH: usize = 100_000;
        let (client, server) = narrow_pair().await;
        let server = Rc::new(server);
        let came = Rc::new(RefCell::new(Vec::new()));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (server, came) = (server.clone(), came.clone());
                spawn(async move {
                    let mut text = [0; 100];
                    loop {
                        match server.read(&mut text).await.unwrap() {
                            0 => return,
                            // Nobody reads between this read's end and here.
                            length => came.borrow_mut().extend_from_slice(&text[..length]),
                        }
                    }
                })
            })
            .collect();
        client.write_all(&bytes(0, LENGTH)).await.unwrap();
        drop(client);
        for reader in readers {
            reader.await.unwrap();
        }
        assert!(*came.borrow() == bytes(0, LENGTH));
    });
}

#[test]
fn of_many_tasks_that_wait_for_one_stream_all_are_woken() {
    with_both(async || {
        let (client, server) = pair().await;
        let server = Rc::new(server);
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let server = server.clone();
                spawn(async move { server.readable().await })
            })
            .collect();
        yield_now().await;
        client.write_all(b"ahoy").await.unwrap();
        for waiter in waiters {
            waiter.await.unwrap().unwrap();
        }
    });
}

#[test]
fn of_two_tasks_that_accept_on_one_listener_each_connection_goes_to_one() {
    with_both(async || {
        let (listener, address) = listen().await;
        let listener = Rc::new(listener);
        let acceptors: Vec<_> = (0..2)
            .map(|_| {
                let listener = listener.clone();
                spawn(async move { listener.accept().await.unwrap().1 })
            })
            .collect();
        yield_now().await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut peers = Vec::new();
        for acceptor in acceptors {
            peers.push(acceptor.await.unwrap());
        }
        let mut locals: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
        peers.sort();
        locals.sort();
        assert_eq!(peers, locals);
    });
}

#[test]
fn a_wait_that_was_dropped_wakes_nobody_and_the_others_are_woken() {
    with_both(async || {
        let (client, server) = pair().await;
        let server = Rc::new(server);
        let dropped = server.clone();
        let (_gone, polls) = spawn_counted(async move {
            assert!(cut_short(1, dropped.readable()).await.is_none());
            assert!(cut_short(1, dropped.read(&mut [0; 8])).await.is_none());
            pending::<()>().await
        });
        let stays = server.clone();
        let (stays, stays_polls) = spawn_counted(async move { read_exactly(&stays, 4).await });
        yield_now().await;
        client.write_all(b"ahoy").await.unwrap();
        assert_eq!(stays.await.unwrap(), b"ahoy");
        assert_eq!((polls.get(), stays_polls.get()), (1, 2));
    });
}

#[test]
fn of_the_wakers_that_poll_the_newest_of_each_direction_counts() {
    for driver in Driver::ALL {
        driver.run(newest_wakers(driver));
    }
}

async fn newest_wakers(driver: Driver) {
    let (client, server) = narrow_pair().await;
    let sent = fill(&server, 0);
    let wakers: [_; 4] = std::array::from_fn(|_| Wakes::new());
    let mut text = [0; 64];
    for (_, waker) in &wakers[..2] {
        let polled = Pin::new(&mut &server).poll_read(&mut Context::from_waker(waker), &mut text);
        assert!(polled.is_pending());
    }
    for (_, waker) in &wakers[2..] {
        let polled = Pin::new(&mut &server).poll_write(&mut Context::from_waker(waker), &text);
        assert!(polled.is_pending());
    }
    client.write_all(b"ahoy").await.unwrap();
    server.readable().await.unwrap();
    // The portable driver tells once of a source, so that all who wait for it look again.
    let writers = usize::from(driver == Driver::Portable);
    assert_eq!(wakers.each_ref().map(|(count, _)| count.count()), [0, 1, 0, writers]);
    assert!(read_exactly(&client, sent).await == bytes(0, sent));
    server.writable().await.unwrap();
    assert_eq!(wakers.each_ref().map(|(count, _)| count.count()), [0, 1, 0, 1]);
}

#[test]
fn a_task_that_waits_is_polled_once_for_each_thing_that_comes() {
    with_both(async || {
        let (client, server) = pair().await;
        let (reads, polls) = spawn_counted(async move {
            for n in 0..10 {
                assert_eq!(read_exactly(&server, 1).await, [n]);
            }
            server
        });
        for n in 0..10 {
            // Another one reads at the same time, from another socket.
            let (near, far) = pair().await;
            near.write_all(b"x").await.unwrap();
            read_exactly(&far, 1).await;
            client.write_all(&[n]).await.unwrap();
            read_readiness_of(&far).await;
        }
        reads.await.unwrap();
        assert!(polls.get() <= 11, "{}", polls.get());
    });
}

/// Lets the driver look.
async fn read_readiness_of(stream: &TcpStream) {
    assert!(cut_short(1, stream.readable()).await.is_none());
}

/// An executor with that driver.
fn executor(driver: Driver) -> Executor {
    let executor = Executor::new();
    executor.run(async { driver.attach() });
    executor
}

fn with_two_executors(test: impl Fn(Executor, Executor)) {
    for driver in Driver::ALL {
        test(executor(driver), executor(driver));
    }
}

#[test]
fn io_08_a_stream_that_nobody_waits_for_works_on_any_executor_by_turns() {
    with_two_executors(|one, other| {
        let (client, server) = one.run(pair());
        for round in 0..10 {
            for (executor, text) in [(&one, b"ahoy"), (&other, b"aloa")] {
                executor.run(watched(async {
                    // Each of them has waited here.
                    for stream in [&server, &client] {
                        assert!(stream.try_read(&mut [0; 8]).is_err());
                        assert!(cut_short(1, stream.readable()).await.is_none());
                    }
                    client.write_all(text).await.unwrap();
                    assert_eq!(read_exactly(&server, 4).await, text, "round {round}");
                    server.write_all(text).await.unwrap();
                    assert_eq!(read_exactly(&client, 4).await, text);
                }));
            }
        }
    });
}

#[test]
fn io_08_a_stream_whose_executor_has_ended_works_on_another_also_with_what_came_between() {
    for driver in Driver::ALL {
        let mut executors = Vec::from_iter((0..3).map(|_| executor(driver)));
        let (client, server) = executors[0].run(pair());
        let [client, server] = [client, server].map(Rc::new);
        while let Some(executor) = executors.pop() {
            assert!(server.try_read(&mut [0; 8]).is_err());
            let waits = server.clone();
            let task = executor.spawn(async move { waits.readable().await });
            executor.run_until_stalled();
            assert!(!task.is_finished());
            drop(executor);
            assert!(task.is_finished());
            client.try_write(b"ahoy").unwrap();
            if let Some(next) = executors.last() {
                assert_eq!(next.run(watched(read_exactly(&server, 4))), b"ahoy");
            }
        }
    }
}

fn reads(executor: &Executor, stream: &Rc<TcpStream>) -> Task<io::Result<usize>> {
    let stream = stream.clone();
    let task = executor.spawn(async move { stream.read(&mut [0; 8]).await });
    executor.run_until_stalled();
    assert!(!task.is_finished());
    task
}

/// Runs until that task has ended.
fn ended(executor: &Executor, task: Task<io::Result<usize>>) -> io::Result<usize> {
    executor.run(watched(task)).unwrap()
}

const TWO: &str = "awaited on two executors at once";

#[test]
fn io_08_a_stream_that_is_awaited_on_two_executors_at_once_fails_on_one_and_works_on_the_other() {
    with_two_executors(|one, other| {
        let (client, server) = one.run(pair());
        let server = Rc::new(server);
        let (first, second) = (reads(&one, &server), reads(&other, &server));
        let error = ended(&one, first).unwrap_err();
        assert!(error.to_string().contains(TWO), "{error}");
        client.try_write(b"ahoy").unwrap();
        assert_eq!(ended(&other, second).unwrap(), 4);
        // Nothing of it is left: it goes back.
        let third = reads(&one, &server);
        client.try_write(b"ahoy").unwrap();
        assert_eq!(ended(&one, third).unwrap(), 4);
        // Each time it is the one that waited first whose wait fails, as something came in between.
        for (here, there) in [(&one, &other), (&other, &one)] {
            let (first, second) = (reads(here, &server), reads(there, &server));
            assert!(ended(here, first).unwrap_err().to_string().contains(TWO));
            client.try_write(b"ahoy").unwrap();
            assert_eq!(ended(there, second).unwrap(), 4);
        }
    });
}

#[test]
fn io_08_a_stream_that_is_read_on_one_executor_and_written_on_another_fails_on_one() {
    with_two_executors(|one, other| {
        let (client, server) = one.run(narrow_pair());
        let sent = fill(&server, 0);
        let server = Rc::new(server);
        let first = reads(&one, &server);
        let writer = server.clone();
        let writes = other.spawn(async move { writer.write(b"more").await });
        other.run_until_stalled();
        assert!(!writes.is_finished());
        let error = ended(&one, first).unwrap_err();
        assert!(error.to_string().contains(TWO), "{error}");
        assert!(other.run(watched(read_exactly(&client, sent))) == bytes(0, sent));
        assert_eq!(ended(&other, writes).unwrap(), 4);
    });
}

#[test]
fn io_08_a_stream_whose_wait_elsewhere_was_dropped_is_not_awaited_twice() {
    with_two_executors(|one, other| {
        let (client, server) = one.run(pair());
        let server = Rc::new(server);
        for _ in 0..5 {
            for (here, there) in [(&one, &other), (&other, &one)] {
                let dropped = reads(here, &server);
                dropped.abort();
                here.run_until_stalled();
                let task = reads(there, &server);
                client.try_write(b"ahoy").unwrap();
                assert_eq!(ended(there, task).unwrap(), 4);
            }
        }
    });
}

#[test]
fn a_socket_that_goes_to_another_thread_goes_as_std_has_it() {
    for driver in Driver::ALL {
        driver.run(async {
            let (client, server) = pair().await;
            assert!(cut_short(1, server.readable()).await.is_none());
            let server = server.into_std();
            let echo = thread::spawn(move || {
                driver.run(async {
                    let server = TcpStream::from_std(server).unwrap();
                    let text = read_exactly(&server, 4).await;
                    server.write_all(&text).await.unwrap();
                });
            });
            client.write_all(b"ahoy").await.unwrap();
            assert_eq!(read_exactly(&client, 4).await, b"ahoy");
            echo.join().unwrap();
        });
    }
}

#[test]
fn outside_an_executor_what_needs_no_wait_works_and_a_wait_says_what_to_do() {
    let (client, server) = run(pair());
    let error = Hand::new(server.read(&mut [0; 8])).ready().unwrap_err();
    assert!(error.to_string().contains("outside an executor"), "{error}");
    let error = Hand::new(server.readable()).ready().unwrap_err();
    assert!(error.to_string().contains("evenkeel::run"), "{error}");
    let (client, fresh) =
        (TcpStream::from_std(client.into_std()).unwrap(), TcpStream::from_std(server.into_std()).unwrap());
    assert_eq!(Hand::new(client.write(b"ahoy")).ready().unwrap(), 4);
    assert_eq!(Hand::new(fresh.read(&mut [0; 8])).ready().unwrap(), 4);
    // Nothing is left of the refusal.
    client.try_write(b"ahoy").unwrap();
    assert_eq!(run(watched(read_exactly(&fresh, 4))), b"ahoy");
}

#[test]
fn an_executor_with_a_park_of_its_own_says_so_and_goes_on() {
    let executor = Executor::builder().park(HandPark::new(|_| ())).build();
    let (client, server) = run(pair());
    executor.run(async {
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert!(error.to_string().contains("park of its own"), "{error}");
        let error = DriverBuilder::new().attach().unwrap_err();
        assert!(error.to_string().contains("park of its own"), "{error}");
        yield_now().await;
    });
    client.try_write(b"ahoy").unwrap();
    assert_eq!(run(watched(read_exactly(&server, 4))), b"ahoy");
}

#[test]
fn a_driver_is_attached_once_and_inside_an_executor() {
    for driver in Driver::ALL {
        assert!(DriverBuilder::new().attach().unwrap_err().to_string().contains("outside an executor"));
        driver.run(async {
            let (client, server) = pair().await;
            let error = DriverBuilder::new().attach().unwrap_err();
            assert!(error.to_string().contains("another driver"), "{error}");
            client.write_all(b"ahoy").await.unwrap();
            assert_eq!(read_exactly(&server, 4).await, b"ahoy");
        });
    }
    let executor = Executor::new();
    let _entered = executor.enter();
    DriverBuilder::new().portable().attach().unwrap();
}

#[test]
fn io_08_who_waits_on_an_executor_that_goes_is_woken_to_look_for_another() {
    for driver in Driver::ALL {
        let executor = executor(driver);
        let (client, server) = executor.run(pair());
        let (mut hand, next) = {
            let _entered = executor.enter();
            (Hand::waiting(server.readable()), Hand::waiting(server.writable()))
        };
        drop(next);
        assert!(!hand.is_woken());
        drop(executor);
        assert!(hand.is_woken());
        client.try_write(b"ahoy").unwrap();
        run(async {
            let _ = hand.poll();
            server.readable().await.unwrap();
            hand.ready().unwrap();
        });
    }
}

#[test]
fn a_waker_that_panics_costs_nobody_else_his_wake_up() {
    for driver in Driver::ALL {
        let heard = Record::new();
        let ear = heard.clone();
        let executor = Executor::builder().on_unhandled(move |unhandled| ear.add(unhandled.to_string())).build();
        executor.run(watched(async {
            driver.attach();
            let (client, server) = pair().await;
            let server = Rc::new(server);
            let bomb = bomb(|op| assert!(op != Op::Wake, "a foreign waker"));
            let mut wait = Box::pin(server.readable());
            assert!(wait.as_mut().poll(&mut Context::from_waker(&bomb)).is_pending());
            let reader = server.clone();
            let reads = spawn(async move { read_exactly(&reader, 4).await });
            yield_now().await;
            client.write_all(b"ahoy").await.unwrap();
            assert_eq!(reads.await.unwrap(), b"ahoy");
            defuse();
        }));
        let heard = heard.take();
        assert!(matches!(heard.as_slice(), [text] if text.contains("a foreign waker")), "{heard:?}");
    }
}

#[test]
fn a_source_of_two_tasks_on_two_directions_tells_each_of_its_own() {
    with_both(async || {
        let (client, server) = narrow_pair().await;
        let sent = fill(&server, 0);
        let server = Rc::new(server);
        let (reader, writer) = (server.clone(), server.clone());
        let (reads, reader_polls) = spawn_counted(async move { read_exactly(&reader, 4).await });
        let (writes, writer_polls) = spawn_counted(async move { writer.write(b"more").await.unwrap() });
        yield_now().await;
        client.write_all(b"ahoy").await.unwrap();
        assert_eq!(reads.await.unwrap(), b"ahoy");
        assert!(!writes.is_finished());
        assert!(read_exactly(&client, sent).await == bytes(0, sent));
        assert_eq!(writes.await.unwrap(), 4);
        assert_eq!(reader_polls.get(), 2);
        assert!(writer_polls.get() <= 3, "{}", writer_polls.get());
    });
}
