//! A host with an epoll loop of its own, which waits for an executor as for any other descriptor. There is epoll on Linux only.

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    host::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("this needs Linux");
}

#[cfg(target_os = "linux")]
mod host {
    use evenkeel::{
        Executor, gather,
        io::{ExecutorFd, TcpListener, TcpStream},
        sleep,
    };
    use futures::{AsyncReadExt, AsyncWriteExt};
    use rustix::{
        buffer::spare_capacity,
        event::{
            Timespec,
            epoll::{self, CreateFlags, EventData, EventFlags},
        },
        io::read,
        time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime},
    };
    use std::{io, time::Duration};

    /// What the host waits for: its own heart beats, and evenkeel has something to do.
    const BEAT: u64 = 0;
    const TASKS: u64 = 1;

    /// So long may tasks hold up the host's other events.
    const BUDGET: Duration = Duration::from_millis(4);
    const BEATS: u64 = 3;

    pub(super) fn run() -> io::Result<()> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // The host's own descriptor, as it has others: a timer that comes every 20 ms.
        let every = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let beat = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        timerfd_settime(&beat, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: every, it_value: every })?;
        epoll::add(&epoll, &beat, EventData::new_u64(BEAT), EventFlags::IN)?;

        // The executor's, which is readable when a tick has something to do: sockets, deadlines and wake-ups from threads are behind it.
        let executor = Executor::new();
        let tasks = executor.as_fd()?;
        epoll::add(&epoll, &tasks, EventData::new_u64(TASKS), EventFlags::IN)?;

        let mut work = executor.spawn(gather((echo(), nap())));
        let mut beats = 0;
        let mut events = Vec::with_capacity(16);
        // Before the first wait there is a tick: it begins the tasks, and sets the descriptor.
        executor.tick(BUDGET);
        while beats < BEATS || !work.is_finished() {
            events.clear();
            epoll::wait(&epoll, spare_capacity(&mut events), None)?;
            for event in &events {
                match event.data.u64() {
                    TASKS => _ = executor.tick(BUDGET),
                    _ => beats += expirations(&beat)?,
                }
            }
        }
        let (echoed, slept) = work.take_result().expect("it is finished").expect("it does not fail");
        println!("over a socket: {}", echoed?);
        println!("{slept}");
        println!("meanwhile the host's heart went on");
        Ok(())
    }

    /// How often the timer has come since the last time.
    fn expirations(timer: &impl std::os::fd::AsFd) -> io::Result<u64> {
        let mut count = [0; 8];
        read(timer, &mut count)?;
        Ok(u64::from_ne_bytes(count))
    }

    /// A server and its client on one thread, the host's.
    async fn echo() -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = evenkeel::spawn(async move {
            let (stream, _) = listener.accept().await?;
            futures::io::copy(&stream, &mut &stream).await
        });
        let mut stream = TcpStream::connect(address).await?;
        AsyncWriteExt::write_all(&mut stream, b"ahoy").await?;
        stream.close().await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        server.await.expect("the server does not panic")?;
        Ok(text)
    }

    async fn nap() -> &'static str {
        sleep(Duration::from_millis(30)).await;
        "a nap of 30 ms is over"
    }
}
