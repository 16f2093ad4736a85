//! What the system tells of a source.

/// What has become of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// The source's.
    pub(super) key: usize,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) read_closed: bool,
    pub(super) write_closed: bool,
    pub(super) urgent: bool,
    /// No other change of this source is told before it is armed again.
    pub(super) is_one_shot: bool,
}
