//! Sets that grow and whose children are joined as they end.
