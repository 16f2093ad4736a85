//! What the tests of cancellation have in common.

use crate::kit::probe::Record;
use evenkeel::{
    Executor,
    host::{ExecutorBuilder, Unhandled, UnhandledKind},
    sleep,
    testing::VirtualClock,
};
use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

pub(crate) type Boxed<'a, T = ()> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What happened, in words and in order. Clones share it.
#[derive(Clone)]
pub(crate) struct Log(Record<String>);

impl Log {
    pub(crate) fn new() -> Log {
        Log(Record::new())
    }

    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.add(what.into());
    }

    /// Says how something ended, for which `Debug` has the words.
    pub(crate) fn show(&self, what: impl std::fmt::Debug) {
        self.say(format!("{what:?}"));
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// A clean-up that takes a while: says when it begins and when it ends.
    pub(crate) async fn clean(&self, name: &str, time: Duration) {
        self.say(format!("{name} begins"));
        sleep(time).await;
        self.say(format!("{name} ends"));
    }
}

/// On virtual time, with what is reported to `on_unhandled` in a record.
pub(crate) fn reporting() -> (Executor, Log) {
    let reports = Log::new();
    (reporting_to(&reports).build(), reports)
}

pub(crate) fn reporting_to(log: &Log) -> ExecutorBuilder {
    let log = log.clone();
    Executor::builder().clock(VirtualClock::new()).on_unhandled(move |unhandled| log.say(words(unhandled)))
}

fn words(unhandled: &Unhandled) -> String {
    let what = match unhandled.kind() {
        UnhandledKind::CleanupSkipped(_) => "clean-up skipped".into(),
        UnhandledKind::GraceExceeded => "grace exceeded".into(),
        UnhandledKind::CleanupPanicked(panic) => format!("clean-up panicked: {panic}"),
        UnhandledKind::DestructorPanicked(panic) => format!("destructor panicked: {panic}"),
        UnhandledKind::TaskPanicked(panic) => format!("task panicked: {panic}"),
        UnhandledKind::WakerPanicked(panic) => format!("waker panicked: {panic}"),
        other => format!("{other:?}"),
    };
    unhandled.name().map_or(what.clone(), |name| format!("{name}: {what}"))
}

/// Counts the polls of a future.
#[derive(Clone, Default)]
pub(crate) struct Polls(Rc<Cell<usize>>);

impl Polls {
    pub(crate) fn count(&self) -> usize {
        self.0.get()
    }

    /// Calls `poll` with the number of the poll, from 1 on.
    pub(crate) fn of<T, F: FnMut(usize, &mut Context<'_>) -> Poll<T>>(
        &self,
        mut poll: F,
    ) -> impl Future<Output = T> + use<T, F> {
        let count = self.clone();
        poll_fn(move |cx| {
            count.0.set(count.0.get() + 1);
            poll(count.0.get(), cx)
        })
    }

    /// Never ready.
    pub(crate) fn pending(&self) -> impl Future<Output = ()> + use<> {
        let count = self.clone();
        poll_fn(move |_| {
            count.0.set(count.0.get() + 1);
            Poll::Pending
        })
    }
}

/// Polls `future` with the waker of whoever polls, and leaves it where it is: another may go on with it.
pub(crate) async fn poll_slot<T>(slot: &std::cell::RefCell<Option<Boxed<'static, T>>>) -> T {
    poll_fn(|cx| {
        // Nothing is borrowed while it is polled.
        let Some(mut future) = slot.take() else { return Poll::Pending };
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            *slot.borrow_mut() = Some(future);
        }
        polled
    })
    .await
}
