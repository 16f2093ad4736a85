//! Main futures that borrow, on executors that want them to live for ever.

use futures::future::LocalBoxFuture;
use std::mem;

/// Runs a main future on an executor that wants it to live for ever.
pub(crate) fn forever<'a>(main: LocalBoxFuture<'a, ()>, block_on: impl FnOnce(LocalBoxFuture<'static, ()>)) {
    /// An unwinding would leave the future behind, in an executor that is leaked.
    struct Abort;

    impl Drop for Abort {
        fn drop(&mut self) {
            std::process::abort();
        }
    }

    let abort = Abort;
    // SAFETY: The executors that this is used for poll the future to its end before `block_on` returns; one that has ended
    // touches nothing any more. Were they to unwind instead, the process ends.
    #[expect(unsafe_code)]
    let main = unsafe { mem::transmute::<LocalBoxFuture<'a, ()>, LocalBoxFuture<'static, ()>>(main) };
    block_on(main);
    mem::forget(abort);
}
