//! The main future borrows from its caller, however `run` is left.

use crate::tools::{Drops, my_waker, on_drop};
use evenkeel_executor::{
    Executor, Park, run, spawn,
    testing::{Choice, Schedule},
    yield_now,
};
use std::{
    cell::Cell,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

#[test]
fn main_borrows_mutably_and_returns_a_borrow() {
    let mut words = vec![String::from("even")];
    let last = run(async {
        words.push(String::from("keel"));
        yield_now().await;
        spawn(async {}).await.unwrap();
        words.last_mut().unwrap()
    });
    last.push('s');
    assert_eq!(words, ["even", "keels"]);
}

#[test]
fn main_is_large_aligned_or_nothing() {
    #[repr(align(128))]
    struct Aligned([u8; 200]);
    let text = String::from("borrowed");
    assert_eq!(run(std::future::ready(3)), 3);
    let length = run(async {
        let large = [1_u8; 6000];
        let aligned = Aligned([2; 200]);
        yield_now().await;
        text.len() + usize::from(large[5999]) + usize::from(aligned.0[199])
    });
    assert_eq!(length, 11);
    assert_eq!(run(async { Aligned([text.len() as u8; 200]) }).0[7], 8);
}

#[test]
fn main_panics_while_it_borrows() {
    let (drops, text) = (Drops::default(), String::from("borrowed"));
    let executor = Executor::new();
    for _ in 0..2 {
        let left = catch_unwind(AssertUnwindSafe(|| {
            executor.run(async {
                let _guard = (drops.guard(), on_drop(|| assert_eq!(text, "borrowed")));
                yield_now().await;
                panic!("main");
            })
        }));
        assert!(left.is_err());
    }
    drop(text);
    drop(executor);
    assert_eq!(drops.count(), 2);
}

#[test]
fn main_ends_while_it_is_queued_and_its_memory_is_used_again() {
    let executor = Executor::new();
    for n in 0..5 {
        let text = format!("{n}");
        let length = executor.run(async {
            my_waker().await.wake();
            &text
        });
        assert_eq!(length, &text);
        let task = executor.spawn(async move { [n; 8] });
        executor.run_until_stalled();
        drop(task);
    }
}

/// A park that panics.
struct Broken;
impl Park for Broken {
    fn park(&mut self, _: Option<Duration>) {
        panic!("the park");
    }
    fn unparker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| {})
    }
}

#[test]
fn main_is_dropped_before_a_panic_of_the_host_leaves_its_frame() {
    let drops = Drops::default();
    let executor = Executor::builder().park(Broken).build();
    for panics in [false, true] {
        let text = String::from("borrowed");
        let left = catch_unwind(AssertUnwindSafe(|| {
            let text = &text;
            executor.run(async {
                let _guard = drops.guard();
                let _look = on_drop(|| {
                    assert_eq!(text, "borrowed");
                    assert!(!panics, "and its destructor panics, too");
                });
                pending::<()>().await
            })
        }));
        assert!(left.is_err());
        drop(text);
    }
    assert_eq!(drops.count(), 2);
    assert_eq!(executor.run(async { 1 }), 1);
}

#[test]
fn main_has_a_value_when_a_panic_of_the_host_leaves_its_frame() {
    /// Panics when it has counted down.
    struct At(Rc<Cell<usize>>);
    impl Schedule for At {
        fn choose(&mut self, _: Choice, _: usize) -> usize {
            self.0.set(self.0.get().wrapping_sub(1));
            assert!(self.0.get() != 0, "the schedule");
            0
        }
    }
    for n in 1..8 {
        let drops = Drops::default();
        let text = String::from("borrowed");
        let count = Rc::new(Cell::new(n));
        let executor = Executor::builder().schedule(At(count.clone())).on_unhandled(|_| {}).build();
        let others: Vec<_> = (0..3)
            .map(|_| {
                let guard = drops.guard();
                executor.spawn(async move { guard })
            })
            .collect();
        let left = catch_unwind(AssertUnwindSafe(|| {
            executor.run(async {
                let _guard = drops.guard();
                yield_now().await;
                (drops.guard(), text.as_str())
            })
        }));
        drop(left.map(|(guard, text)| (guard, text.len())));
        drop(others);
        count.set(0);
        assert_eq!(executor.run(async { 1 }), 1);
        drop(executor);
        assert!(drops.count() >= 3, "{n}: {}", drops.count());
    }
}
