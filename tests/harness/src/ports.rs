//! Free ports for the servers.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::{Error, Result};

/// Below the kernel's ephemeral range (from 32768), so that no client connection takes one between choice and use.
const FIRST: u16 = 20_000;
const SPAN: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// As many ports as asked for, none of them in use now. Processes start looking at different places.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    let process = u16::try_from(std::process::id() % u32::from(SPAN)).unwrap_or(0);
    let mut found = [0; N];
    let mut filled = found.iter_mut();
    let mut held = Vec::new();
    for _ in 0..SPAN {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % SPAN;
        let offset = (u32::from(process) * 37 + u32::from(step)) % u32::from(SPAN);
        let port = FIRST + u16::try_from(offset).unwrap_or(0);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
            match filled.next() {
                Some(slot) => *slot = port,
                None => return Ok(found),
            }
        }
    }
    Err(Error::new("no free ports on 127.0.0.1"))
}
