//! Task groups of evenkeel.
