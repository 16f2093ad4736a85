//! What running code asks about its own cancellation, and shields that are given up.

use crate::{
    cancel::token::CancelToken,
    outcome::{caught::Payload, reason::CancelReason},
    raw::lent::OnThread,
    region::held::Held,
    task::tasks::{TASKS, Tasks},
};
use std::rc::Rc;

/// Was something cancelled that the running code will be stopped for, at its next suspension or when it is done with what it
/// does in a shield?
///
/// Code of a shield's or of clean-up can ask whether to hurry; it is woken when the answer becomes yes. It hears of what is around
/// that shield, up to the next one, which shields it from this question too; and so does code in a scope inside a shield. The
/// answer is the reason; `None` is no.
///
/// ```
/// use evenkeel::{CancelReason, cancel::cancel_requested, run, shield, spawn, yield_now};
/// use std::future::poll_fn;
///
/// run(async {
///     let saver = spawn(shield(async {
///         let mut saved = 0;
///         while cancel_requested().is_none() {
///             saved += 1;
///             yield_now().await;
///         }
///         assert_eq!(cancel_requested(), Some(CancelReason::from("enough")));
///         saved
///     }));
///     yield_now().await;
///     saver.cancel("enough");
///     assert_eq!(saver.await.unwrap(), 1);
/// });
/// ```
pub fn cancel_requested() -> Option<CancelReason> {
    TASKS.look(|tasks| {
        let tasks = tasks?;
        match tasks.here.nearest() {
            Some(region) => region.requested(),
            None => tasks.reason_of(tasks.current()),
        }
    })
}

/// Is the future that is being dropped now dropped because its clean-up has taken too long? For destructors of those who build
/// scopes: what belongs to them is to be stopped hard then too.
pub fn is_stopping_hard() -> bool {
    TASKS.look(|tasks| tasks.is_some_and(Tasks::is_stopping_hard))
}

/// Takes the panic in clean-up that waits in the running task for the rest of its clean-up, and would be the task's outcome. For
/// those who own tasks and have another use for it.
pub fn take_cleanup_panic() -> Option<Payload> {
    TASKS.look(|tasks| tasks?.root_region()?.take_panic()).map(Held::into_payload)
}

/// Gives up every shield and every clean-up that the running code stands in, up to the scope with that token (or up to the task's
/// root scope, without one): when this poll is over, they are dropped as they are, and reported as skipped.
///
/// For those who build combinators and find that what is awaited here can never come, so that a shield around it would wait for
/// ever.
pub fn open_shields(up_to: Option<&CancelToken>) {
    TASKS.look(|tasks| {
        let Some(tasks) = tasks else { return };
        for region in tasks.here.regions_above(0).into_iter().rev() {
            if up_to.is_some_and(|token| Rc::ptr_eq(&token.0, &region)) {
                return;
            }
            region.open();
        }
    });
}

/// How many scopes and clean-up points the running code stands in, within its task: a mark for [`open_shields_above`].
pub fn shield_depth() -> usize {
    TASKS.look(|tasks| tasks.map_or(0, |tasks| tasks.here.depth()))
}

/// Gives up shields, as [`open_shields`] does, up to where [`shield_depth`] was `depth`, for combinators that have no token.
pub fn open_shields_above(depth: usize) {
    let above = TASKS.look(|tasks| tasks.map(|tasks| tasks.here.regions_above(depth)));
    above.iter().flatten().for_each(|region| region.open());
}
