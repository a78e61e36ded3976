//! A folder whose syncs wait to be let go.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use journal::simulated::SimulatedDisk;
use journal::{DataFile, Files, Journal};

use super::settings;

#[test]
fn appending_goes_on_while_a_sync_is_under_way() {
    let (entered, on_entry) = channel();
    let (leave, on_leave) = channel();
    let gate = Gate {
        inner: SimulatedDisk::default().files(),
        door: Arc::new(Door {
            entered: Mutex::new(None),
            leave: Mutex::new(on_leave),
        }),
    };
    let door = gate.door.clone();
    let (journal, _) = Journal::open(Arc::new(gate), settings()).unwrap();
    *door.entered.lock().unwrap() = Some(entered);
    journal.append(10, 1, b"one").unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| journal.sync().unwrap());
        on_entry.recv().unwrap();
        assert_eq!(journal.append(10, 1, b"two").unwrap(), 120);
        assert_eq!((journal.appended(), journal.durable()), (120, 100));
        *door.entered.lock().unwrap() = None;
        leave.send(()).unwrap();
        assert_eq!(sync.join().unwrap(), 110);
    });
    assert_eq!(journal.sync().unwrap(), 120);
}

/// A folder whose syncs wait to be let go.
struct Gate {
    inner: Arc<dyn Files>,
    door: Arc<Door>,
}

struct Door {
    entered: Mutex<Option<Sender<()>>>,
    leave: Mutex<Receiver<()>>,
}

struct GatedFile {
    inner: Arc<dyn DataFile>,
    door: Arc<Door>,
}

impl Gate {
    fn gated(&self, inner: Arc<dyn DataFile>) -> Arc<dyn DataFile> {
        let door = self.door.clone();
        Arc::new(GatedFile { inner, door })
    }
}

impl Files for Gate {
    fn path(&self, name: &str) -> String {
        self.inner.path(name)
    }
    fn lock(&self) -> io::Result<Result<(), String>> {
        self.inner.lock()
    }
    fn names(&self) -> io::Result<Vec<String>> {
        self.inner.names()
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DataFile>> {
        Ok(self.gated(self.inner.create(name)?))
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn DataFile>> {
        Ok(self.gated(self.inner.open(name)?))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }
    fn sync_names(&self) -> io::Result<()> {
        self.inner.sync_names()
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.inner.free_bytes()
    }
}

impl DataFile for GatedFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(out, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset)
    }
    fn bytes(&self) -> io::Result<u64> {
        self.inner.bytes()
    }
    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.inner.truncate(bytes)
    }
    fn reserve(&self, bytes: u64) -> io::Result<()> {
        self.inner.reserve(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        let entered = self.door.entered.lock().unwrap().clone();
        if let Some(entered) = entered {
            entered.send(()).unwrap();
            self.door.leave.lock().unwrap().recv().unwrap();
        }
        self.inner.sync()
    }
}
