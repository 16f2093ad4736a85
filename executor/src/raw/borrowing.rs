//! A task whose future may borrow from the caller that waits for it.

use super::{
    block::Look,
    blocks::Blocks,
    owned::{Handle, Owner},
    table::Full,
    tag::Slotted,
};

impl<E, M: Owner<Slot = Slotted<E>>> Blocks<M> {
    /// Admits the future that `future` returns, which may borrow, for as long as this call lasts, and calls `during` with its handle. In
    /// the end, however that comes, `end` is called, which leaves neither the future nor the output behind.
    ///
    /// If one of them is still there then, the process aborts.
    pub(crate) fn admit_during<F: Future, L: Look<F::Output>, R>(
        &self,
        home: &M::Home,
        future: impl FnOnce() -> F,
        meta: impl FnOnce() -> M,
        taken: impl Fn() -> usize,
        during: impl FnOnce(&Handle<F::Output, M>) -> R,
        end: impl Fn(&Handle<F::Output, M>),
    ) -> Result<R, Full> {
        // SAFETY: what `F` borrows outlives this call. `Guard` is a local of this frame, so its drop runs before the call ends, whether by
        // returning or by unwinding, and then neither future nor output is left, or the process ends. The block itself may live on for a
        // while, but holds nothing of `F`'s.
        let admit = || unsafe { self.admit_borrowing::<F, L>(home, |_| future(), meta, taken) };
        let guard = Guard { handle: Handle::new(admit()?), end };
        Ok(during(&guard.handle))
    }
}

struct Guard<T, M: Owner, E: Fn(&Handle<T, M>)> {
    handle: Handle<T, M>,
    end: E,
}

impl<T, M: Owner, E: Fn(&Handle<T, M>)> Drop for Guard<T, M, E> {
    fn drop(&mut self) {
        let _gone = Gone(&self.handle);
        (self.end)(&self.handle);
    }
}

/// Ends the process if the payload is not gone when this is dropped.
struct Gone<'a, T, M: Owner>(&'a Handle<T, M>);

impl<T, M: Owner> Drop for Gone<'_, T, M> {
    fn drop(&mut self) {
        if !self.0.is_payload_gone() {
            let _abort = Again;
            panic!("a future that borrows is about to outlive what it borrows");
        }
    }
}

/// A panic in the middle of a panic ends the process.
struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        panic!("the process ends here, so that it does not");
    }
}
