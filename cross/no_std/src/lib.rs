//! A program without the standard library, for the machine it is built on, that reads and writes frames and commands.
//!
//! As a static library it is linked whole. If anything below it brought the standard library along there would be two
//! panic handlers, and if anything asked for memory there would have to be an allocator: either ends the build.
#![no_std]
#![forbid(unsafe_code)]

use trapline::airtime::{Region, time_on_air};
use trapline::event::command::Order;
use trapline::event::wire::{Anchors, PORT_UPLINK, decode, pack, split_digest};
use trapline::event::{Codebook, Message};

#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Reads a frame, puts its times right, names its species, and sends on what it says in another frame.
pub fn ground_station(frame: &[u8], names: &[&str], sealed: &[u8], key: &[u8]) -> Option<u64> {
    let book = Codebook::new(names).ok()?;
    let mut anchors = Anchors::<8>::new();
    let mut letters = usize::from(PORT_UPLINK);
    for message in decode(frame).ok()?.flatten() {
        match &message {
            Message::Anchor(anchor) => anchors.add(*anchor).ok()?,
            Message::Sighting(seen) => {
                letters += book.name(seen.code).map_or(0, str::len);
                letters += usize::from(anchors.resolve(seen.key, seen.at) == seen.at);
            }
            Message::Digest(day) => letters += split_digest(day, &day.lines, 51).ok()?.count(),
            _ => {}
        }
        letters += pack(&[message], 51).ok()?.frame.len();
    }
    let order = Order::open(sealed, "ridge-3", key).ok()?;
    letters += order.seal("ridge-3", key).ok()?.len();
    time_on_air(Region::Eu868, 0, letters)
}
