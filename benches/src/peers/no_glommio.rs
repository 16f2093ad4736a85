//! What stands in glommio's place where it cannot be compiled: its name can be given there too, and is told why it cannot run.

/// Nothing runs under it: see [`Glommio::works`].
pub use super::evenkeel::Evenkeel as Glommio;

impl Glommio {
    pub(crate) fn works() -> Result<(), &'static str> {
        Err("it needs Linux")
    }
}
