//! Small named byte strings beside the segments, each replaced in one step or not at all.

use std::io;
use std::sync::Arc;

use crc32c::crc32c;

use crate::error::JournalError;
use crate::files::{Files, is_full, read_full, write_all};

/// Writes `bytes` under `name`; after a crash at any moment the old or the new ones are there.
pub(crate) fn write(files: &Arc<dyn Files>, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
    let file = file_of(files, name)?;
    let temporary = format!("{file}{TEMPORARY}");
    let mut whole = Vec::with_capacity(bytes.len().saturating_add(HEADER_BYTES));
    whole.extend_from_slice(MAGIC);
    whole.extend_from_slice(&crc32c(bytes).to_le_bytes());
    whole.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    whole.extend_from_slice(bytes);
    replace(files, &temporary, &file, &whole).map_err(|source| {
        let path = files.path(&file);
        if is_full(&source) {
            let reason = format!("no room for a checkpoint of {} bytes", whole.len());
            return JournalError::Full { path, reason };
        }
        let step = "writing a checkpoint";
        JournalError::Io { path, step, source }
    })
}

/// What was last written under `name`.
pub(crate) fn read(files: &Arc<dyn Files>, name: &str) -> Result<Option<Vec<u8>>, JournalError> {
    let file = file_of(files, name)?;
    let whole = match read_whole(files, &file) {
        Ok(whole) => whole,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let (path, step) = (files.path(&file), "reading a checkpoint");
            return Err(JournalError::Io { path, step, source });
        }
    };
    parse(&whole)
        .map(Some)
        .ok_or_else(|| JournalError::Corrupt {
            path: files.path(&file),
            offset: 0,
            reason: "this is not the checkpoint that was written".to_owned(),
        })
}

fn parse(whole: &[u8]) -> Option<Vec<u8>> {
    let (magic, rest) = whole.split_first_chunk::<8>()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let (length, bytes) = rest.split_first_chunk()?;
    let sound = magic == MAGIC
        && u64::from_le_bytes(*length) == bytes.len() as u64
        && u32::from_le_bytes(*crc) == crc32c(bytes);
    sound.then(|| bytes.to_vec())
}

fn replace(files: &Arc<dyn Files>, temporary: &str, file: &str, whole: &[u8]) -> io::Result<()> {
    let open = files.create(temporary)?;
    write_all(open.as_ref(), whole, 0)?;
    open.sync()?;
    files.rename(temporary, file)?;
    files.sync_names()
}

fn read_whole(files: &Arc<dyn Files>, file: &str) -> io::Result<Vec<u8>> {
    let open = files.open(file)?;
    let mut whole = vec![0; usize::try_from(open.bytes()?).unwrap_or(usize::MAX)];
    let filled = read_full(open.as_ref(), &mut whole, 0)?;
    whole.truncate(filled);
    Ok(whole)
}

fn file_of(files: &Arc<dyn Files>, name: &str) -> Result<String, JournalError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(JournalError::Refused {
            path: files.path(""),
            reason: format!("{name:?} cannot name a checkpoint: use a-z and _ only"),
        });
    }
    Ok(format!("checkpoint-{name}"))
}

/// What a name ends in while its file is being written; swept when the journal opens.
pub(crate) const TEMPORARY: &str = ".new";
const MAGIC: &[u8; 8] = b"MIJCHK\x01\n";
const HEADER_BYTES: usize = 20;
const NAME_BYTES_MAX: usize = 40;
