//! What stands in glommio's place where it cannot be compiled: its name can be given there too, and is told why it cannot run.

use crate::catalogue::List;

/// Nothing runs under it: see [`works`].
pub use crate::Evenkeel as Glommio;

pub(crate) fn works() -> Result<(), &'static str> {
    Err("it needs Linux")
}

pub(crate) fn primitives(_: &mut List) {}
