//! Tasks that wait for their clean-up: woken, aborted, freed and closed in that state.

use crate::tools::{Drops, on_drop};
use evenkeel_executor::{
    CancelScope, Executor, JoinError, Readiness, TaskState, finally, run, shield, spawn, timeout, yield_now,
};
use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

/// A waker that does nothing, and is not ours.
struct Nobody;

impl std::task::Wake for Nobody {
    fn wake(self: std::sync::Arc<Self>) {}
}

/// Yields so often.
async fn yields(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

#[test]
fn cleanup_goes_on_through_the_task_that_is_cancelled() {
    let drops = Drops::default();
    run(async {
        for handle_goes in ["awaited", "dropped", "detached"] {
            let guard = drops.guard();
            let task = spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                let _guard = guard;
                yields(3).await;
            }));
            yield_now().await;
            task.cancel("a text, which lies in the extras");
            yield_now().await;
            assert_eq!(task.state(), TaskState::CleaningUp);
            match handle_goes {
                "awaited" => drop(task.await),
                "dropped" => drop(task),
                _ => task.detach(),
            }
        }
    });
    assert_eq!(drops.count(), 3);
}

#[test]
fn cleanup_is_dropped_by_abort_in_each_state() {
    let drops = Drops::default();
    run(async {
        for turns in 0..4 {
            let guard = drops.guard();
            let task = spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                let _guard = guard;
                pending::<()>().await;
            }));
            yields(turns).await;
            task.cancel("first");
            yields(turns).await;
            task.abort();
            assert!(matches!(task.await, Err(JoinError::Cancelled(_))));
        }
    });
    assert_eq!(drops.count(), 4);
}

#[test]
fn cleanup_at_the_end_of_the_executor() {
    let drops = Drops::default();
    for close in [true, false] {
        let executor = Executor::builder().on_unhandled(|_| ()).build();
        let tasks: Vec<_> = (0..3)
            .map(|count| {
                let guard = drops.guard();
                executor.spawn(finally(pending::<()>(), async move |_: Option<&()>| {
                    let _guard = guard;
                    spawn(yields(count)).await.unwrap();
                }))
            })
            .collect();
        executor.run_until_stalled();
        if close {
            assert!(executor.close(Duration::from_secs(60)).stuck().is_empty());
        } else {
            drop(executor);
        }
        // The handles outlive their executor.
        drop(tasks);
    }
    assert_eq!(drops.count(), 6);
}

#[test]
fn cleanup_whose_hook_drops_the_last_handle() {
    let kept: Rc<RefCell<Vec<evenkeel_executor::Task<()>>>> = Rc::default();
    let theirs = kept.clone();
    let executor = Executor::builder().on_unhandled(move |_| drop(std::mem::take(&mut *theirs.borrow_mut()))).build();
    for _ in 0..2 {
        let task = executor.spawn(finally(pending::<()>(), async |_: Option<&()>| pending::<()>().await));
        kept.borrow_mut().push(task);
    }
    executor.run_until_stalled();
    assert_eq!(executor.close(Duration::ZERO).stuck().len(), 2);
}

#[test]
fn cleanup_with_foreign_wakers_in_the_root_scope() {
    let wakes = Rc::new(RefCell::new(Vec::<Waker>::new()));
    let executor = Executor::new();
    let task = executor.spawn(async move {
        let mut point = Box::pin(finally(pending::<()>(), async |_: Option<&()>| yields(2).await));
        let foreign = Waker::from(std::sync::Arc::new(Nobody));
        poll_fn(move |cx| {
            // Registered with a waker that is not the task's: cancelling calls it, and polls the task all the same.
            wakes.borrow_mut().push(cx.waker().clone());
            let mut inner = std::task::Context::from_waker(&foreign);
            let _ = point.as_mut().poll(&mut inner);
            Poll::<()>::Pending
        })
        .await;
    });
    executor.run_until_stalled();
    task.cancel("now");
    // The clean-up wakes its task, as it wakes itself: twice, and once more to be told that it is over.
    let rounds = (0..10).take_while(|_| executor.run_until_stalled().readiness == Readiness::MoreReady).count();
    assert!(rounds < 10, "{rounds} rounds");
    assert_eq!(task.state(), TaskState::Ended);
    drop(task);
}

#[test]
fn cleanup_point_that_moves_between_tasks_and_executors() {
    type Slot = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
    let slot: Slot = Rc::default();
    *slot.borrow_mut() = Some(Box::pin(shield(yields(5))));
    let (first, second) = (Executor::new(), Executor::new());
    let poll_once = |slot: Slot| async move {
        poll_fn(|cx| {
            let taken = slot.borrow_mut().take();
            if let Some(mut point) = taken {
                let polled = point.as_mut().poll(cx);
                *slot.borrow_mut() = Some(point);
                if polled.is_ready() {
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        })
        .await;
    };
    let mine = first.spawn(poll_once(slot.clone()));
    first.run_until_stalled();
    let theirs = second.spawn(poll_once(slot.clone()));
    second.run_until_stalled();
    // It polls the point once more, which is its own again then, and holds it.
    mine.cancel("while it works");
    first.run_until_stalled();
    assert_eq!(mine.state(), TaskState::CleaningUp);
    drop((first, mine));
    second.run(theirs).unwrap();
    drop(slot);
}

#[test]
fn cleanup_panics_and_destructors_panic() {
    run(async {
        let task = spawn(async {
            let _late = on_drop(|| panic!("a destructor"));
            finally(pending::<()>(), async |_: Option<&()>| {
                yields(1).await;
                panic!("clean-up");
            })
            .await;
        });
        yield_now().await;
        task.cancel("now");
        assert!(matches!(task.await, Err(JoinError::Panicked(panic)) if panic.message() == "clean-up"));
    });
}

#[test]
fn cleanup_in_scopes_and_timeouts_inside_the_main_future() {
    let local = String::from("borrowed");
    let scope = CancelScope::new();
    let handle = scope.clone();
    let said = run(async {
        let helper = spawn(async move { assert!(handle.cancel("enough")) });
        let said = RefCell::new(String::new());
        let outcome = scope
            .run(timeout(
                Duration::MAX,
                finally(pending::<()>(), async |_: Option<&()>| {
                    yields(2).await;
                    said.borrow_mut().push_str(&local);
                }),
            ))
            .await;
        assert!(outcome.is_err());
        helper.await.unwrap();
        said.into_inner()
    });
    assert_eq!(said, "borrowed");
}

/// Polls what is in the slot once, if this is the task of that number (or of any), and is told whether it was.
async fn poll_as(number: Option<usize>, slot: Rc<RefCell<Pin<Box<dyn Future<Output = ()>>>>>) -> Option<usize> {
    poll_fn(|cx| {
        let mine = cx.waker().data().addr();
        if number.is_none_or(|number| number == mine) {
            assert!(slot.borrow_mut().as_mut().poll(cx).is_pending());
            return Poll::Ready(Some(mine));
        }
        Poll::Ready(None)
    })
    .await
}

/// [`poll_as`], and whoever stays polls it for as long as it takes. All who visit it are futures of one type: their tasks have one place.
async fn visit(
    number: Option<usize>,
    stays: bool,
    slot: Rc<RefCell<Pin<Box<dyn Future<Output = ()>>>>>,
) -> Option<usize> {
    let mine = poll_as(number, slot.clone()).await;
    if mine.is_some() && stays {
        poll_fn(|cx| slot.borrow_mut().as_mut().poll(cx)).await;
    }
    mine
}

#[test]
fn fault_30_clean_up_moves_into_a_task_whose_number_has_come_round() {
    let executor = Executor::new();
    let cleaned = Rc::new(Cell::new(0));
    let cleans = cleaned.clone();
    let point = finally(pending::<()>(), async move |_: Option<&()>| cleans.set(cleans.get() + 1));
    let slot: Rc<RefCell<Pin<Box<dyn Future<Output = ()>>>>> = Rc::new(RefCell::new(Box::pin(point)));
    let number = executor.run(async { spawn(visit(None, false, slot.clone())).await.unwrap() });
    // On 32 bits it comes after 256 tasks in one place, otherwise much too late to wait for.
    let tries = if cfg!(target_pointer_width = "32") { 300 } else { 20 };
    let is_last = |at: usize| at + 1 == tries && !cfg!(target_pointer_width = "32");
    for at in 0..tries {
        let task = executor.spawn(visit(number.filter(|_| !is_last(at)), true, slot.clone()));
        executor.run_until_stalled();
        if !task.is_finished() {
            task.cancel("enough");
            executor.run_until_stalled();
            assert_eq!(cleaned.get(), 1);
            return;
        }
    }
    panic!("the number has not come round");
}
