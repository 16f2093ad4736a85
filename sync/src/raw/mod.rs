//! The raw room: all `unsafe` code of this crate. It knows `core`, `alloc` and its own files, and of `std` a thread's own place. Whoever uses
//! it writes no `unsafe`.
//!
//! A node is a piece of memory of its own, in which one waiter's request, waker and grant lie. It does not move, so the nodes of a line
//! are chained by plain pointers. That is what `unsafe` buys here: a line without a table, so without a bound to check, a borrow to keep
//! account of, or a place to look up.
//!
//! # What holds in here
//!
//! * **A node is freed once, by its seat.** A [`Seat`](node::Seat) is the only way to a node from outside. There is one for each node that is
//!   not spare, it cannot be copied, and what frees the node takes it by value. A seat that is leaked leaks its node.
//! * **What is chained lives.** A node is unchained before it is freed. When the queue is dropped, it takes its chains apart first, so
//!   that a seat which is left finds itself nowhere.
//! * **Where a node is chained, it says itself**: who waits stands in line; whose wait has ended is among the calls for as long as his
//!   waker lies in the node; nobody else is chained. Both are changed together, with nothing in between.
//! * **A queue need not be the one that a seat is from.** To unchain a node only its neighbours are looked at, and memory of nodes goes
//!   from one queue to another unharmed, as each has its own. So no function here trusts its caller to bring the right pair.
//! * **No foreign code runs in here.** Values are moved in and out, and never dropped in place: wakers, requests and grants are given back
//!   to the caller. The exceptions are drops: a queue's own drops what it found when its chains are gone, a ring buffer's own drops what is
//!   left in it, and see twins and parts below. A caller's function is called where no node is held.
//! * **Everything belongs to one thread**: no type of this room is `Send` or `Sync`. Memory that is kept is a thread's own.
//!
//! # Ring buffers
//!
//! Items of a queue lie in the slots of a [`RingBuffer`](ring_buffer::RingBuffer), and only there: from the first one's place to the place of the
//! next to come. Both are changed when an item is in, or before one is out, so no slot is read that is free. A slot is found without a bound to
//! check, since there are as many as the mask has numbers.
//!
//! # Twins
//!
//! What the two ends of a oneshot share is a [`Twin`](twin::Twin): two handles, neither of which can be copied, and one value. The second
//! handle that goes drops the value, which may be foreign code and finds no way to that memory, and gives the memory back.
//!
//! # Guarded values
//!
//! What a lock guards is a [`Guarded`](guarded::Guarded), and whoever has the lock has a [`Part`](guarded::Part) of it: the whole first, and by
//! mapping what lies in it. Why nobody has a reference that another one must not see:
//!
//! * **The value counts its parts itself**, as a `RefCell` does: one that has it alone, or any number that share it. So a lock that is given to two
//!   at a time is a panic and nothing worse, and nothing in here depends on how locks are written.
//! * **A part is kept.** Its keeper is a reference or an `Rc` to what the value lies in, so that stays where it is while there is a part. A part that
//!   is leaked is counted for ever: nobody has the value again, but for who owns it all and needs no lock.
//! * **References come from parts, and live as long as the borrow of the part.** A function that picks a part of a part is given a reference of any
//!   lifetime (`for<'x> FnOnce(&'x mut U) -> &'x mut V`), so it keeps none. If it panics, the part it was to pick from is dropped.
//! * **A part is given back before anybody is told**: there is no reference left when wakers run, which may take the lock.
//! * **A part stays what it was mapped as.** One that was picked through a shared reference is never had alone, and one that was picked alone (the
//!   inside of a `Cell`, say) is never shared: who upgrades or downgrades gives his part back, and takes all of the value anew.
//! * **What is picked lives as long as what is kept.** The part's type forgets what it was picked from, and with it the lifetimes in there. So they are
//!   all at least as long as the lifetime for which the [pointer keeps it](guarded::Keeps), in which the function is called: that of a reference, and
//!   `'static` for an `Rc`. That they are is for the compiler to prove.
//! * **No part is taken for one of another lifetime**: it is invariant in what it is a part of, as `&mut` is. It does not own that, and has a
//!   destructor that looks at the keeper only; which may be the last one, and drop the value then.

pub(crate) mod guarded;
pub(crate) mod ask;
pub(crate) mod nodes;
pub(crate) mod node;
mod links;
pub(crate) mod ring_buffer;
pub(crate) mod twin;
mod spares;
