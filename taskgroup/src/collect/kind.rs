//! Markers that let one name take tuples and iterators. They are always inferred.

/// Anything that yields futures of one type.
#[derive(Debug)]
pub struct Each;

/// A tuple of futures.
#[derive(Debug)]
pub struct Tuple;

/// An iterator.
#[derive(Debug)]
pub struct Iter;

/// A stream. Nobody writes its name, and the trait's is taken.
#[doc(hidden)]
#[derive(Debug)]
pub struct Streamed;
