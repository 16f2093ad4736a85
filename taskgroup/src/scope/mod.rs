//! `scope`: a failure boundary for children that borrow.

mod run;
mod kin;
mod spawn;
mod scoped_handle;
#[expect(unsafe_code, reason = "one lifetime extension")]
mod brood;
mod note;
mod orders;

pub use {run::scope, scoped_handle::ScopedHandle, spawn::Scope};
