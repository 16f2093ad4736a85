//! One executor per core, each with a listener of its own on the same port, and work handed over by `Handle`: the way to outgrow one
//! thread without giving up what one thread gives.

use evenkeel::{
    CancelReason, Executor, GroupError, Handle, JoinError, Supervisor, TaskGroup,
    io::{TcpListener, TcpListenerBuilder, TcpStream},
    threads::RemoteTask,
};
use futures::{AsyncBufReadExt, AsyncReadExt, StreamExt, io::BufReader};
use std::{
    cell::RefCell,
    collections::HashMap,
    future::pending,
    io,
    net::SocketAddr,
    sync::mpsc,
    thread::{self, JoinHandle},
};

thread_local! {
    /// This core's part of the accounts. No lock: nobody else can reach it.
    static ACCOUNTS: RefCell<HashMap<u32, i64>> = RefCell::new(HashMap::new());
}

/// A thread with an executor.
struct Core {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Core {
    fn start(number: usize) -> Core {
        let (sender, receiver) = mpsc::channel();
        let serve = move || {
            let executor = Executor::new();
            sender.send(executor.handle()).expect("the starter waits for it");
            // It lives from what others hand over, until it is told to stop.
            let outcome = executor.run_outcome(pending::<()>());
            assert!(matches!(outcome, Err(JoinError::Cancelled(CancelReason::Shutdown))));
        };
        let thread = thread::Builder::new().name(format!("core-{number}")).spawn(serve).expect("a thread per core");
        Core { handle: receiver.recv().expect("the executor is made first"), thread }
    }

    fn stop(self) {
        self.handle.cancel_main(CancelReason::Shutdown).expect("nobody has stopped it before");
        self.thread.join().expect("its tasks do not panic");
    }
}

/// Whose accounts lie on which core. The same account always lies on the same one, so its entries need no lock and keep their order.
#[derive(Clone)]
struct Cores(Vec<Handle>);

impl Cores {
    fn of(&self, account: u32) -> &Handle {
        &self.0[account as usize % self.0.len()]
    }

    fn add(&self, account: u32, amount: i64) -> RemoteTask<i64> {
        let task = self.of(account).spawn(move || async move {
            evenkeel::yield_now().await; // it may await whatever there is
            ACCOUNTS.with_borrow_mut(|accounts| {
                let balance = accounts.entry(account).or_default();
                *balance += amount;
                *balance
            })
        });
        task.expect("the core runs")
    }
}

/// A listener of one core. The system spreads the clients over all that listen on the same port.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    share_port(TcpListener::builder()).bind(address).await
}

#[cfg(unix)]
fn share_port(listener: TcpListenerBuilder) -> TcpListenerBuilder {
    listener.reuse_port(true)
}

/// Without such ports one core listens, and hands over as the others would.
#[cfg(not(unix))]
fn share_port(listener: TcpListenerBuilder) -> TcpListenerBuilder {
    listener
}

/// So many bytes may come from one client.
const MOST: u64 = 1 << 20;

/// Serves the clients that the system gives to this core. A client that fails concerns nobody else.
async fn serve(listener: TcpListener, cores: Cores) -> Result<(), GroupError<io::Error>> {
    let clients = Supervisor::builder().limit(1_000).run(async |clients| {
        loop {
            let slot = clients.slot().await;
            let (stream, _) = listener.accept().await?;
            slot.spawn(client(stream, cores.clone()));
        }
    });
    clients.await
}

/// Each line is an account and an amount, and is answered with the balance.
async fn client(stream: TcpStream, cores: Cores) -> io::Result<()> {
    // A client who sends no line end is cut off before he fills the memory.
    let mut lines = BufReader::new((&stream).take(MOST)).lines();
    while let Some(line) = lines.next().await.transpose()? {
        let entry =
            line.split_once(' ').and_then(|(account, amount)| Some((account.parse().ok()?, amount.parse().ok()?)));
        let answer = match entry {
            // The account may lie on another core. This one serves others until the answer is here.
            Some((account, amount)) => cores.add(account, amount).await.map_err(io::Error::other)?.to_string(),
            None => "an entry is an account and an amount".to_owned(),
        };
        stream.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

/// A client who makes these entries, one after the other, and returns the last balance.
async fn enter(server: SocketAddr, account: u32, amounts: impl Iterator<Item = i64>) -> io::Result<String> {
    let stream = TcpStream::connect(server).await?;
    let mut answers = BufReader::new(&stream).lines();
    let mut balance = String::new();
    for amount in amounts {
        stream.write_all(format!("{account} {amount}\n").as_bytes()).await?;
        balance = answers.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
    }
    Ok(balance)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = thread::available_parallelism().map_or(1, Into::into).clamp(2, 8);
    let threads: Vec<Core> = (0..count).map(Core::start).collect();
    let cores = Cores(threads.iter().map(|core| core.handle.clone()).collect());

    // The first listener gets a free port, and the others get the same. All listen before the first client comes.
    let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut servers = Vec::new();
    for handle in cores.0.iter().take(if cfg!(unix) { count } else { 1 }) {
        let listens = cores.clone();
        let make = move || async move {
            let listener = listen(address).await?;
            let address = listener.local_addr()?;
            // It belongs to this core from now on, and ends with it.
            evenkeel::spawn(serve(listener, listens)).detach();
            Ok::<_, io::Error>(address)
        };
        servers.push(handle.spawn(make)?);
        address = servers.last_mut().expect("it was pushed").wait()??;
    }

    // Ten clients, each with a hundred entries. Which core serves whom is the system's choice, and changes nothing.
    let balances = evenkeel::run(TaskGroup::<io::Error>::run(async |group| {
        let clients: Vec<_> = (0..10)
            .map(|account| group.spawn(enter(address, account, (0..100).map(move |n| i64::from(account) + 10 * n))))
            .collect();
        let mut balances = Vec::new();
        for client in clients {
            balances.push(client.await);
        }
        Ok(balances)
    }))?;
    println!("account 0 holds {}", balances[0]);
    println!("account 9 holds {}", balances[9]);

    let sum = || ACCOUNTS.with_borrow(|accounts| accounts.values().sum::<i64>());
    let total: i64 = cores.0.iter().map(|core| core.call(sum).expect("the core runs")).sum();
    println!("all accounts hold {total}");
    threads.into_iter().for_each(Core::stop);
    Ok(())
}
