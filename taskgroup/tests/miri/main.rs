//! Every way through what keeps children in place, in small sizes, for Miri:
//!
//! ```text
//! MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check -Zmiri-disable-isolation" \
//!     cargo +nightly miri test -p evenkeel-taskgroup --test miri
//! ```
//!
//! The module `threads` is meant to run with many seeds (`-Zmiri-many-seeds=0..64`); all of it also with
//! `-Zmiri-tree-borrows`. The module `forgotten` leaks: it needs `-Zmiri-ignore-leaks` and `-- --ignored`.

mod tools;

mod scopes;
mod endings;
mod forgotten;
mod collectors;
mod places;
mod threads;
