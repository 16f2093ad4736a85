//! Memory for task blocks, recycled by size class.
//!
//! A block that is given back goes on the list of its class and is the next to be handed out, still warm in the cache.
//! It keeps its slot in the task table meanwhile, and its number, so that a new task gets both in one step. What lies on the lists is
//! memory that the program needed at some time; [`Pool::trim`] bounds it when the executor has nothing to do.

use alloc::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    boxed::Box,
};
use core::{cell::Cell, mem::MaybeUninit, ptr::NonNull};

/// Classes of blocks of up to [`FINE`] bytes differ by so many: a block asks for what it needs, and the allocator rounds as it likes.
const STEP: usize = 8;
const FINE: usize = 512;
/// Larger ones differ by so many.
const WIDE_STEP: usize = 32;
const CLASSES: usize = 128;
const NO_CLASS: usize = CLASSES;
const ALIGN: usize = 16;

/// The class of blocks that need so many bytes.
const fn class_of(bytes: usize) -> usize {
    if bytes <= FINE { bytes.div_ceil(STEP) } else { FINE / STEP + (bytes - FINE).div_ceil(WIDE_STEP) }
}

/// How many bytes the blocks of a class have.
const fn bytes_of(class: usize) -> usize {
    if class <= FINE / STEP { class * STEP } else { FINE + (class - FINE / STEP) * WIDE_STEP }
}

/// How a block's memory was obtained, known for each task type at compile time.
pub(crate) struct Size {
    /// [`NO_CLASS`]: too large or too strictly aligned to be recycled.
    class: usize,
    layout: Layout,
}

impl Size {
    pub(crate) const fn of<B>() -> Size {
        let layout = Layout::new::<B>();
        let class = class_of(layout.size());
        if layout.align() > ALIGN || class >= CLASSES || layout.size() < size_of::<Free>() {
            return Size { layout, class: NO_CLASS };
        }
        match Layout::from_size_align(bytes_of(class), ALIGN) {
            Ok(layout) => Size { layout, class },
            Err(_) => Size { layout, class: NO_CLASS },
        }
    }

    #[inline(always)]
    pub(crate) fn is_recycled(&self) -> bool {
        self.class < CLASSES
    }

    pub(super) fn bytes(&self) -> usize {
        self.layout.size()
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
#[repr(C)]
struct Free {
    /// A block with a slot keeps its number meanwhile.
    _number: MaybeUninit<usize>,
    next: Option<NonNull<Free>>,
}

impl Size {
    /// So many bytes of a block are the pool's while it is on a list, and the first word is not.
    pub(super) const USED: usize = size_of::<Free>();
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

    /// A recycled block, in which nothing is but what it keeps for its slot.
    #[inline(always)]
    pub(crate) fn take(&self, size: &Size) -> Option<NonNull<u8>> {
        let class = self.classes.get(size.class)?;
        let block = class.head.get()?;
        // SAFETY: what is on a list is memory of at least a `Free`, whose link `give` wrote, and nobody else's.
        class.head.set(unsafe { (*block.as_ptr()).next });
        class.kept.set(class.kept.get() - 1);
        Some(block.cast())
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// `block` came from [`Size::alloc`] with this size, which is one that is recycled, perhaps through [`Pool::take`],
    /// and is not used afterwards, but for what it keeps for its slot.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>, size: &Size) {
        debug_assert!(size.is_recycled());
        // The caller has looked, so that the remainder costs nothing.
        let class = &self.classes[size.class % CLASSES];
        let block = block.cast::<Free>();
        // SAFETY: the block is ours from here on, aligned to at least `ALIGN`, and no smaller than a `Free`.
        unsafe { (*block.as_ptr()).next = class.head.get() };
        class.head.set(Some(block));
        class.kept.set(class.kept.get() + 1);
    }

    /// Frees what the lists hold beyond `bytes` each, or what is `idle` if that is asked. `goes` gets each block before it is freed.
    pub(crate) fn trim(&self, bytes: usize, idle: Option<&dyn Fn(NonNull<u8>) -> bool>, goes: impl Fn(NonNull<u8>)) {
        for (class, list) in self.classes.iter().enumerate().skip(1) {
            if list.kept.get() == 0 {
                continue;
            }
            let (size, keep) = (bytes_of(class), bytes / bytes_of(class));
            if list.kept.get() <= keep && idle.is_none() {
                continue;
            }
            let mut rest = list.head.take();
            list.kept.set(0);
            while let Some(block) = rest {
                let stays = list.kept.get() < keep && !idle.is_some_and(|idle| idle(block.cast()));
                if !stays {
                    goes(block.cast());
                }
                // SAFETY: as in `take`, and nobody else reaches the block, as the list has no head. The layout is the one with which
                // `Size::alloc` allocates for this class.
                unsafe {
                    rest = (*block.as_ptr()).next;
                    if stays {
                        (*block.as_ptr()).next = list.head.replace(Some(block));
                    } else {
                        dealloc(block.as_ptr().cast(), Layout::from_size_align_unchecked(size, ALIGN));
                    }
                }
                list.kept.set(list.kept.get() + usize::from(stays));
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.trim(0, None, |_| {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_class_are_as_large_as_they_must_be_and_hardly_larger() {
        for bytes in 1..=bytes_of(CLASSES - 1) {
            let class = class_of(bytes);
            assert!(class < CLASSES && bytes_of(class) >= bytes && bytes_of(class - 1) < bytes, "{bytes}");
        }
        assert!(class_of(bytes_of(CLASSES - 1) + 1) >= CLASSES);
    }
}
