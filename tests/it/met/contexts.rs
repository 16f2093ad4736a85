//! Task-locals of futures that share a task.

use crate::kit::probe::{OnDrop, Record, on_drop};
use evenkeel::{
    CancelScope, Executor, TaskGroup, finally, gather, map_concurrent, race, run, scope, spawn, task::TaskLocal,
    yield_now,
};
use futures::FutureExt;
use std::{
    convert::Infallible, future::pending, panic::AssertUnwindSafe, pin::pin, rc::Rc, task::Context, task::Waker,
};

static REQUEST: TaskLocal<u32> = TaskLocal::inherited();
static DEPTH: TaskLocal<u32> = TaskLocal::new();

/// What is there in three polls, and what is set in between.
async fn handle() -> [Option<u32>; 3] {
    let first = REQUEST.get();
    yield_now().await;
    let second = REQUEST.get();
    REQUEST.set(second.unwrap_or(0) + 10);
    yield_now().await;
    [first, second, REQUEST.get()]
}

fn seen(id: u32) -> [Option<u32>; 3] {
    [Some(id), Some(id), Some(id + 10)]
}

#[test]
fn met_b4_own_05_branches_of_one_task_have_values_of_their_own() {
    run(async {
        REQUEST.set(7);
        assert_eq!(gather([1, 2].map(|id| REQUEST.scope(id, handle()))).await, [seen(1), seen(2)]);
        let mapped = map_concurrent([1, 2, 3], 2, |id| REQUEST.scope(id, handle())).collect();
        assert_eq!(mapped.await, [seen(1), seen(2), seen(3)]);
        assert_eq!(race((REQUEST.scope(1, pending()), REQUEST.scope(2, handle()))).await, seen(2));
        let of_scope = scope(async |s| {
            let (one, two) = (s.spawn(REQUEST.scope(1, handle().map(Ok))), s.spawn(REQUEST.scope(2, handle().map(Ok))));
            Ok::<_, Infallible>([one.await, two.await])
        });
        assert_eq!(of_scope.await.unwrap(), [seen(1), seen(2)]);
        assert_eq!(REQUEST.get(), Some(7), "what they set is theirs");
    });
}

#[test]
fn met_b4_branches_without_a_scope_set_what_is_theirs() {
    run(async {
        let (first, _) = gather((handle(), async { REQUEST.set(5) })).await;
        assert_eq!((first, REQUEST.get()), ([None, None, Some(10)], None));
    });
}

#[test]
fn met_b4_scopes_nest_and_there_may_be_nothing_around() {
    run(async {
        let inside = DEPTH.scope(1, async {
            let inner = DEPTH.scope(2, async { DEPTH.get() }).await;
            (inner, DEPTH.get(), REQUEST.scope(3, async { (DEPTH.get(), REQUEST.get()) }).await)
        });
        assert_eq!(inside.await, (Some(2), Some(1), (Some(1), Some(3))));
        assert_eq!((DEPTH.get(), REQUEST.get()), (None, None));
    });
}

#[test]
fn met_b4_tasks_that_are_spawned_inside_inherit_by_key() {
    run(async {
        let child = REQUEST.scope(1, DEPTH.scope(2, async { spawn(async { (REQUEST.get(), DEPTH.get()) }) })).await;
        assert_eq!(child.await.unwrap(), (Some(1), None));
        let of_group = TaskGroup::<Infallible>::run(async |group| {
            let child = REQUEST.scope(4, async { group.spawn(async { Ok(REQUEST.get()) }) }).await;
            Ok(child.await)
        });
        assert_eq!(of_group.await.unwrap(), Some(4));
    });
}

#[test]
fn met_b4_a_panic_and_a_drop_leave_the_tasks_value() {
    run(async {
        DEPTH.set(0);
        let panics = AssertUnwindSafe(DEPTH.scope(1, async { panic!("at depth {:?}", DEPTH.get()) }));
        assert_eq!(panics.catch_unwind().await.unwrap_err().downcast_ref::<String>().unwrap(), "at depth Some(1)");
        assert_eq!(DEPTH.get(), Some(0));
        let record = Record::new();
        let says = record.clone();
        let half_way = async move {
            let _last = on_drop(|| says.add(DEPTH.get()));
            DEPTH.set(2);
            pending::<()>().await;
        };
        let mut half_way = Box::pin(DEPTH.scope(1, half_way));
        assert!(futures::poll!(half_way.as_mut()).is_pending());
        assert_eq!(DEPTH.get(), Some(0));
        drop(half_way);
        assert_eq!((record.take(), DEPTH.get()), (vec![Some(2)], Some(0)));
    });
}

#[test]
fn met_b3_each_value_of_a_task_whose_destructor_panics_is_reported() {
    type Key = TaskLocal<Rc<OnDrop<fn()>>>;
    static KEYS: [Key; 3] = [TaskLocal::new(), TaskLocal::new(), TaskLocal::new()];
    let record = Record::new();
    let said = record.clone();
    let executor = Executor::builder().on_unhandled(move |unhandled| said.add(unhandled.to_string())).build();
    let task = executor.spawn(async {
        KEYS[0].set(Rc::new(on_drop(|| panic!("first"))));
        KEYS[1].set(Rc::new(on_drop(|| panic!("second"))));
        KEYS[2].set(Rc::new(on_drop(|| ())));
        1
    });
    assert_eq!(executor.run(task).unwrap(), 1);
    let reports = record.take();
    assert!(reports.len() == 2 && reports[0].contains("first") && reports[1].contains("second"), "{reports:?}");
}

#[test]
fn met_b4_clean_up_finds_the_value() {
    run(async {
        DEPTH.set(0);
        let record = Record::new();
        let around = CancelScope::new();
        let body = finally(pending::<()>(), async |_: Option<&()>| {
            yield_now().await;
            record.add(DEPTH.get());
        });
        let work = around.run(DEPTH.scope(1, body));
        let cancel = async {
            yield_now().await;
            around.cancel("enough");
        };
        assert!(gather((work, cancel)).await.0.is_err());
        assert_eq!((record.take(), DEPTH.get()), (vec![Some(1)], Some(0)));
    });
}

#[test]
fn met_b4_a_scope_may_move_to_another_task_and_says_so_outside_of_any() {
    let executor = Executor::new();
    let mut work = Box::pin(REQUEST.scope(1, handle()));
    executor.run(async {
        assert!(futures::poll!(work.as_mut()).is_pending());
    });
    assert_eq!(executor.run(work), seen(1));
    let mut outside = pin!(REQUEST.scope(1, async {}));
    let polled = AssertUnwindSafe(|| outside.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    let payload = std::panic::catch_unwind(polled).unwrap_err();
    assert!(payload.downcast_ref::<String>().unwrap().starts_with("TaskLocal::scope was polled outside an executor"));
}
