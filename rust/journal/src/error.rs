//! Why the journal cannot do what was asked: the file, what happened there and what to do.

use std::error::Error;
use std::fmt;
use std::io;

/// Every way the journal says no. What was synced before stays safe in all of them.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalError {
    /// The operating system refused a step.
    Io {
        /// The file it happened to.
        path: String,
        /// What was being done.
        step: &'static str,
        /// The operating system's own words.
        source: io::Error,
    },
    /// No room; nothing of the refused record was kept and the journal stays usable.
    Full {
        /// The folder or file without room.
        path: String,
        /// Which limit was reached, and by how much.
        reason: String,
    },
    /// Bytes that were once synced are not what was written.
    Corrupt {
        /// The damaged file.
        path: String,
        /// Where in it the first bad byte may be.
        offset: u64,
        /// What does not fit.
        reason: String,
    },
    /// Another process has this folder open.
    Locked {
        /// The folder.
        path: String,
        /// Who holds it, as far as the lock file tells.
        holder: String,
    },
    /// A write or sync failed earlier, so what the disk holds is unknown until it is read again.
    Poisoned {
        /// The file whose write or sync failed.
        path: String,
        /// The first failure.
        reason: String,
    },
    /// A call or a setting this journal cannot follow: our bug or the operator's.
    Refused {
        /// The file or folder concerned.
        path: String,
        /// What was asked and why it cannot be.
        reason: String,
    },
}

impl JournalError {
    /// The file or folder it happened to.
    pub fn path(&self) -> &str {
        match self {
            Self::Io { path, .. }
            | Self::Full { path, .. }
            | Self::Corrupt { path, .. }
            | Self::Locked { path, .. }
            | Self::Poisoned { path, .. }
            | Self::Refused { path, .. } => path,
        }
    }

    /// What happened and what to do, without the path.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { step, source, .. } => format!("{step} failed: {source}"),
            Self::Full { reason, .. } => {
                format!("full: {reason}; it goes on by itself once there is room")
            }
            Self::Corrupt { offset, reason, .. } => format!(
                "corrupt at byte {offset}: {reason}; keep a copy of the folder, \
                 then start once with --salvage to go past it"
            ),
            Self::Locked { holder, .. } => {
                format!("already open in another process ({holder}); stop that one first")
            }
            Self::Poisoned { reason, .. } => format!(
                "stopped after {reason}; restart to recover from what the disk really holds"
            ),
            Self::Refused { reason, .. } => reason.clone(),
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "journal {}: {}", self.path(), self.reason())
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Io { source, .. } = self {
            return Some(source);
        }
        None
    }
}
