//! Descriptors that are closed by somebody who does not own them.

#![expect(unsafe_code, reason = "safe code cannot close what it does not own")]

use std::{
    fs::File,
    os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd},
};

/// Closes somebody else's descriptor, as a fault in a C library does, and gives its number to a file of no interest, so that its owner closes something
/// in the end. Whoever calls it has a process of one thread.
pub fn close_behind_the_back(fd: &impl AsRawFd) {
    let number = fd.as_raw_fd();
    // SAFETY: the number is that of a descriptor, which is closed here once. That this is not the closer's is the fault that a test is about:
    // its owner goes on with a number that is another file's, as no other thread opens any in between.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    let mut below = Vec::new();
    loop {
        let file = File::open("/dev/null").expect("every system has it");
        if file.as_raw_fd() == number {
            // Its owner closes it.
            let _ = file.into_raw_fd();
            return;
        }
        assert!(
            file.as_raw_fd() < number,
            "another thread has taken it: close_behind_the_back needs a process of its own"
        );
        below.push(file);
    }
}
