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

/// A stream.
#[derive(Debug)]
pub struct Strm;
