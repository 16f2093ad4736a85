//! Nobody starves: sockets by busy tasks, and tasks, timers and other sockets by busy sockets.

use super::kit::{Driver, fill, listen, pair, read_exactly, watched, with_both};
use evenkeel::{Executor, Task, coop::BUDGET, io::TcpStream, sleep, spawn, yield_now};
use std::{cell::Cell, rc::Rc, time::Duration};

/// A task that is always ready, and counts its polls.
fn busy(polls: &Rc<Cell<usize>>) -> Task<()> {
    let polls = polls.clone();
    spawn(async move {
        loop {
            polls.set(polls.get() + 1);
            yield_now().await;
        }
    })
}

#[test]
fn io_05_a_task_that_is_always_ready_starves_no_socket() {
    with_both(async || {
        const ROUNDS: usize = 50;
        let polls = Rc::new(Cell::new(0));
        let (client, server) = pair().await;
        let echo = spawn(async move {
            for _ in 0..ROUNDS {
                let text = read_exactly(&server, 1).await;
                server.write_all(&text).await.unwrap();
            }
        });
        let busy = busy(&polls);
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let before = polls.get();
            client.write_all(&[round as u8]).await.unwrap();
            assert_eq!(read_exactly(&client, 1).await, [round as u8]);
            rounds.push(polls.get() - before);
        }
        echo.await.unwrap();
        busy.abort();
        // Each of a round's two waits ends with a look, of which there is one in 64 polls. Most rounds need no more: the system may be slow now
        // and then.
        rounds.sort();
        assert!(rounds[ROUNDS / 2] <= 3 * 64, "{rounds:?}");
    });
}

#[test]
fn io_05_a_socket_that_is_always_ready_starves_no_task() {
    with_both(async || {
        let (client, server) = pair().await;
        let length = fill(&client, 0);
        assert!(length > 20 * BUDGET as usize);
        let read = Rc::new(Cell::new(0));
        let count = read.clone();
        let reads = spawn(async move {
            while count.get() < length {
                read_exactly(&server, 1).await;
                count.set(count.get() + 1);
            }
        });
        for _ in 0..20 {
            let before = read.get();
            yield_now().await;
            assert!(read.get() - before <= BUDGET as usize, "{} reads in a row", read.get() - before);
        }
        assert!(read.get() > BUDGET as usize && !reads.is_finished());
    });
}

#[test]
fn io_05_a_socket_that_is_always_ready_starves_no_other_socket_and_no_timer() {
    with_both(async || {
        // Each sends to the other what it has got, for ever.
        let (one, other) = pair().await;
        let rounds = Rc::new(Cell::new(0_u64));
        let ends: Vec<_> = [one, other]
            .into_iter()
            .map(|stream| {
                let rounds = rounds.clone();
                spawn(async move {
                    for _ in 0..100 {
                        stream.write_all(&[7; 64]).await.unwrap();
                    }
                    let mut text = [0; 64];
                    loop {
                        let length = stream.read(&mut text).await.unwrap();
                        stream.write_all(&text[..length]).await.unwrap();
                        rounds.set(rounds.get() + 1);
                    }
                })
            })
            .collect();
        let (client, server) = pair().await;
        for round in 0..20 {
            sleep(Duration::from_micros(100)).await;
            client.write_all(&[round]).await.unwrap();
            assert_eq!(read_exactly(&server, 1).await, [round]);
        }
        assert!(rounds.get() > 0);
        assert!(ends.iter().all(|task| !task.is_finished()));
    });
}

#[test]
fn io_05_a_listener_with_a_crowd_before_it_starves_no_task() {
    with_both(async || {
        const CROWD: usize = 300;
        let (listener, address) = listen().await;
        let mut crowd = Vec::new();
        for _ in 0..CROWD {
            crowd.push(TcpStream::connect(address).await.unwrap());
        }
        let count = Rc::new(Cell::new(0));
        let accepted = count.clone();
        let accepts = spawn(async move {
            for _ in 0..CROWD {
                drop(listener.accept().await.unwrap());
                accepted.set(accepted.get() + 1);
            }
        });
        while !accepts.is_finished() {
            let before = count.get();
            yield_now().await;
            assert!(count.get() - before <= BUDGET as usize, "{} in a row", count.get() - before);
        }
        assert_eq!(count.get(), CROWD);
    });
}

#[test]
fn io_05_what_a_wake_up_from_another_thread_brings_is_not_held_up_by_sockets() {
    with_both(async || {
        let (client, server) = pair().await;
        let plays = spawn(async move {
            loop {
                client.write_all(&[1]).await.unwrap();
                read_exactly(&server, 1).await;
            }
        });
        for n in 0..20 {
            assert_eq!(evenkeel::to_thread(move || n).await, n);
        }
        plays.abort();
    });
}

#[test]
fn io_05_an_executor_that_is_driven_by_ticks_sees_its_sockets() {
    for driver in Driver::ALL {
        let executor = Executor::new();
        let mut task = executor.spawn(async move {
            driver.attach();
            let (client, server) = pair().await;
            client.write_all(b"ahoy").await.unwrap();
            watched(read_exactly(&server, 4)).await
        });
        let text = loop {
            executor.tick(Duration::from_millis(1));
            match task.take_result() {
                Some(text) => break text.unwrap(),
                None => executor.park(Duration::from_secs(1)),
            }
        };
        assert_eq!(text, b"ahoy");
    }
}
