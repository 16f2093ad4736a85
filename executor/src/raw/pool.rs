//! Memory for task blocks, recycled by size class.
//!
//! A block that is given back goes on the list of its class and is the next to be handed out, still warm in the cache.
//! What lies on the lists is memory that the program needed at some time; [`Pool::trim`] bounds it when the executor
//! has nothing to do.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    cell::Cell,
    ptr::NonNull,
};

const STEP: usize = 32;
const CLASSES: usize = 64;
const ALIGN: usize = 16;
/// What each class may keep while the executor sleeps, in bytes.
pub(crate) const KEPT_PER_CLASS: usize = 256 * 1024;

/// How a block's memory was obtained, known for each task type at compile time.
pub(crate) struct Size {
    /// 0: none, too large or too strictly aligned to be recycled.
    class: usize,
    layout: Layout,
}

impl Size {
    pub(crate) const fn of<B>() -> Size {
        let layout = Layout::new::<B>();
        let class = layout.size().div_ceil(STEP);
        if layout.align() > ALIGN || class >= CLASSES || layout.size() < size_of::<Free>() {
            return Size { layout, class: 0 };
        }
        match Layout::from_size_align(class * STEP, ALIGN) {
            Ok(layout) => Size { layout, class },
            Err(_) => Size { layout, class: 0 },
        }
    }

    /// Memory that no pool knows of any more, or never did.
    ///
    /// # Safety
    ///
    /// `block` came from [`Pool::take`] with this size and is not used afterwards.
    pub(crate) unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: `take` got it from `alloc` with this very layout.
        unsafe { dealloc(block.as_ptr(), self.layout) }
    }
}

/// A block on a list: its first word points at the next one.
struct Free {
    next: Option<NonNull<Free>>,
}

#[derive(Default)]
struct Class {
    head: Cell<Option<NonNull<Free>>>,
    kept: Cell<usize>,
}

pub(crate) struct Pool {
    classes: [Class; CLASSES],
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool { classes: [const { Class { head: Cell::new(None), kept: Cell::new(0) } }; CLASSES] }
    }

    /// Memory for a block, with undefined content.
    #[inline(always)]
    pub(crate) fn take(&self, size: &Size) -> NonNull<u8> {
        // The list of class 0 is always empty.
        let class = &self.classes[size.class];
        let Some(block) = class.head.get() else {
            return fresh(size.layout);
        };
        // SAFETY: what is on a list is memory of at least a `Free`, which `give` wrote, and nobody else's.
        class.head.set(unsafe { block.read() }.next);
        class.kept.set(class.kept.get() - 1);
        block.cast()
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` came from [`Pool::take`] with this size and is not used afterwards.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>, size: &Size) {
        if size.class == 0 {
            // SAFETY: the caller's promise.
            return unsafe { size.free(block) };
        }
        let class = &self.classes[size.class % CLASSES];
        let block = block.cast::<Free>();
        // SAFETY: the block is ours from here on, aligned to at least `ALIGN`, and no smaller than a `Free`.
        unsafe { block.write(Free { next: class.head.get() }) };
        class.head.set(Some(block));
        class.kept.set(class.kept.get() + 1);
    }

    /// Frees what the lists hold beyond `bytes` each.
    pub(crate) fn trim(&self, bytes: usize) {
        for (class, list) in self.classes.iter().enumerate().skip(1) {
            let (size, keep) = (class * STEP, bytes / (class * STEP));
            while list.kept.get() > keep {
                let Some(block) = list.head.get() else { break };
                // SAFETY: as in `take`; the layout is the one with which `fresh` allocated for this class.
                unsafe {
                    list.head.set(block.read().next);
                    dealloc(block.as_ptr().cast(), Layout::from_size_align_unchecked(size, ALIGN));
                }
                list.kept.set(list.kept.get() - 1);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.trim(0);
    }
}

#[cold]
fn fresh(layout: Layout) -> NonNull<u8> {
    // SAFETY: a block has a header, so the layout's size is not 0.
    let block = unsafe { alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}
