//! Tasks and their errors: what handles tell, and what may be kept.
