//! Futures that own what they wait for.
