//! Panics that are caught and read, and stacks that are small.

use std::{
    any::Any,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
    thread,
};

/// The panic with which `f` ends.
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("there was no panic"),
        Err(payload) => text_of(payload),
    }
}

/// The text that a panic carries.
pub fn text_of(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().map_or("?".to_owned(), |text| (*text).to_owned()),
    }
}

/// The file and the line that the last panic in `f` on this thread names. What the process prints of panics stays as it is.
pub fn place_of_panic<R>(f: impl FnOnce() -> R) -> (String, u32) {
    thread_local!(static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) });
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|place| (place.file().to_owned(), place.line()));
            // A panic in a destructor of a thread that ends may come when this is gone.
            let _ = PLACE.try_with(|last| *last.borrow_mut() = place);
            before(info);
        }));
    });
    PLACE.take();
    let _ = catch_unwind(AssertUnwindSafe(f)).map(drop);
    PLACE.take().expect("there was no panic")
}

/// Runs `f` on a thread with little room for its stack.
pub fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(256 * 1024).spawn(f).unwrap().join().unwrap();
}
