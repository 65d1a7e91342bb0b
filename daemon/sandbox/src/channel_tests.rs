//! Claims about the socket between parent and worker.

use std::{
    fs::File,
    io::{ErrorKind, Read, Seek, Write},
    os::fd::{AsFd, OwnedFd},
    thread,
};

use ahoy_core::worker::MAX_MESSAGE;
use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::{FdFlags, fcntl_getfd},
};

use super::{Channel, MAX_FDS};

fn two() -> (Channel, Channel) {
    let (ours, theirs) = Channel::pair().unwrap();
    (ours, Channel(theirs))
}

fn memory_file(text: &str) -> OwnedFd {
    let fd = memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(fd);
    file.write_all(text.as_bytes()).unwrap();
    file.into()
}

#[test]
fn messages_keep_their_bounds_and_order() {
    let (a, b) = two();
    a.send(b"one", &[]).unwrap();
    a.send(b"three", &[]).unwrap();
    let mut buf = [0; 16];
    assert_eq!(b.recv(&mut buf).unwrap().len, 3);
    assert_eq!(&buf[..3], b"one");
    assert_eq!(b.recv(&mut buf).unwrap().len, 5);
    assert_eq!(&buf[..5], b"three");
}

#[test]
fn the_largest_message_passes_and_one_byte_more_is_refused() {
    let (a, b) = two();
    let largest = vec![7; MAX_MESSAGE];
    a.send(&largest, &[]).unwrap();
    let mut buf = vec![0; MAX_MESSAGE];
    assert_eq!(b.recv(&mut buf).unwrap().len, MAX_MESSAGE);
    assert_eq!(buf, largest);
    let error = a.send(&vec![7; MAX_MESSAGE + 1], &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn descriptors_arrive_with_their_message_and_close_on_exec() {
    let (a, b) = two();
    let files = [memory_file("sea"), memory_file("shore")];
    a.send(b"files", &[files[0].as_fd(), files[1].as_fd()]).unwrap();
    a.send(b"none", &[]).unwrap();
    let mut buf = [0; 16];
    let first = b.recv(&mut buf).unwrap();
    assert_eq!(first.fds.len(), 2);
    assert!(first.fds.iter().all(|fd| fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC)));
    let mut texts = first.fds.into_iter().map(|fd| {
        let (mut file, mut text) = (File::from(fd), String::new());
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    });
    assert_eq!(texts.next().as_deref(), Some("sea"));
    assert_eq!(texts.next().as_deref(), Some("shore"));
    assert!(b.recv(&mut buf).unwrap().fds.is_empty());
}

#[test]
fn a_message_longer_than_the_buffer_is_an_error_and_the_next_one_is_read() {
    let (a, b) = two();
    a.send(b"too long for it", &[]).unwrap();
    a.send(b"fits", &[]).unwrap();
    let mut buf = [0; 4];
    assert_eq!(b.recv(&mut buf).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(b.recv(&mut buf).unwrap().len, 4);
}

#[test]
fn more_descriptors_than_allowed_are_refused_and_closed_at_both_ends() {
    let (a, b) = two();
    let (reader, writer) = std::io::pipe().unwrap();
    let many = [writer.as_fd(); MAX_FDS + 1];
    assert_eq!(a.send(b"x", &many).unwrap_err().kind(), ErrorKind::InvalidInput);

    // A peer without our check: the kernel cuts what does not fit our buffer.
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS + 1))];
    let mut ancillary = rustix::net::SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(rustix::net::SendAncillaryMessage::ScmRights(&many)));
    let bytes = [std::io::IoSlice::new(b"x")];
    rustix::net::sendmsg(&a, &bytes, &mut ancillary, rustix::net::SendFlags::empty()).unwrap();
    assert_eq!(b.recv(&mut [0; 4]).unwrap_err().kind(), ErrorKind::InvalidData);

    // All copies are closed, or this read would wait for ever.
    drop(writer);
    let mut reader = reader;
    assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_peer_that_is_gone_reads_as_length_zero_and_writes_as_broken_pipe() {
    let (a, b) = two();
    drop(b);
    assert_eq!(a.recv(&mut [0; 4]).unwrap().len, 0);
    assert_eq!(a.send(b"x", &[]).unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn an_empty_message_cannot_be_sent_since_it_would_read_as_gone() {
    let (a, _b) = two();
    assert_eq!(a.send(b"", &[]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn trying_never_waits() {
    let (a, b) = two();
    assert_eq!(b.try_recv(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let full = loop {
        if let Err(error) = a.try_send(&[0; 4096], &[]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
}

#[test]
fn one_thread_receives_while_another_sends() {
    let (a, b) = two();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut buf = [0; 8];
            for _ in 0..1000 {
                let len = b.recv(&mut buf).unwrap().len;
                b.send(&buf[..len], &[]).unwrap();
            }
        });
        scope.spawn(|| {
            for n in 0..1000_u32 {
                a.send(&n.to_le_bytes(), &[]).unwrap();
            }
        });
        let mut buf = [0; 8];
        for n in 0..1000_u32 {
            assert_eq!(a.recv(&mut buf).unwrap().len, 4);
            assert_eq!(buf[..4], n.to_le_bytes());
        }
    });
}
