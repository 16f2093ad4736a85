//! The ring buffer: items in order, in slots that are used again.

use alloc::boxed::Box;
use core::{
    cell::Cell,
    marker::PhantomData,
    mem::{MaybeUninit, forget},
    panic::UnwindSafe,
    ptr::{self, NonNull},
};

/// Items in order, each at a *place*: places are numbers, and each item's is one more than that of the item before. What is put behind all
/// others gets a place that none had before it. An item keeps its place, unless others are moved past it.
///
/// A place is a slot once the bits above the number of slots are left away, which is a power of two.
pub(crate) struct RingBuffer<T> {
    body: Body,
    /// The items' destructors run when the ring is dropped, and none can be taken for one of another lifetime.
    lie_here: PhantomData<Cell<T>>,
}

/// All of a ring, without the type of its items: with that its destructor would ask for items that outlive the ring.
struct Body {
    /// What [`RingBuffer::resize`] has made.
    slots: Cell<NonNull<()>>,
    /// The number of slots less one.
    mask: Cell<usize>,
    /// The first item's place.
    head: Cell<u64>,
    /// The place of the next item.
    tail: Cell<u64>,
    end: unsafe fn(&Body),
}

/// A panic leaves a ring as it was.
impl<T: UnwindSafe> UnwindSafe for RingBuffer<T> {}

impl<T> RingBuffer<T> {
    pub(crate) const fn new() -> RingBuffer<T> {
        let (head, tail) = (Cell::new(0), Cell::new(0));
        let slots = Cell::new(NonNull::<[MaybeUninit<T>; 0]>::dangling().cast());
        RingBuffer {
            body: Body { slots, mask: Cell::new(usize::MAX), head, tail, end: end::<T> },
            lie_here: PhantomData,
        }
    }

    /// How many items are in here.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// For how many items there are slots.
    #[inline(always)]
    pub(crate) fn slots(&self) -> usize {
        self.body.mask.get().wrapping_add(1)
    }

    /// Puts an item behind all others. It comes back if there is no slot for it.
    #[inline(always)]
    pub(crate) fn push_back(&self, item: T) -> Result<(), T> {
        if self.len() == self.slots() {
            return Err(item);
        }
        let place = self.body.tail.get();
        // SAFETY: there are slots, and behind the last item one that is free.
        unsafe { self.body.slot::<T>(place).write(item) };
        self.body.tail.set(place.wrapping_add(1));
        Ok(())
    }

    /// Puts an item in front of all others. It comes back if there is no slot for it.
    pub(crate) fn push_front(&self, item: T) -> Result<(), T> {
        if self.len() == self.slots() {
            return Err(item);
        }
        let place = self.body.head.get().wrapping_sub(1);
        // SAFETY: there are slots, and before the first item one that is free.
        unsafe { self.body.slot::<T>(place).write(item) };
        self.body.head.set(place);
        Ok(())
    }

    /// Takes the first item out, with its place.
    #[inline(always)]
    pub(crate) fn pop_front(&self) -> Option<(T, u64)> {
        if self.len() == 0 {
            return None;
        }
        let place = self.body.head.get();
        self.body.head.set(place.wrapping_add(1));
        // SAFETY: an item lies there, and nobody finds it any more.
        Some((unsafe { self.body.slot::<T>(place).read() }, place))
    }

    /// The place of an item that goes through an empty ring. (Were it not empty, what is in it would be forgotten.)
    #[inline(always)]
    pub(crate) fn pass(&self) -> u64 {
        debug_assert_eq!(self.len(), 0, "an item passed others");
        let place = self.body.head.get();
        self.body.head.set(place.wrapping_add(1));
        self.body.tail.set(place.wrapping_add(1));
        place
    }

    /// The places of all items but so many at the front.
    pub(crate) fn places(&self, without: usize) -> impl Iterator<Item = u64> + use<'_, T> {
        (without..self.len()).map(|before| self.body.head.get().wrapping_add(before as u64))
    }

    /// Moves the first item past the `count` behind it, which get the places before theirs.
    pub(crate) fn sink_front(&self, count: usize) {
        (0..count).for_each(|before| self.swap(before));
    }

    /// Moves the last item past the `count` before it, which get the places behind theirs.
    pub(crate) fn raise_back(&self, count: usize) {
        let last = self.len().saturating_sub(1);
        (0..count).for_each(|behind| self.swap(last.wrapping_sub(behind + 1)));
    }

    /// Swaps an item with the next one, if there are both.
    fn swap(&self, index: usize) {
        if index < self.len().saturating_sub(1) {
            let place = self.body.head.get().wrapping_add(index as u64);
            // SAFETY: an item lies at either place.
            unsafe { ptr::swap(self.body.slot::<T>(place), self.body.slot::<T>(place.wrapping_add(1))) };
        }
    }

    /// Moves all items into slots for that many, or for the lowest power of two in which they find room.
    #[cold]
    #[inline(never)]
    pub(crate) fn resize(&self, slots: usize) {
        let slots = slots.max(self.len()).max(1).checked_next_power_of_two().expect("capacity overflow");
        let new = Body {
            slots: Cell::new(NonNull::from(Box::leak(Box::<[T]>::new_uninit_slice(slots))).cast()),
            mask: Cell::new(slots - 1),
            head: self.body.head.clone(),
            tail: self.body.tail.clone(),
            end: self.body.end,
        };
        for count in 0..self.len() as u64 {
            let place = self.body.head.get().wrapping_add(count);
            // SAFETY: an item lies there, and a slot of its own is there for it in the new ones. The old ones are forgotten below.
            unsafe { self.body.slot::<T>(place).copy_to_nonoverlapping(new.slot::<T>(place), 1) };
        }
        self.body.slots.swap(&new.slots);
        self.body.mask.swap(&new.mask);
        // What was moved is not there any more: only memory is left.
        new.tail.set(new.head.get());
    }
}

impl Body {
    #[inline(always)]
    fn len(&self) -> usize {
        self.tail.get().wrapping_sub(self.head.get()) as usize
    }

    /// The slot for this place.
    ///
    /// # Safety
    ///
    /// There are slots, of that type.
    #[inline(always)]
    unsafe fn slot<T>(&self, place: u64) -> *mut T {
        // SAFETY: a number with no other bits than those of the mask is one of a slot.
        unsafe { self.slots.get().cast::<T>().as_ptr().add(place as usize & self.mask.get()) }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // SAFETY: they come from one ring, so the type is the right one; and nobody uses them afterwards.
        unsafe { (self.end)(self) }
    }
}

/// Drops what is in a ring, then its slots. If a destructor panics, the others run all the same. Items are dropped where they lie: what they
/// borrow from may be gone, as long as no destructor notices.
///
/// # Safety
///
/// The items are of this type, and nobody uses the ring afterwards.
unsafe fn end<T>(body: &Body) {
    /// Gives slots back.
    struct Slots<T>(*mut [MaybeUninit<T>]);

    impl<T> Drop for Slots<T> {
        fn drop(&mut self) {
            // SAFETY: made by `resize`, and nobody uses them afterwards.
            drop(unsafe { Box::from_raw(self.0) });
        }
    }

    /// Drops items one after the other, also after one of them has panicked.
    struct Rest<'a, T>(&'a Body, PhantomData<T>);

    impl<T> Drop for Rest<'_, T> {
        fn drop(&mut self) {
            while self.0.len() > 0 {
                let place = self.0.head.get();
                self.0.head.set(place.wrapping_add(1));
                let rest = Rest::<T>(self.0, PhantomData);
                // SAFETY: an item lies there, and nobody finds it any more.
                unsafe { self.0.slot::<T>(place).drop_in_place() };
                forget(rest);
            }
        }
    }

    let slots = body.mask.get().wrapping_add(1);
    if slots == 0 {
        return;
    }
    let _slots = Slots(ptr::slice_from_raw_parts_mut(body.slots.get().cast::<MaybeUninit<T>>().as_ptr(), slots));
    drop(Rest::<T>(body, PhantomData));
}
