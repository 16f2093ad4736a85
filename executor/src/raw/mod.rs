//! The raw room: all `unsafe` code of the executor. It knows `core`, `alloc` and its own files; what a task is, it does not know. Whoever
//! uses it writes no `unsafe`.
//!
//! # What holds in here
//!
//! Everything but a waker's number belongs to one thread: no type that points at a block or at what is lent is `Send` or `Sync`, and
//! none with a table, a queue or a pool in it is `Sync`. (Numbers, sizes and the vtable of wakers are plain data, and a `Place` or a
//! `PinnedRow` goes where its values may go.) So exclusive access is a question of what stands on the stack, and of nothing else.
//!
//! What this room shows is safe to call, but not in any order: that the queue is not empty, that a slot exists, that one slot is done at a
//! time, is asked in the docs of its functions and kept by the rooms above, by those that this page names.
//!
//! **Where foreign code runs.** Tables, queues and pools are borrowed for a few loads and stores each, in functions that call nothing of
//! anybody's. Foreign code is called in eight places, and none of them is reached while such a borrow lasts:
//!
//! 1. the three functions of a block's vtable, behind [`Due::poll`](blocks::Due::poll), [`Live::poll_again`](block::Live::poll_again),
//!    [`Live::drop_future`](block::Live::drop_future) and [`Live::drop_value`](block::Live::drop_value): a future's poll, the destructors
//!    of a future and of an output;
//! 2. what the owner of blocks does when a header is dropped, or the box in it: there may be a waker, task-locals or a panic in that, although
//!    the owner takes all of them out before. It is the last step but giving the memory back, when slot and block are nobody's; the header of a block
//!    that is kept for another task is not dropped at all. What is noted of a lodger ([`lodging`]) is in its header to the end: a panic of
//!    its destructor goes on, and the memory is lost, but nothing else;
//! 3. what that owner does when a future is dropped whose output is there ([`Meta::outlive`](block::Meta::outlive)), and when a handle is
//!    dropped ([`Owner::drop_handle`](owned::Owner::drop_handle));
//! 4. the call that a lent reference is there for ([`OnThread::enter`](lent::OnThread::enter)), and the one that looks at it;
//! 5. the calls of [`Blocks::admit_during`](blocks::Blocks::admit_during): while a main future lives, and at its end;
//! 6. destructors of values in a [`Place`](place::Place), a [`PinnedRow`](pinned::PinnedRow) and a [`Lazy`](lazy::Lazy);
//! 7. the first poll of what is [handed over](hand_over::hand_over), which makes the future and polls it;
//! 8. what makes a future of its task's number ([`Blocks::admit`](blocks::Blocks::admit)): the block is nobody's then, as it is still vacant.
//!
//! Joiners' wakers, hooks, callbacks of the host, schedules, clocks and parks are called by the rooms above, which hold no reference
//! into this one then but what [`block::Live`] and [`owned::Owned`] are.
//!
//! # Who keeps a block
//!
//! A block lives from [`Blocks::admit`](blocks::Blocks::admit) until it is freed. It is freed when three things hold: its task has ended
//! (the block is `DONE`), no handle is left, and the slot is not in the ready queue. Whoever makes the last of them true frees it:
//! [`Blocks::vacate_if_forgotten`](blocks::Blocks::vacate_if_forgotten) looks at all three in one step and takes the number, and the block's
//! [`Live`](block::Live) is consumed. A block that is freed but not recycled leaves the table before
//! ([`Table::detach`](table::Table::detach)), so that the table leads to blocks only: to those of tasks, and to vacant ones, whose number and
//! flags nobody overwrites: in the pool, in the hands of one who makes a task in them, or on their way back to the pool. So there is always one who keeps a block, and whoever has a `Live` stands in for that one:
//!
//! * a *handle* ([`owned::Owned`]) keeps it by its flag. It is the only one, is not `Clone`, and gives the flag up by value;
//! * the *loop* keeps the block that it took out of the queue, as its task has not ended, and only the loop ends it: its `Live` goes
//!   into the function that ends it, and from there into the one that frees it. A task that has ended and is queued is kept by the queue;
//! * a *look* ([`Blocks::find`](blocks::Blocks::find), [`Blocks::occupant`](blocks::Blocks::occupant)) keeps nothing. Its `Live` is used
//!   up before foreign code runs, but for two cases: the task has not ended, and the loop is below on the stack or not running at all
//!   (`Tasks::request`, `Tasks::stop`, the sweeps of `Tasks::close`, `abort_all` and `seal`).
//!
//! A block *without a slot* ([`lodging`]) has two halves, one for the future and one for the output. Each is the only one of its kind and is
//! given up by value, and who is the last frees the block. Whoever polls or drops the future has its half mutably.
//!
//! A block that has an owner and no executor any more is an *orphan* ([`Blocks::abandon`](blocks::Blocks::abandon)): its slot means nothing,
//! and its handle frees it.
//!
//! # Who keeps a home
//!
//! A handle leads to what its block is part of, by a plain pointer, as long as the block is no orphan. The home is there so long: tasks lie
//! in an executor's core, which its value keeps. The first thing that value's destructor does is to keep the core for ever, or to set up a
//! guard that calls `Tasks::seal` however the rest of it is left, also by a panic. `seal` makes an orphan of every block that a handle
//! reaches, runs no foreign code in that part, and does not unwind. No block is made after it: a `Spawner` refuses, and those tasks are
//! not the thread's current ones any more.
//!
//! # Who polls
//!
//! A slot is in the ready queue at most once, by its `QUEUED` flag. Who takes slots out does one at a time, and is not entered again
//! before that one is done with: `Core::enter` refuses a second driver, and the main future's end stops its task only when no poll is on
//! the stack. A [`Due`](blocks::Due) is made of a slot that is neither `DONE` nor to be stopped, so its future is there; it is used up by the
//! poll. A future that was cancelled is polled again by [`Live::poll_again`](block::Live::poll_again), which looks whether it is there.
//!
//! # What a payload is
//!
//! The stage says whether future, output or nothing is in a block, and only this room changes it. It is changed *before* a destructor runs,
//! so that one which panics, or which comes back by way of a handle, finds that there is nothing to touch. Whether the word of a block with
//! a slot is a number or a box says its `BOXED`, which only the functions change that put a box there and take it out.

pub(crate) mod borrowing;
pub(crate) mod blocks;
pub(crate) mod lodging;
pub(crate) mod owned;
pub(crate) mod block;
pub(crate) mod slots;
pub(crate) mod table;
pub(crate) mod ready;
pub(crate) mod tag;
pub(crate) mod pool;
pub(crate) mod waker;
pub(crate) mod number;
pub(crate) mod lent;
pub(crate) mod pinned;
pub(crate) mod hand_over;
pub(crate) mod lazy;
pub(crate) mod place;
