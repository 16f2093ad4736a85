//! Read-write locks: parts, upgradable readers, bounds.
