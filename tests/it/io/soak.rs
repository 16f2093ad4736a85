//! Random clients for as long as one likes, by hand: `SOAK_SECONDS=300 cargo test --release --test it io::soak -- --ignored --nocapture`.

use super::kit::{Driver, alone, bytes, cut_short, descriptors, listen};
use evenkeel::{
    TaskGroup,
    io::{TcpListener, TcpStream},
    sleep, spawn, timeout, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    env, io,
    net::{Shutdown, SocketAddr},
    rc::Rc,
    time::{Duration, Instant},
};

/// Random numbers that a seed repeats.
#[derive(Clone)]
struct Random(Rc<Cell<u64>>);

impl Random {
    fn below(&self, end: usize) -> usize {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        (state >> 20) as usize % end
    }
}

#[derive(Default, Debug)]
struct Counts {
    whole: Cell<u64>,
    half: Cell<u64>,
    reset: Cell<u64>,
    timed_out: Cell<u64>,
    bytes: Cell<u64>,
}

fn add(count: &Cell<u64>, more: usize) {
    count.set(count.get() + more as u64);
}

/// Sends back what comes, from a buffer of any length, sometimes slowly.
async fn echo(stream: &TcpStream, random: &Random) -> io::Result<()> {
    let mut text = vec![0; random.below(20_000) + 500];
    loop {
        let length = stream.read(&mut text).await?;
        if length == 0 {
            return stream.shutdown(Shutdown::Write);
        }
        if random.below(20) == 0 {
            sleep(Duration::from_micros(random.below(300) as u64)).await;
        }
        stream.write_all(&text[..length]).await?;
    }
}

/// Sends bytes, and compares what comes back. It may stop anywhere, in any way.
async fn client(address: SocketAddr, random: &Random, counts: &Counts) -> io::Result<()> {
    let stream = Rc::new(TcpStream::connect(address).await?);
    let length = random.below(if random.below(10) == 0 { 2_000_000 } else { 20_000 });
    let ends_at = if random.below(4) == 0 { random.below(length + 1) } else { length };
    let (writer, chunks) = (stream.clone(), random.clone());
    let writes = spawn(async move {
        let mut sent = 0;
        while sent < ends_at {
            let chunk = bytes(sent, (chunks.below(30_000) + 1).min(ends_at - sent));
            // Some writes are cut short wherever they wait.
            let written = match chunks.below(3) {
                0 => cut_short(1, writer.write(&chunk)).await.unwrap_or(Ok(0))?,
                _ => writer.write(&chunk).await?,
            };
            if written == 0 {
                yield_now().await;
            }
            sent += written;
        }
        io::Result::Ok(())
    });
    let mut came = 0;
    let mut text = vec![0; random.below(30_000) + 500];
    while came < ends_at {
        let room = random.below(text.len()) + 1;
        let read = match random.below(4) {
            0 => match cut_short(1, stream.read(&mut text[..room])).await {
                Some(read) => read?,
                None => {
                    stream.readable().await?;
                    continue;
                }
            },
            1 => match timeout(Duration::from_micros(1), stream.read(&mut text[..room])).await {
                Ok(read) => read?,
                Err(_) => {
                    add(&counts.timed_out, 1);
                    continue;
                }
            },
            _ => stream.read(&mut text[..room]).await?,
        };
        assert_ne!(read, 0, "an end after {came} of {ends_at} bytes");
        assert!(text[..read] == bytes(came, read), "other bytes at {came}");
        came += read;
        add(&counts.bytes, read);
    }
    writes.await.unwrap()?;
    match random.below(4) {
        0 => {
            stream.set_linger(Some(Duration::ZERO))?;
            add(&counts.reset, 1);
        }
        1 => {
            add(&counts.half, 1);
        }
        _ => {
            stream.shutdown(Shutdown::Write)?;
            assert_eq!(stream.read(&mut text).await?, 0);
            add(&counts.whole, 1);
        }
    }
    Ok(())
}

async fn serve(listener: TcpListener, random: Random) {
    let group = TaskGroup::<io::Error>::builder().limit(40);
    group
        .run(async |group| {
            loop {
                let slot = group.slot().await;
                let (stream, _) = listener.accept().await?;
                let random = random.clone();
                slot.spawn(async move {
                    // Resets are the clients' affair.
                    let _ = echo(&stream, &random).await;
                    Ok(())
                });
            }
            #[expect(unreachable_code, reason = "it names the type")]
            Ok(())
        })
        .await
        .unwrap();
}

#[test]
#[ignore = "it takes as long as one likes"]
fn random_clients_get_back_what_they_sent_and_leave_no_descriptor() {
    alone(random_clients_get_back_what_they_sent_and_leave_no_descriptor, || {
        let seconds = env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
        for driver in Driver::ALL {
            let before = descriptors();
            let end = Instant::now() + Duration::from_secs(seconds);
            let counts = Rc::new(Counts::default());
            let errors = Rc::new(RefCell::new(Vec::new()));
            evenkeel::run(async {
                driver.attach();
                let random = Random(Rc::new(Cell::new(0x9e37_79b9_7f4a_7c15)));
                let (listener, address) = listen().await;
                let with_listener = descriptors().len();
                let server = spawn(serve(listener, random.clone()));
                let clients: Vec<_> = (0..50)
                    .map(|_| {
                        let (random, counts, errors) = (random.clone(), counts.clone(), errors.clone());
                        spawn(async move {
                            while Instant::now() < end {
                                let ended = timeout(Duration::from_secs(60), client(address, &random, &counts)).await;
                                if let Err(error) = ended.expect("a client hangs") {
                                    errors.borrow_mut().push(error.to_string());
                                }
                            }
                        })
                    })
                    .collect();
                for client in clients {
                    client.await.unwrap();
                }
                // The server's connections end when they see the clients' ends. The portable driver has a copy of the listener's descriptor.
                timeout(Duration::from_secs(60), async {
                    while descriptors().len() > with_listener + 1 {
                        sleep(Duration::from_millis(1)).await;
                    }
                })
                .await
                .expect("descriptors are left");
                server.abort();
            });
            assert_eq!(descriptors(), before);
            let errors = errors.take();
            eprintln!("{driver:?}: {counts:?}, errors: {}, {:?}", errors.len(), errors.first());
            assert!(errors.is_empty());
        }
    });
}
