//! Memory for task blocks, recycled by size class.
//!
//! A block that is given back goes on the list of its class and is the next to be handed out, still warm in the cache.
//! It keeps its slot in the task table meanwhile, so that a new task gets both in one step. What lies on the lists is
//! memory that the program needed at some time; [`Pool::trim`] bounds it when the executor has nothing to do.

use alloc::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    boxed::Box,
};
use core::{cell::Cell, ptr::NonNull};

/// Classes differ by this many bytes.
const STEP: usize = 32;
/// Allocators of the usual kind put a word of their own before each block. Blocks are so much smaller than a round number
/// that the two together are round.
const ALLOCATORS_WORD: usize = 8;
const CLASSES: usize = 64;
const ALIGN: usize = 16;

/// How a block's memory was obtained, known for each task type at compile time.
pub(crate) struct Size {
    /// 0: none, too large or too strictly aligned to be recycled.
    class: usize,
    layout: Layout,
}

impl Size {
    pub(crate) const fn of<B>() -> Size {
        let layout = Layout::new::<B>();
        let class = (layout.size() + ALLOCATORS_WORD).div_ceil(STEP);
        if layout.align() > ALIGN || class >= CLASSES || layout.size() < size_of::<Free>() {
            return Size { layout, class: 0 };
        }
        match Layout::from_size_align(class * STEP - ALLOCATORS_WORD, ALIGN) {
            Ok(layout) => Size { layout, class },
            Err(_) => Size { layout, class: 0 },
        }
    }

    #[inline(always)]
    pub(crate) fn is_recycled(&self) -> bool {
        self.class != 0
    }

    /// Fresh memory for a block.
    pub(crate) fn alloc(&self) -> NonNull<u8> {
        // SAFETY: a block has a header, so the layout's size is not 0.
        let block = unsafe { alloc(self.layout) };
        NonNull::new(block).unwrap_or_else(|| handle_alloc_error(self.layout))
    }

    /// Frees a block's memory.
    ///
    /// # Safety
    ///
    /// `block` came from [`Size::alloc`] with this size, perhaps through [`Pool::take`], and is not used afterwards.
    pub(crate) unsafe fn free(&self, block: NonNull<u8>) {
        // SAFETY: it was allocated with this very layout.
        unsafe { dealloc(block.as_ptr(), self.layout) }
    }
}

/// What lies at the beginning of a block on a list.
struct Free {
    next: Option<NonNull<Free>>,
    slot: u32,
}

#[derive(Default)]
struct Class {
    head: Cell<Option<NonNull<Free>>>,
    kept: Cell<usize>,
}

pub(crate) struct Pool {
    /// In a box, so that a reference to an executor's tasks does not span them all: Miri looks at each cell that it spans.
    classes: Box<[Class; CLASSES]>,
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool { classes: Box::new([const { Class { head: Cell::new(None), kept: Cell::new(0) } }; CLASSES]) }
    }

    /// A recycled block, with undefined content, and its slot.
    #[inline(always)]
    pub(crate) fn take(&self, size: &Size) -> Option<(NonNull<u8>, u32)> {
        // The list of class 0 is always empty.
        let class = &self.classes[size.class];
        let block = class.head.get()?;
        // SAFETY: what is on a list is memory of at least a `Free`, which `give` wrote, and nobody else's.
        let Free { next, slot } = unsafe { block.read() };
        class.head.set(next);
        class.kept.set(class.kept.get() - 1);
        Some((block.cast(), slot))
    }

    /// Takes a block back together with its slot.
    ///
    /// # Safety
    ///
    /// `block` came from [`Size::alloc`] with this size, which is one that is recycled, perhaps through [`Pool::take`],
    /// and is not used afterwards.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>, slot: u32, size: &Size) {
        debug_assert!(size.is_recycled());
        let class = &self.classes[size.class % CLASSES];
        let block = block.cast::<Free>();
        // SAFETY: the block is ours from here on, aligned to at least `ALIGN`, and no smaller than a `Free`.
        unsafe { block.write(Free { next: class.head.get(), slot }) };
        class.head.set(Some(block));
        class.kept.set(class.kept.get() + 1);
    }

    /// Frees what the lists hold beyond `bytes` each, or with a slot from `slots` on. `lone` gets the slots that have no block any more.
    pub(crate) fn trim(&self, bytes: usize, slots: usize, mut lone: impl FnMut(u32)) {
        for (class, list) in self.classes.iter().enumerate().skip(1) {
            let (size, keep) = (class * STEP - ALLOCATORS_WORD, bytes / (class * STEP));
            if list.kept.get() <= keep && slots == usize::MAX {
                continue;
            }
            let mut rest = list.head.take();
            list.kept.set(0);
            while let Some(block) = rest {
                // SAFETY: as in `take`, and nobody else reaches the block, as the list has no head. The layout is the one with which
                // `Size::alloc` allocates for this class.
                let freed = unsafe {
                    let Free { next, slot } = block.read();
                    rest = next;
                    if list.kept.get() < keep && (slot as usize) < slots {
                        block.write(Free { next: list.head.replace(Some(block)), slot });
                        None
                    } else {
                        dealloc(block.as_ptr().cast(), Layout::from_size_align_unchecked(size, ALIGN));
                        Some(slot)
                    }
                };
                match freed {
                    Some(slot) => lone(slot),
                    None => list.kept.set(list.kept.get() + 1),
                }
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.trim(0, 0, |_| {});
    }
}
