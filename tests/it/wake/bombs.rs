//! Foreign wakers that do harm in each of their operations, on everything in the core that stores one.

use crate::kit::{
    bomb::{Op, bomb, defuse},
    probe::{Drops, Record, my_waker},
};
use evenkeel::{
    Executor, Task, current_task, host::ExecutorBuilder, sleep, spawn, testing::VirtualClock, time::Sleep, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// What goes off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deed {
    Spawn,
    CancelAnother,
    AbortAnother,
    DropAnothersHandle,
    DropAFinishedHandle,
    DropASleep,
    StartASleep,
    WakeMain,
    CancelCurrent,
    Panic,
}

const DEEDS: [Deed; 10] = [
    Deed::Spawn,
    Deed::CancelAnother,
    Deed::AbortAnother,
    Deed::DropAnothersHandle,
    Deed::DropAFinishedHandle,
    Deed::DropASleep,
    Deed::StartASleep,
    Deed::WakeMain,
    Deed::CancelCurrent,
    Deed::Panic,
];

/// All but the panic: when a handle or a sleep is dropped, its waker's panic is that of whoever drops it.
const HARMLESS: &[Deed] = DEEDS.split_at(DEEDS.len() - 1).0;

/// What there is to harm.
struct Stage {
    drops: Drops,
    victim: RefCell<Option<Task<()>>>,
    finished: RefCell<Option<Task<crate::kit::probe::DropGuard>>>,
    asleep: RefCell<Option<Sleep>>,
    main: Waker,
    children: Record<&'static str>,
    went_off: Cell<bool>,
}

impl Stage {
    async fn new() -> Rc<Stage> {
        let drops = Drops::default();
        let (guard, output) = (drops.guard(), drops.guard());
        let victim = spawn(async move {
            let _guard = guard;
            pending::<()>().await
        });
        let finished = spawn(async move { output });
        let mut asleep = sleep(Duration::from_secs(3600));
        poll_fn(|cx| {
            assert!(Pin::new(&mut asleep).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        yield_now().await;
        assert!(finished.is_finished());
        Rc::new(Stage {
            drops,
            victim: RefCell::new(Some(victim)),
            finished: RefCell::new(Some(finished)),
            asleep: RefCell::new(Some(asleep)),
            main: my_waker().await,
            children: Record::new(),
            went_off: Cell::new(false),
        })
    }

    fn go_off(self: &Rc<Self>, deed: Deed) {
        if self.went_off.replace(true) {
            return;
        }
        match deed {
            Deed::Spawn => {
                let children = self.children.clone();
                spawn(async move { children.add("child") }).detach();
            }
            Deed::CancelAnother => self.victim.borrow().as_ref().unwrap().cancel("bomb"),
            Deed::AbortAnother => self.victim.borrow().as_ref().unwrap().abort(),
            Deed::DropAnothersHandle => drop(self.victim.take()),
            Deed::DropAFinishedHandle => drop(self.finished.take()),
            Deed::DropASleep => drop(self.asleep.take()),
            Deed::StartASleep => {
                let mut another = sleep(Duration::from_secs(1));
                let _ = Pin::new(&mut another).poll(&mut Context::from_waker(&self.main));
                *self.asleep.borrow_mut() = Some(another);
            }
            Deed::WakeMain => self.main.wake_by_ref(),
            Deed::CancelCurrent => {
                spawn(async { current_task().cancel("bomb") }).detach();
            }
            Deed::Panic => panic!("bomb"),
        }
    }

    /// After all that, everything is as it must be.
    async fn check(&self, deed: Deed) {
        for _ in 0..4 {
            yield_now().await;
        }
        match deed {
            Deed::Spawn => assert_eq!(self.children.take(), ["child"]),
            Deed::CancelAnother | Deed::AbortAnother => assert!(self.victim.borrow().as_ref().unwrap().is_finished()),
            _ => {}
        }
        drop((self.victim.take(), self.finished.take(), self.asleep.take()));
        yield_now().await;
        assert_eq!(self.drops.count(), 2);
    }
}

/// A waker that goes off at `op`.
fn armed(stage: &Rc<Stage>, op: Op, deed: Deed) -> Waker {
    let stage = stage.clone();
    bomb(move |now| {
        if now == op {
            stage.go_off(deed);
        }
    })
}

/// Polls, and takes a panic for "not yet".
fn poll_bravely<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    catch_unwind(AssertUnwindSafe(|| Pin::new(future).poll(&mut Context::from_waker(waker)))).unwrap_or(Poll::Pending)
}

fn builder(reports: &Record<String>) -> ExecutorBuilder {
    let reports = reports.clone();
    Executor::builder().clock(VirtualClock::new()).on_unhandled(move |unhandled| reports.add(unhandled.to_string()))
}

/// Calls `f` for each pair of operation and deed, in an executor of its own.
fn for_all(ops: &[Op], deeds: &[Deed], f: impl AsyncFn(Op, Deed)) {
    for &op in ops {
        for &deed in deeds {
            let reports = Record::new();
            let executor = builder(&reports).build();
            executor.run(f(op, deed));
            drop(executor);
            defuse();
            let expected = usize::from(deed == Deed::Panic && op == Op::Wake);
            assert_eq!(reports.len(), expected, "{op:?} {deed:?}: {:?}", reports.take());
        }
    }
}

#[test]
fn fault_11_and_12_a_task_survives_every_waker_that_waits_for_it() {
    for_all(&[Op::Clone, Op::Wake, Op::Drop], &DEEDS, async |op, deed| {
        let stage = Stage::new().await;
        let mut target = spawn(async {
            for _ in 0..3 {
                yield_now().await;
            }
            "value"
        });
        let first = armed(&stage, op, deed);
        let second = bomb(|_| {});
        // Cloned into the handle, replaced by another (dropped), and put back, to be woken at the end.
        for waker in [&first, &second, &first] {
            assert!(poll_bravely(&mut target, waker).is_pending());
        }
        while !target.is_finished() {
            yield_now().await;
        }
        let _ = catch_unwind(AssertUnwindSafe(|| drop(first)));
        assert!(stage.went_off.get(), "{op:?} {deed:?}");
        assert_eq!(target.await.unwrap(), "value", "{op:?} {deed:?}");
        stage.check(deed).await;
    });
}

#[test]
fn fault_11_and_12_a_handle_that_is_dropped_survives_its_waker() {
    for_all(&[Op::Drop], HARMLESS, async |_, deed| {
        for detached in [false, true] {
            let stage = Stage::new().await;
            let mut target = spawn(yield_now());
            let waker = armed(&stage, Op::Drop, deed);
            assert!(poll_bravely(&mut target, &waker).is_pending());
            if detached {
                target.detach()
            } else {
                drop(target)
            }
            assert!(stage.went_off.get());
            drop(waker);
            stage.check(deed).await;
        }
    });
}

#[test]
fn fault_11_and_12_a_sleep_survives_every_waker_that_waits_for_it() {
    for_all(&[Op::Clone, Op::Wake, Op::Drop], &DEEDS, async |op, deed| {
        let stage = Stage::new().await;
        let mut target = sleep(Duration::from_millis(50));
        let first = armed(&stage, op, deed);
        let second = bomb(|_| {});
        for waker in [&first, &second, &first] {
            assert!(poll_bravely(&mut target, waker).is_pending());
        }
        sleep(Duration::from_millis(60)).await;
        let _ = catch_unwind(AssertUnwindSafe(|| drop(first)));
        assert!(stage.went_off.get(), "{op:?} {deed:?}");
        target.await;
        stage.check(deed).await;
    });
}

#[test]
fn fault_11_and_12_a_sleep_that_is_dropped_survives_its_waker() {
    for_all(&[Op::Drop], HARMLESS, async |_, deed| {
        let stage = Stage::new().await;
        let mut target = sleep(Duration::from_millis(50));
        let waker = armed(&stage, Op::Drop, deed);
        assert!(poll_bravely(&mut target, &waker).is_pending());
        drop(target);
        assert!(stage.went_off.get());
        drop(waker);
        stage.check(deed).await;
    });
}

#[test]
fn fault_11_a_sleep_of_zero_and_a_yield_pass_a_wakers_panic_on() {
    let waker = bomb(|op| {
        if op == Op::WakeByRef {
            panic!("waker");
        }
    });
    evenkeel::run(async {
        let mut zero = sleep(Duration::ZERO);
        assert!(poll_bravely(&mut zero, &waker).is_pending());
        zero.await;
        let mut give_way = yield_now();
        assert!(poll_bravely(&mut give_way, &waker).is_pending());
        give_way.await;
    });
    drop(waker);
    defuse();
}
