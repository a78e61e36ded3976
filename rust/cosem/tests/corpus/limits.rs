//! What decoding hostile bytes may cost: named limits, and the meter that holds work to them.

use std::time::Duration;

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Memory that any input may take.
pub(crate) const MEMORY_BYTES_BASE: usize = 256 << 10;
/// Memory for each byte of input: a byte of a compact array may stand for 32 values, and a list of
/// values takes up to thrice their size while it grows.
pub(crate) const MEMORY_BYTES_PER_BYTE: usize = 4 << 10;
/// Processor time that any input may take, in a build that is instrumented throughout.
const TIME_BASE: Duration = Duration::from_millis(200);
/// Processor time for each byte of input.
const TIME_PER_BYTE: Duration = Duration::from_micros(40);

/// Does `work` on `input_bytes` bytes, which must stay within the limits. Memory is counted for the
/// whole process: nothing else may be at work in it.
pub(crate) fn bounded<T>(input_bytes: usize, work: impl FnOnce() -> T) -> T {
    ALLOCATED.reset_peak_usage();
    let (before, began) = (ALLOCATED.current_usage(), processor_time());
    let made = work();
    let took = processor_time().saturating_sub(began);
    let peak = ALLOCATED.peak_usage().saturating_sub(before);
    let memory_max = MEMORY_BYTES_PER_BYTE
        .saturating_mul(input_bytes)
        .saturating_add(MEMORY_BYTES_BASE);
    assert!(
        peak <= memory_max,
        "{input_bytes} bytes took {peak} bytes of memory, more than {memory_max}"
    );
    let factor = u32::try_from(input_bytes).unwrap_or(u32::MAX);
    let time_max = TIME_PER_BYTE
        .saturating_mul(factor)
        .saturating_add(TIME_BASE);
    assert!(
        took <= time_max,
        "{input_bytes} bytes took {took:?}, more than {time_max:?}"
    );
    made
}

/// What this thread has used: other processes on the machine do not count.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), nanoseconds)
}
