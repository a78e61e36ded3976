//! What a journal is told when it opens.

/// Limits and identity; nothing here is read from the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who writes; a folder of another node is refused.
    pub node: u32,
    /// The first row's position when the folder is new.
    pub first_position: u64,
    /// A new segment begins once the last has reached this size.
    pub segment_bytes: u64,
    /// Appending is refused while more than this waits for a sync.
    pub pending_bytes_max: usize,
    /// Appending is refused while the disk has less than this free.
    pub free_bytes_min: u64,
    /// A number nobody outside can know; every checksum of a new journal starts from it.
    pub seed: u32,
    /// Go past damage and report it, instead of refusing to open.
    pub salvage: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: 0,
            first_position: 0,
            segment_bytes: 64 << 20,
            pending_bytes_max: 256 << 20,
            free_bytes_min: 256 << 20,
            seed: 0,
            salvage: false,
        }
    }
}
