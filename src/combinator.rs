//! For those who write combinators and owners of tasks.
//!
//! [`gather`](crate::gather), [`scope`](crate::scope) and [`TaskGroup`](crate::TaskGroup) are built of this, of what is public besides, and
//! of nothing else.
//!
//! | to | there is |
//! |---|---|
//! | hold a child that can be cancelled alone | [`Branch`]; [`poll_branches`] polls many with less ado, in two halves if need be ([`Rest`]) |
//! | poll only the children that were woken | [`WakeSet`] |
//! | keep the newest waker of one who waits | [`WakerCell`] |
//! | call or drop wakers that may be anybody's | [`call_waker`], [`discard_waker`] |
//! | keep a future in memory that is used again, apart from its output | [`lodge`], [`Lodger`], [`Claim`] |
//! | keep futures that never move | [`Place`], [`PinnedRow`] |
//! | have what a future is made of lie in it once | [`hand_over`], [`Handed`] |
//! | clean up whatever happens, and decide what is returned | [`settle`], [`settle_at`] |
//! | run a body in a scope, and wait for what it has begun | [`Nest`], [`NestEnd`] |
//! | spawn in the name of another place in the source, and see to the task | [`spawn_at`], [`Loose`] |
//! | bound clean-up | [`end_grace`], [`is_stopping_hard`] |
//! | know which shields are open | [`shield_depth`], [`open_shields`], [`open_shields_above`] |
//! | choose among orders that are as good, and how long a wait with jitter is | [`choose_order`], [`choose_jitter`] |
//! | report what nobody will get | [`report_unhandled`], [`report_unhandled_of`], [`take_cleanup_panic`], [`unread_error`], [`plain`] |

#[doc(inline)]
pub use evenkeel_executor::combinator::{
    Batch, Branch, Claim, Handed, Lodger, Loose, Nest, NestEnd, PinnedRow, Place, Rest, Siblings, Stand, WakeSet,
    WakerCell, Woken, call_waker, choose_jitter, choose_order, discard_waker, end_grace, hand_over, is_stopping_hard,
    lodge, open_shields, open_shields_above, plain, poll_branches, report_unhandled, report_unhandled_of, settle,
    settle_at, shield_depth, spawn_at, take_cleanup_panic, unread_error,
};
