//! embassy-executor.

use super::{
    current::{self, Current},
    forever::forever,
    plain::Plain,
};
use crate::peer::Peer;
use embassy_executor::{Executor, Spawner, raw::TaskStorage};
use futures::channel::oneshot;
use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

/// embassy-executor's threaded executor for `std`.
///
/// Its tasks are statics, which end without a value. Here each is leaked and has a oneshot for its value, so only workloads
/// that spawn their tasks beforehand say something of it.
#[derive(Debug)]
pub struct Embassy;

thread_local! {
    static SPAWNER: RefCell<Option<Spawner>> = const { RefCell::new(None) };
}

/// The end of an [`Embassy`] task.
#[derive(Debug)]
pub struct Ended<T>(oneshot::Receiver<T>);

impl<T> Future for Ended<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).expect("a task of this executor runs to its end"))
    }
}

impl Peer for Embassy {
    type JoinError = Infallible;
    type Task<T: 'static> = Plain<Ended<T>>;

    fn run<F: Future>(main: F) -> F::Output {
        let mut output = None;
        let main = Box::pin(async { output = Some(main.await) });
        let done = Rc::new(Cell::new(false));
        let executor = Box::leak(Box::new(Executor::new()));
        forever(main, |main| {
            let mut current = None;
            let has_ended = done.clone();
            let start = |spawner: Spawner| {
                current = Some(Current::set(&SPAWNER, spawner));
                start(spawner, async move {
                    main.await;
                    done.set(true);
                });
            };
            executor.run_until(start, || has_ended.get());
        });
        output.expect("it runs until its main future has ended")
    }

    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        current::with(&SPAWNER, |spawner| {
            start(*spawner, async move {
                let _ = sender.send(future.await);
            });
        });
        Plain(Ended(receiver))
    }
}

fn start(spawner: Spawner, future: impl Future<Output = ()> + 'static) {
    let storage = Box::leak(Box::new(TaskStorage::new()));
    spawner.spawn(storage.spawn(|| future).expect("nothing runs in it yet"));
}
