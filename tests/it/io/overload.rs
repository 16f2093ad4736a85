//! Too many clients, slow ones, and one that never reads: the others are served, and what goes on is bounded.

use super::kit::{Driver, alone, bytes, listen, narrow_pair, read_exactly, watched, with_both};
use evenkeel::{
    Task, TaskGroup,
    io::{TcpListener, TcpStream},
    spawn, timeout, yield_now,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{cell::Cell, io, rc::Rc, time::Duration};

/// How many connections a server has now, and the most that it had.
#[derive(Clone, Default)]
struct Open(Rc<Cell<[usize; 2]>>);

impl Open {
    fn one_more(&self) -> Open {
        let [now, most] = self.0.get();
        self.0.set([now + 1, most.max(now + 1)]);
        self.clone()
    }

    fn most(&self) -> usize {
        self.0.get()[1]
    }
}

/// A connection's end.
struct Closing(Open);

impl Drop for Closing {
    fn drop(&mut self) {
        let [now, most] = self.0.0.get();
        self.0.0.set([now - 1, most]);
    }
}

/// Answers each request of four bytes with these bytes. A connection may take so long, and so many are open at a time.
fn serve(listener: TcpListener, limit: usize, patience: Duration, open: &Open) -> Task<()> {
    let open = open.clone();
    spawn(async move {
        let group = TaskGroup::<io::Error>::builder().limit(limit);
        group
            .run(async |group| {
                loop {
                    let slot = group.slot().await;
                    let (stream, _) = listener.accept().await?;
                    let closing = Closing(open.one_more());
                    slot.spawn(async move {
                        let _closing = closing;
                        let answered = timeout(patience, async {
                            let mut text = [0; 4];
                            let mut length = 0;
                            while length < 4 {
                                match stream.read(&mut text[length..]).await? {
                                    0 => return io::Result::Ok(()),
                                    read => length += read,
                                }
                            }
                            stream.write_all(&text).await
                        });
                        // What becomes of a client is its own affair.
                        let _ = answered.await;
                        Ok(())
                    });
                }
                #[expect(unreachable_code, reason = "it names the type")]
                Ok(())
            })
            .await
            .unwrap();
    })
}

#[test]
fn slow_clients_that_hold_all_places_are_shown_out_and_the_others_are_served() {
    with_both(async || {
        const LIMIT: usize = 8;
        let (listener, address) = listen().await;
        let open = Open::default();
        let _server = serve(listener, LIMIT, Duration::from_millis(30), &open);
        let mut slow = Vec::new();
        for _ in 0..2 * LIMIT {
            let client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"p").await.unwrap();
            slow.push(client);
        }
        let good = TcpStream::connect(address).await.unwrap();
        good.write_all(b"ping").await.unwrap();
        assert_eq!(read_exactly(&good, 4).await, b"ping");
        for client in &slow {
            let ended = client.read(&mut [0; 8]).await;
            assert!(
                ended
                    .as_ref()
                    .map_or_else(|error| error.kind() == io::ErrorKind::ConnectionReset, |&length| length == 0)
            );
        }
        assert!(open.most() <= LIMIT);
    });
}

#[test]
fn a_thousand_clients_at_once_are_all_served_by_a_few_places() {
    alone(a_thousand_clients_at_once_are_all_served_by_a_few_places, || {
        const LIMIT: usize = 32;
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
        // On the portable driver a client has two descriptors, and so has the server's side; and the system keeps some for itself.
        let room = limit.maximum.map_or(4_000, |most| usize::try_from(most).unwrap() / 4 - 20);
        let crowd = room.min(1_000);
        for driver in Driver::ALL {
            driver.run(async {
                let (listener, address) = listen().await;
                let open = Open::default();
                let _server = serve(listener, LIMIT, Duration::from_secs(30), &open);
                let clients: Vec<_> = (0..crowd)
                    .map(|at| {
                        spawn(async move {
                            let client = TcpStream::connect(address).await.unwrap();
                            client.write_all(&bytes(at, 4)).await.unwrap();
                            assert_eq!(read_exactly(&client, 4).await, bytes(at, 4));
                            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
                        })
                    })
                    .collect();
                for client in clients {
                    client.await.unwrap();
                }
                assert_eq!(open.most(), LIMIT);
            });
        }
    });
}

#[test]
fn a_client_that_never_reads_holds_up_its_own_connection_alone() {
    with_both(async || {
        const LENGTH: usize = 50_000;
        let written = Rc::new(Cell::new(0));
        let send = |stream: TcpStream, written: Rc<Cell<usize>>| async move {
            while written.get() < LENGTH {
                let length = (LENGTH - written.get()).min(1000);
                written.set(written.get() + stream.write(&bytes(written.get(), length)).await?);
            }
            io::Result::Ok(())
        };
        let (deaf, server) = narrow_pair().await;
        let stuck = spawn(send(server, written.clone()));
        for _ in 0..5 {
            let (client, server) = narrow_pair().await;
            let sends = spawn(send(server, Rc::default()));
            assert!(read_exactly(&client, LENGTH).await == bytes(0, LENGTH));
            sends.await.unwrap().unwrap();
        }
        assert!(!stuck.is_finished() && written.get() < LENGTH, "{} bytes were taken", written.get());
        // The system may take a little more yet, when acknowledgements come late.
        let mut before = None;
        while before != Some(written.get()) {
            before = Some(written.get());
            for _ in 0..100 {
                yield_now().await;
            }
        }
        assert!(written.get() < LENGTH);
        drop(deaf);
        assert!(stuck.await.unwrap().is_err());
    });
}

#[test]
fn a_server_whose_clients_all_vanish_goes_on() {
    with_both(async || {
        let (listener, address) = listen().await;
        let open = Open::default();
        let _server = serve(listener, 4, Duration::from_secs(30), &open);
        for round in 0..50 {
            let client = TcpStream::connect(address).await.unwrap();
            if round % 2 == 0 {
                client.write_all(b"pi").await.unwrap();
            }
            if round % 3 == 0 {
                client.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        let client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"ping").await.unwrap();
        assert_eq!(watched(read_exactly(&client, 4)).await, b"ping");
    });
}
