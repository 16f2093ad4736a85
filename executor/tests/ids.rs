//! How many executors a process can have. Alone in its process, since it takes all there are.

use evenkeel_executor::{Executor, TooManyExecutors, run, try_run};
use evenkeel_testkit::place_of_panic;
use std::panic::catch_unwind;

const MOST: usize = if cfg!(target_pointer_width = "64") { 4095 } else { 63 };

#[test]
#[cfg_attr(all(miri, target_pointer_width = "64"), ignore = "too many for Miri")]
fn limit_02_a_process_can_have_4095_executors_and_says_so() {
    for _ in 0..2 {
        let mut all: Vec<Executor> = (0..MOST).map(|_| Executor::try_new().unwrap()).collect();
        assert_eq!(Executor::try_new().unwrap_err(), TooManyExecutors);
        assert_eq!(Executor::builder().try_build().unwrap_err(), TooManyExecutors);
        assert!(TooManyExecutors.to_string().contains(&format!("{MOST} live executors")));
        for refused in [catch_unwind(|| drop(Executor::new())), catch_unwind(|| run(async {}))] {
            let payload = refused.unwrap_err();
            let message = payload.downcast_ref::<String>().unwrap();
            assert!(message.contains("drop some, or share them"), "{message}");
        }
        // It is the caller who has too many.
        let place = |line| (file!().to_owned(), line);
        assert_eq!(place_of_panic(|| Executor::new()), place(line!()));
        assert_eq!(place_of_panic(|| Executor::builder().build()), place(line!()));
        assert_eq!(place_of_panic(|| run(async {})), place(line!()));
        // A nested run is a nested run, also then.
        assert!(all[0].run(async { try_run(async {}) }).is_err());

        // Each of them works, and each has a number of its own.
        let mut wakers = Vec::new();
        for executor in &all {
            wakers.push(executor.run(std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone()))));
        }
        let mut numbers: Vec<usize> = wakers.iter().map(|waker| waker.data().addr()).collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), MOST);
        wakers.into_iter().for_each(std::task::Waker::wake);

        // One that goes makes room for one.
        drop(all.swap_remove(MOST / 2));
        let next = Executor::try_new().unwrap();
        assert_eq!(next.run(async { 1 }), 1);
        assert!(Executor::try_new().is_err());
        drop(next);
        drop(all);
        assert_eq!(run(async { 2 }), 2);
    }
}
