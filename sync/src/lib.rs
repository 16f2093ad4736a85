//! Synchronisation primitives of evenkeel.
