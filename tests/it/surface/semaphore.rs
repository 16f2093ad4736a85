//! Semaphores: permits forgotten, limits lowered.
