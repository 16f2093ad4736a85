//! What is wrong with a line of a file.

use std::{error::Error, fmt};

/// A line that cannot be read.
#[derive(Debug, PartialEq)]
pub struct BadLine {
    /// Its number, from one.
    pub number: usize,
    /// What is wrong with it.
    pub fault: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.fault)
    }
}

impl Error for BadLine {}
