//! Cancellation: scopes, clean-up that awaits, deadlines, tokens.
//!
//! A scope is cancelled once and for good. Code in it is stopped where it is suspended, by dropping its future, after the
//! clean-up points in it are done. Everything here follows from three types: the `Region` (what scopes and clean-up points have in
//! common), the future of a scope (`Scoped`: what `InScope`, `Timeout` and `Branch` are inside), and the two halves of a clean-up point
//! (`Guard`, `Cleaning`).
//!
//! # States
//!
//! A task, and each scope in it, goes the same way. What is in brackets is the function that takes the edge.
//!
//! A task (its root scope); the states are those of `TaskState`:
//!
//! ```text
//!              step, poll                                      poll: pending, and a
//!             ┌───────┐                                        reached point is at work
//!             │       ▼                                              ┌──────────┐
//!   admit   ┌─┴─────────┐  request (1)  ┌─────────────────┐ deliver ┌┴──────────▼─┐
//!  ────────►│  Running  │ ────────────► │ CancelRequested │ ──────► │ CleaningUp  │
//!           └─────┬─────┘               └────────┬────────┘  (3)    └──────┬──────┘
//!                 │                              │                         │
//!                 │ poll: ready → finish         │ poll: ready → finish    │ poll: ready → finish
//!                 │ panic → recover → stop       │ never started,          │ no point is at work
//!                 │                              │ not woken, or poll:     │ any more → stop (4)
//!                 │                              │ pending → stop (2)      │ abort, grace → stop (5)
//!                 ▼                              ▼                         ▼
//!           ┌──────────────────────────────────────────────────────────────────────┐
//!           │                                Ended                                 │
//!           └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! 1. `Tasks::request`: `Task::cancel`, a dropped handle, `current_task().cancel`, `Handle::cancel_main`, Ctrl-C, the executor's close. It
//!    sets a flag, keeps the first reason, queues the task, and wakes the clean-up points that are registered with the root scope. A
//!    second request changes nothing, except for an abort that follows a cancellation.
//! 2. `Tasks::step_unusual` and `begin_delivery`: a task that was never polled, or is to be aborted, is stopped, and so is one that had not
//!    been woken when it was cancelled and has no clean-up points. `Tasks::deliver`: any other is polled, and stopped if that finds nothing
//!    to wait for. `Tasks::stop_cancelled`, or `stop` where there is more to be done, drops the future.
//! 3. `Tasks::deliver`: the poll reached a clean-up point (`Region::reach`), which is at work in the root scope now. If clean-up points were
//!    registered before, `CleaningUp` is what the state says from the beginning of that poll on.
//! 4. No member of the root scope is at work any more (`Members::are_at_work`), and the last poll reached nothing new: `decide` says so,
//!    for tasks as for scopes. While destructors run when a task is stopped, the state says `CleaningUp` as well.
//! 5. `Tasks::request` with `Stop::Abort`: `Task::abort`, or `Tasks::abort_all` when the executor's grace period is over. The loop drops
//!    the future with all the clean-up in it.
//!
//! A scope (`Scoped`; once it has a region, a `Visit` polls it):
//!
//! ```text
//!             Scoped::poll                                     Scoped::poll: pending, and a
//!             ┌───────┐                                        reached point is at work
//!             │       ▼                                              ┌──────────┐
//!   begin   ┌─┴─────────┐  cancel (1)   ┌─────────────────┐         ┌┴──────────▼─┐
//!  ────────►│  running  │ ────────────► │    requested    │ ──────► │ cleaning up │
//!           └─────┬─────┘               └────────┬────────┘   (3)   └──────┬──────┘
//!                 │                              │                         │
//!                 │ ready → Ok(value)            │ ready → Ok(value)       │ ready → Ok(value)
//!                 │                              │ never started, or       │ no point is at work any
//!                 │                              │ pending → stop (2)      │ more → stop (2)
//!                 │                              │                         │ grace period → stop (4)
//!                 ▼                              ▼                         ▼
//!           ┌──────────────────────────────────────────────────────────────────────┐
//!           │               ended: Ok(value), Err(Cancelled), or nothing           │
//!           └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! 1. `Region::cancel`: called by `Region::cancel_once` for `CancelScope::cancel`, for a token, for `Region::come` in a poll (the
//!    deadline's timer has fired), for `Visit::begin` (the deadline was past before the start), and for `Parts::drop_unfinished` where
//!    handles are left; by `Region::look` (another thread has cancelled); and by `Branch::cancel`. It keeps the first reason, moves the
//!    epoch on, and wakes the members. Or: `Region::arrive` finds in a poll that what is around is cancelled.
//! 2. `Visit::poll_cancelled` polls the body once more, and again as long as polls reach new clean-up points and none is at work. Then
//!    `Visit::stop` drops the body: `Err(Cancelled)`. If something around is cancelled too, it does not come to that: the outermost
//!    cancelled scope stops, and drops this one with all that is in it (`Parts::drop_unfinished`); or this one outlives that, and has
//!    itself polled at its end (`Region::wait_for_end_around`).
//!    A scope that is cancelled before it begins has no body any more when it gets here (`Visit::begin`). One whose own deadline has come
//!    has a poll in which others begin; the head of `visit.rs` argues it.
//! 3. A clean-up point was reached. It holds the scope, which holds the scope around it, up to the next clean-up point or the root
//!    (`Members::are_at_work`, asked by `Region::wait`).
//! 4. `ScopeTimer::is_overdue`: the scope's grace period is over.
//!
//! A clean-up point (`finally`; `shield` has the second part only):
//!
//! ```text
//!           the scope around is cancelled:
//!           Point::arrive → Region::reach
//!             ┌───────┐
//!             │       ▼
//!           ┌─┴─────────┐   the body ended: value,     ┌─────────────┐  ready
//!  ────────►│  guards   │ ───────────────────────────► │   cleans    │ ─────────► done: resume
//!           └─────┬─────┘   stopped, or panicked       └──────┬──────┘  (2)
//!                 │         (Guard::poll, 1)                  │
//!                 │ dropped in the middle (3)                 │ dropped in the middle (3)
//!                 ▼                                           ▼
//!           ┌───────────────────────────────────────────────────────┐
//!           │              skipped: CleanupSkipped                  │
//!           └───────────────────────────────────────────────────────┘
//! ```
//!
//! 1. `Guard::poll`, in a scope that is cancelled, does with the body what is done with a task: it is polled once more unless nothing had
//!    been woken, waited for while clean-up in it is at work, and dropped.
//! 2. `Cleaning::poll`: shielded, from its beginning to its end. Then `Region::end` lets the scope around go. `resume` returns the body's
//!    value if there is one, lets a panic go on, and otherwise never goes on: the scope that is cancelled drops it.
//! 3. The drop of `Guard`, `Cleaning` or `Shield`: reported, unless somebody asked for it (`abort`, a grace period). Or `open_shields` has
//!    given it up, since what it waits for can never come.
//!
//! # What a request decides
//!
//! *At its time*: the reason; and whether code that waits gets its one more poll. It does if it had been woken by then, as it may have a
//! result that must not be lost. If not, it is *still*, and nothing that comes later changes that: not a task that is stopped by the same
//! hand and ends what this one waits for, not a lock that another cancelled task lets go. Otherwise it would depend on who is next in the
//! queue.
//!
//! * Of a task, the flag `WOKEN` of its block says so, which no waker sets between the request and the delivery (`Tag::wake_unusual`). A
//!   wake-up that another thread, or the host between two ticks, has put into the inbox before the request counts, though it was not taken
//!   yet (`Inbox::may_wake`); what is drained together with a cancellation of main goes first.
//! * A task that cancels itself, or is cancelled by what it calls, goes on to where it awaits next. Its flag says what has come since that
//!   poll began; what comes up to the end of the poll, a `yield_now` for one, is later than the request.
//! * A scope that is cancelled in the middle of its own poll is treated alike (`Region::cancel`, `Stillness`). The rest of that poll is its
//!   one more, unless something in its task had been woken in that poll before. One that is cancelled from outside of its poll is polled
//!   once more in any case: nobody knows whether what was woken in its task is in it. A deadline decides when it is seen in a poll.
//!
//! *Later*, at the delivery: which clean-up points there are. Where there are any, the code around them is polled, to reach them: they lie
//! anywhere in it. What such a point guards, in a task or a scope that was still, is dropped without a poll of its own if it has waited
//! there since before the request (`Guard::poll`); so it is the same with a clean-up point around it as without.
//!
//! *No wake-up is lost.* One that does not count is for code that is dropped without another poll. Everything else has its poll: a
//! cancelled task is in the ready queue from the request to its delivery, woken or not; from then on (`CLEANING`) wake-ups count as ever,
//! as clean-up waits for them. What was handed to code that is still, an item or a lock, goes back when that is dropped.
//!
//! *No clean-up is skipped.* Whether there are clean-up points is asked at the delivery, of the members of the region, which each has
//! entered in the poll in which it began to wait. A still task with members is polled like any other, and so is a still scope; a guard that
//! has members polls its body, too. Only a body without members is dropped, and its clean-up runs in that very poll.

pub(crate) mod shields;
pub(crate) mod deadline;
pub(crate) mod nest;
pub(crate) mod scope;
pub(crate) mod until_cancelled;
pub(crate) mod branch;
pub(crate) mod in_scope;
pub(crate) mod scoped;
pub(crate) mod visit;
pub(crate) mod cleanup;
pub(crate) mod point;
pub(crate) mod drop_guard;
pub(crate) mod token;
mod then;
