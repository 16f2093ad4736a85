//! Mutexes: parts of a value, owned futures, unsized values.
