//! The way to the network by a cellular modem that the system dials (ModemManager): powered when it is needed, waited
//! for until there is a route, cut off again when nothing was said for a while.
//!
//! It stands before a carrier of letters and is that carrier to everybody else.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::drivers::serial::Ladder;
use crate::drivers::serial::ladder::Climbs;
use crate::hal::{DeviceError, Downlink, Form, Link, NetworkTime, Parcel, Receipt, Uplink, UplinkError};

/// Between two looks for a route.
const LOOK: Duration = Duration::from_millis(200);

/// What a site says about its modem.
#[derive(Debug, Clone)]
pub struct Options {
    /// The interface whose default route is waited for (`wwan0`, `usb0`); empty: any.
    pub interface: String,
    /// The modem is cut off when nothing was sent for so long, if there is a pin for it. Commands that wait at the
    /// broker come in this time.
    pub off_after: Duration,
    /// The kernel's table of IPv4 routes.
    pub routes: PathBuf,
    /// The kernel's table of IPv6 routes.
    pub routes_v6: PathBuf,
}

impl Options {
    /// For `interface`, with the tables of this computer.
    pub fn new(interface: &str, off_after: Duration) -> Self {
        Options {
            interface: interface.to_owned(),
            off_after,
            routes: "/proc/net/route".into(),
            routes_v6: "/proc/net/ipv6_route".into(),
        }
    }
}

/// A carrier behind a cellular modem.
pub struct Cellular {
    inner: Box<dyn Uplink>,
    options: Options,
    ladder: Ladder,
    begun: Instant,
    /// The modem has power.
    on: bool,
    /// When something was last sent, or the link came up.
    used: Instant,
}

impl Cellular {
    /// Puts `inner` behind a modem. The power pin is the ladder's; a ladder without one leaves the modem on.
    pub fn new(inner: Box<dyn Uplink>, options: Options, ladder: Ladder) -> Self {
        let now = Instant::now();
        Cellular { inner, options, ladder, begun: now, on: false, used: now }
    }

    /// How often the modem's power was cut because there was no route.
    pub fn climbs(&self) -> Climbs {
        self.ladder.climbs()
    }

    fn down(&self, what: String, cure: &str) -> UplinkError {
        UplinkError::Down(DeviceError { device: self.inner.name().to_owned(), what, cure: cure.to_owned() })
    }

    fn wake(&mut self) -> Result<(), UplinkError> {
        if !self.on {
            let woken = self.ladder.wake();
            woken.map_err(|e| {
                self.down(format!("the modem's power pin does not switch: {e}"), "check the wiring")
            })?;
            (self.on, self.used) = (true, Instant::now());
        }
        Ok(())
    }

    /// Whether packets have a way out.
    fn routed(&self) -> bool {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let ours = |name: &str| self.options.interface.is_empty() || name == self.options.interface;
        let v4 = read(&self.options.routes);
        let v6 = read(&self.options.routes_v6);
        v4.lines().filter_map(default_v4).any(ours) || v6.lines().filter_map(default_v6).any(ours)
    }

    /// Powers the modem and waits for its route.
    fn route(&mut self, until: Instant) -> Result<(), UplinkError> {
        self.wake()?;
        while !self.routed() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // No time is left to hold a pin: it is held on the way.
                self.ladder.climb(self.begun.elapsed(), HOLD);
                let interface = match self.options.interface.as_str() {
                    "" => "any interface",
                    name => name,
                };
                let cure = "check the SIM card, reception (mmcli -m any) and the access point name in the system's \
                            connection";
                return Err(self.down(format!("there is no route by {interface}"), cure));
            }
            std::thread::sleep(LOOK.min(left));
        }
        self.ladder.stands();
        Ok(())
    }
}

/// Longest that a pin is held after the deadline.
const HOLD: Duration = Duration::from_secs(5);

/// Flags of a route that is up, and of one that only refuses (route.h of Linux, RTF_UP and RTF_REJECT).
const UP: u32 = 0x1;
const REJECT: u32 = 0x200;

/// The interface of a default route in `/proc/net/route`: name, destination, gateway, flags, …, mask at the eighth
/// place.
fn default_v4(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [name, destination, _gateway, flags, _, _, _, mask, ..] = fields[..] else { return None };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let default = destination == "00000000" && mask == "00000000";
    (default && flags & UP != 0 && flags & REJECT == 0).then_some(name)
}

/// The interface of a default route in `/proc/net/ipv6_route`: destination, its prefix length, …, flags, name.
fn default_v6(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [destination, length, .., flags, name] = fields[..] else { return None };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let default = length == "00" && destination.bytes().all(|digit| digit == b'0');
    (default && flags & UP != 0 && flags & REJECT == 0 && name != "lo").then_some(name)
}

impl Uplink for Cellular {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn form(&self) -> Form {
        self.inner.form()
    }

    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError> {
        let until = Instant::now() + deadline;
        self.route(until)?;
        self.inner.ready(until.saturating_duration_since(Instant::now()))
    }

    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        let until = Instant::now() + deadline;
        self.route(until)?;
        self.used = Instant::now();
        self.inner.send(parcel, until.saturating_duration_since(Instant::now()))
    }

    fn send_all(&mut self, parcels: &[Parcel], deadline: Duration) -> Vec<Result<Receipt, UplinkError>> {
        let until = Instant::now() + deadline;
        if let Err(error) = self.route(until) {
            return vec![Err(error)];
        }
        self.used = Instant::now();
        self.inner.send_all(parcels, until.saturating_duration_since(Instant::now()))
    }

    /// A modem without power is not woken to listen: commands wait at the broker until something is sent.
    fn receive(&mut self, deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        match self.on && self.routed() {
            true => self.inner.receive(deadline),
            false => Ok(Vec::new()),
        }
    }

    fn network_time(&mut self, deadline: Duration) -> Result<Option<NetworkTime>, UplinkError> {
        self.inner.network_time(deadline)
    }

    /// Says goodbye and cuts the power once nothing was sent for a while.
    fn rest(&mut self) {
        if !self.on || !self.ladder.cuts_power() || self.used.elapsed() < self.options.off_after {
            return;
        }
        self.inner.rest();
        match self.ladder.sleep() {
            Ok(()) => self.on = false,
            Err(error) => log::warn!("{}: the modem's power is not cut: {error}", self.inner.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_told_from_others() {
        // Lines as a kernel writes them (proc(5)).
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
        assert_eq!(default_v4(head), None);
        let line = "wwan0\t00000000\t0100000A\t0003\t0\t0\t700\t00000000\t0\t0\t0";
        assert_eq!(default_v4(line), Some("wwan0"));
        assert_eq!(default_v4("eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"), None);
        let zeros = "00000000000000000000000000000000";
        let route =
            |flags, name| format!("{zeros} 00 {zeros} 00 {zeros} 00000400 00000001 00000000 {flags} {name}");
        assert_eq!(default_v6(&route("00000003", "   wwan0")), Some("wwan0"));
        // Every kernel has one that refuses, on lo.
        assert_eq!(default_v6(&route("00200200", "      lo")), None);
        assert_eq!(default_v6(&route("00200201", "   wwan0")), None);
    }
}
