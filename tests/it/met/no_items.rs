//! A limit that is the number of the items, where there are none.

use evenkeel::{TaskGroup, map_concurrent, run, testing, yield_now};
use futures::{FutureExt, StreamExt, stream};
use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
};

fn message(code: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(code)).unwrap_err();
    *payload
        .downcast::<String>()
        .or_else(|text| text.downcast::<&str>().map(|text| Box::new(text.to_string())))
        .unwrap()
}

#[test]
fn met_c5_no_items_need_no_limit() {
    let items: Vec<u8> = Vec::new();
    let double = async |n: &u8| 2 * n;
    assert_eq!(run(map_concurrent(&items, items.len(), double).collect()), [0_u8; 0]);
    assert_eq!(run(map_concurrent(&items, 0, double).unordered().next()), None);
    assert_eq!(run(map_concurrent(stream::iter(&items), 0, double).collect()), [0_u8; 0]);
    run(map_concurrent(&items, 0, double).for_each(async |_| unreachable!()));
    run(map_concurrent(&items, 0, double).cancel());
    // What cannot know its number beforehand, too.
    assert_eq!(run(map_concurrent(items.iter().filter(|_| true), 0, double).collect()), [0_u8; 0]);
    let late = stream::once(yield_now()).filter_map(async |()| None::<&u8>);
    assert_eq!(run(map_concurrent(late, 0, double).collect()), [0_u8; 0]);
}

#[test]
fn met_c5_items_without_a_limit_are_an_error_of_the_call() {
    // The source knows that it has items: at once.
    let text = message(|| drop(map_concurrent([1], 0, async |n: u8| n)));
    assert_eq!(text, "map_concurrent with items and a limit of 0 would never begin: use at least 1");
    // It does not: with the first item, and the place of the call is in the text.
    let line = line!() + 3;
    let text = message(|| {
        run(async {
            map_concurrent([1].iter().filter(|_| true), 0, async |n| *n).collect().await;
        })
    });
    let begin = format!("map_concurrent at {}:{line}:", file!());
    assert!(text.starts_with(&begin) && text.ends_with("a limit of 0, so would never begin: use at least 1"), "{text}");
}

#[test]
fn met_c5_a_group_without_slots_runs_what_needs_none() {
    testing::run(async {
        let items: [u8; 0] = [];
        let sum = TaskGroup::<String>::builder().limit(items.len()).run(async |group| {
            for item in items {
                group.slot().await.spawn(async move { Ok(item) });
            }
            assert!(group.try_slot().is_none());
            Ok(group.spawn(async { Ok(1) }).await)
        });
        assert_eq!(sum.await.unwrap(), 1);
    });
}

#[test]
fn met_c5_a_slot_that_never_comes_is_an_error_of_the_call() {
    testing::run(async {
        let group = TaskGroup::<Infallible>::builder().limit(0).run(async |group| {
            group.slot().await.spawn(async {});
            Ok(())
        });
        let payload = AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
        assert_eq!(
            payload.downcast_ref(),
            Some(&"a task group with a limit of 0 never has a slot: give it at least 1")
        );
        // In a group that is ending there is a slot for everybody, as ever.
        let group = TaskGroup::<Infallible>::builder().limit(0).run(async |group| {
            group.cancel("enough");
            drop(group.slot());
            assert!(group.try_slot().is_some());
            Ok(())
        });
        group.await.unwrap();
    });
}
