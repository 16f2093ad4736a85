//! Instants: checked arithmetic, std's instants.
