//! An allocator that counts, for each thread alone.

#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]
#![allow(dead_code, reason = "not every test looks at all counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Counting;

thread_local! {
    /// How many allocations are live.
    pub static LIVE: Cell<isize> = const { Cell::new(0) };
    /// How many bytes they have.
    pub static BYTES: Cell<isize> = const { Cell::new(0) };
    /// How many there were.
    pub static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls are passed on to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as isize);
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - 1);
        BYTES.set(BYTES.get() - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
