//! `scope`: a failure boundary for children that borrow.

mod run;
mod scoped_handle;
mod brood;

pub use {
    run::{Scope, scope},
    scoped_handle::ScopedHandle,
};
