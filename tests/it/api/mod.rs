//! What the compiler and the messages say to users.

/// Places are the caller's, names are escaped, messages name the repair.
mod messages;
/// Which types may cross threads, and which may be moved.
mod auto_traits;
/// Programs that must not compile.
mod compile_fail;
