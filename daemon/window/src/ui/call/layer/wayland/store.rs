//! Pictures in memory that the compositor sees (wl_shm).
//!
//! Owns: that memory, and which of it the compositor reads. Does not own: what is attached where. Invariant: what
//! the compositor reads is not written; there are two pictures at most, of one size.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use wayland_client::{
    QueueHandle,
    protocol::{
        wl_buffer::WlBuffer,
        wl_shm::{Format, WlShm},
    },
};

use super::screen::Screen;

/// One that is shown, and one that is written meanwhile.
const PICTURES: i32 = 2;

/// Told by the compositor: whether it reads a picture.
pub(super) type Busy = Arc<AtomicBool>;

/// Pictures of one size.
pub(super) struct Store {
    file: OwnedFd,
    size: (i32, i32),
    pictures: Vec<(WlBuffer, Busy)>,
}

impl Store {
    /// Room for pictures of a size, 4 bytes a pixel.
    pub(super) fn new(
        shm: &WlShm,
        queue: &QueueHandle<Screen>,
        size: (i32, i32),
        format: Format,
    ) -> io::Result<Self> {
        let large = || io::Error::from(io::ErrorKind::InvalidInput);
        let row = size.0.checked_mul(4).ok_or_else(large)?;
        let each = row.checked_mul(size.1).ok_or_else(large)?;
        let all = each.checked_mul(PICTURES).ok_or_else(large)?;
        let file = memfd_create("ahoy-picture", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, u64::try_from(all).map_err(|_| large())?)?;
        let pool = shm.create_pool(file.as_fd(), all, queue, ());
        let picture = |number| {
            let busy = Busy::default();
            let from = each * number;
            (pool.create_buffer(from, size.0, size.1, row, format, queue, busy.clone()), busy)
        };
        let pictures = (0..PICTURES).map(picture).collect();
        // The pictures keep what they need of it.
        pool.destroy();
        Ok(Self { file, size, pictures })
    }

    pub(super) fn is_of(&self, size: (i32, i32)) -> bool {
        self.size == size
    }

    /// Writes a picture; `None`: the compositor has not done with those before, or it is of another size.
    pub(super) fn write(&self, pixels: &[u8]) -> io::Result<Option<&WlBuffer>> {
        let is_free = |(_, (_, busy)): &(usize, &(WlBuffer, Busy))| !busy.load(Ordering::Acquire);
        let free = self.pictures.iter().enumerate().find(is_free);
        let fits = self.size.0 as usize * self.size.1 as usize * 4 == pixels.len();
        let Some((number, (buffer, busy))) = free.filter(|_| fits) else { return Ok(None) };
        let (mut at, mut rest) = (number as u64 * pixels.len() as u64, pixels);
        while !rest.is_empty() {
            let written = rustix::io::pwrite(&self.file, rest, at)?;
            rest = rest.get(written..).unwrap_or_default();
            at += written as u64;
        }
        busy.store(true, Ordering::Release);
        Ok(Some(buffer))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for (buffer, _) in &self.pictures {
            buffer.destroy();
        }
    }
}
