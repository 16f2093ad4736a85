//! Cells that are filled once, and who waits for that.
