//! Memory that a thread keeps for the next one who wants as much.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::{alloc::Layout, cell::Cell, ptr::NonNull};

/// How many pieces of each size are kept.
const KEPT: u32 = 256;

/// The sizes in bytes.
const SIZES: [usize; 3] = [64, 128, 256];

/// The alignment of all of them.
const ALIGN: usize = 16;

thread_local! {
    static SPARES: Spares = const { Spares([const { Spare { first: Cell::new(None), count: Cell::new(0) } }; SIZES.len()]) };
}

struct Spares([Spare; SIZES.len()]);

/// Pieces of one size, each of which begins with the way to the next.
struct Spare {
    first: Cell<Option<NonNull<Free>>>,
    count: Cell<u32>,
}

struct Free(Option<NonNull<Free>>);

/// Which size is enough for a `T`; none, if it is a large one.
const fn class<T>() -> Option<usize> {
    let mut class = 0;
    while class < SIZES.len() {
        if size_of::<T>() <= SIZES[class] && align_of::<T>() <= ALIGN {
            return Some(class);
        }
        class += 1;
    }
    None
}

const fn layout<T>() -> Layout {
    match class::<T>() {
        Some(class) => layout_of(class),
        None => Layout::new::<T>(),
    }
}

const fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align(SIZES[class], ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("the sizes are sizes"),
    }
}

/// Memory for a `T`, which is not one yet. A `T` must not be without size.
#[inline(always)]
pub(super) fn take<T>() -> NonNull<T> {
    const { assert!(size_of::<T>() > 0) };
    let kept = const { class::<T>() }.and_then(|class| SPARES.try_with(|spares| spares.0[class].pop()).ok()?);
    kept.unwrap_or_else(|| fresh(const { layout::<T>() })).cast()
}

/// Takes the memory back of what was a `T`.
///
/// # Safety
///
/// It came from [`take`] for that type, and nobody uses it any more.
#[inline(always)]
pub(super) unsafe fn give<T>(memory: NonNull<T>) {
    let memory = memory.cast::<u8>();
    // SAFETY: as the caller says, this memory is of that class.
    let keep = |class: usize| SPARES.try_with(|spares| unsafe { spares.0[class].push(memory) }).unwrap_or(false);
    if !const { class::<T>() }.is_some_and(keep) {
        // SAFETY: as the caller says; it was made with this layout.
        unsafe { dealloc_cold(memory, const { layout::<T>() }) };
    }
}

#[cold]
#[inline(never)]
fn fresh(layout: Layout) -> NonNull<u8> {
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// # Safety
///
/// The memory was made with this layout, and nobody uses it any more.
#[cold]
#[inline(never)]
unsafe fn dealloc_cold(memory: NonNull<u8>, layout: Layout) {
    // SAFETY: as the caller says.
    unsafe { dealloc(memory.as_ptr(), layout) };
}

impl Spare {
    #[inline(always)]
    fn pop(&self) -> Option<NonNull<u8>> {
        let free = self.first.get()?;
        // SAFETY: `push` wrote it, and nobody has had the piece since.
        self.first.set(unsafe { free.read() }.0);
        self.count.set(self.count.get() - 1);
        Some(free.cast())
    }

    /// Keeps a piece, unless there are enough: `false` then.
    ///
    /// # Safety
    ///
    /// It is of this size, and nobody uses it any more.
    #[inline(always)]
    unsafe fn push(&self, memory: NonNull<u8>) -> bool {
        if self.count.get() == KEPT {
            return false;
        }
        let free = memory.cast::<Free>();
        // SAFETY: each size has room for it, and the caller leaves the memory to this.
        unsafe { free.write(Free(self.first.get())) };
        self.first.set(Some(free));
        self.count.set(self.count.get() + 1);
        true
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        for (class, spare) in self.0.iter().enumerate() {
            while let Some(memory) = spare.pop() {
                // SAFETY: what is kept here was made with this layout, and is nobody's.
                unsafe { dealloc_cold(memory, layout_of(class)) };
            }
        }
    }
}
