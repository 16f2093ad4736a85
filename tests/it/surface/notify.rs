//! Notify: enabled early, owned, last first.
