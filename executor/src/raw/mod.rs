//! The raw room: all `unsafe` code of the executor, in reading order.
//!
//! What holds in here, and is argued at each block:
//!
//! * Everything but the waker's number belongs to one thread. None of these types is `Send` or `Sync`.
//! * A slot of the table that is not vacant points at one live block; a block is freed together with its slot, when its
//!   task has ended, no handle is left and the slot is not in the ready queue. A block whose executor ended first
//!   (an *orphan*) has no slot; its handle frees it.
//! * No reference into the table, the ready queue or the pool is alive while user code runs. User code runs only in
//!   [`block`]'s three vtable functions, in joiners' wakers, and in the hook for unhandled errors.

pub(crate) mod block;
pub(crate) mod table;
pub(crate) mod ready;
pub(crate) mod waker;
pub(crate) mod current;
pub(crate) mod pool;
pub(crate) mod place;
pub(crate) mod pinned;
pub(crate) mod number;
