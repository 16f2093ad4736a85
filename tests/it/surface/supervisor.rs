//! Supervisors: children that fail alone.
