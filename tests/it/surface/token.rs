//! Tokens that stand alone: children, guards, runs.
