//! All gauges of a trap as one, for everybody who asks: each is read at most once in some seconds.
//!
//! A battery that cannot be read is unknown: neither full nor empty. It is tried anew at every reading, counted, and
//! why is told.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::strain::StrainGauge;
use super::sysfs_gauges::SysfsGauges;
use crate::hal::{Battery, Charge, Clock, DeviceError, Gauges, LightSensor, Strain};

/// Between two looks at the supply's flags: the firmware keeps what was between them.
const STRAIN_EVERY: Duration = Duration::from_secs(60);

/// Opens a gauge; called again after every failure.
pub type Opener<T> = Box<dyn FnMut() -> Result<Box<T>, DeviceError> + Send>;

/// The last reading of a gauge, and how to get the next.
struct Slot<T: ?Sized, V> {
    open: Opener<T>,
    gauge: Option<Box<T>>,
    looked: Option<Duration>,
    value: Option<V>,
    fault: Option<String>,
}

impl<T: ?Sized, V: Copy> Slot<T, V> {
    fn new(open: Opener<T>) -> Mutex<Self> {
        Mutex::new(Slot { open, gauge: None, looked: None, value: None, fault: None })
    }

    /// Reads anew where the last reading is older than `every`. One failure may be noise on the wires: the device is
    /// opened again and read a second time.
    fn read(
        &mut self,
        now: Duration,
        every: Duration,
        failures: &AtomicU64,
        ask: impl Fn(&mut T) -> Result<V, DeviceError>,
    ) -> Option<V> {
        if self.looked.is_some_and(|looked| now.saturating_sub(looked) < every) {
            return self.value;
        }
        self.looked = Some(now);
        let mut once = || -> Result<V, DeviceError> {
            let gauge = match &mut self.gauge {
                Some(gauge) => gauge,
                None => self.gauge.insert((self.open)()?),
            };
            let read = ask(gauge);
            if read.is_err() {
                self.gauge = None;
            }
            read
        };
        match once().or_else(|_| once()) {
            Ok(value) => {
                if self.fault.take().is_some() {
                    log::info!("the gauge answers again");
                }
                self.value = Some(value);
            }
            Err(fault) => {
                failures.fetch_add(1, Ordering::Relaxed);
                if self.fault.is_none() {
                    log::warn!("{fault}");
                }
                (self.value, self.fault) = (None, Some(fault.to_string()));
            }
        }
        self.value
    }
}

/// The gauges of a trap.
pub struct Housing {
    clock: Arc<dyn Clock>,
    every: Duration,
    battery: Option<Mutex<Slot<dyn Battery, Charge>>>,
    light: Option<Mutex<Slot<dyn LightSensor, f32>>>,
    strain: Mutex<(StrainGauge, Option<Duration>, Option<Strain>)>,
    thermal: SysfsGauges,
    failures: AtomicU64,
}

impl Housing {
    /// Gauges that are read at most once in `every`, by `clock`; `battery` and `light`: `None` where there is none. The
    /// kernel's temperature is read below `root`, on a real system `/sys`.
    pub fn new(
        clock: Arc<dyn Clock>,
        every: Duration,
        battery: Option<Opener<dyn Battery>>,
        light: Option<Opener<dyn LightSensor>>,
        strain: StrainGauge,
        root: &Path,
    ) -> Housing {
        Housing {
            clock,
            every,
            battery: battery.map(Slot::new),
            light: light.map(Slot::new),
            strain: Mutex::new((strain, None, None)),
            thermal: SysfsGauges::new(root),
            failures: AtomicU64::new(0),
        }
    }
}

/// A gauge whose reader died is read anew.
fn held<T: ?Sized>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gauges for Housing {
    fn battery(&self) -> Option<u16> {
        self.charge()?.millivolts
    }

    fn temperature(&self) -> Option<i8> {
        self.thermal.temperature()
    }

    fn charge(&self) -> Option<Charge> {
        let now = self.clock.monotonic();
        let mut slot = held(self.battery.as_ref()?);
        let read = slot.read(now, self.every, &self.failures, |battery| battery.read());
        Some(read.unwrap_or_default())
    }

    fn strain(&self) -> Option<Strain> {
        let now = self.clock.monotonic();
        let (gauge, looked, told) = &mut *held(&self.strain);
        if looked.is_none_or(|looked| now.saturating_sub(looked) >= STRAIN_EVERY) {
            (*looked, *told) = (Some(now), gauge.read());
        }
        *told
    }

    fn light(&self) -> Option<f32> {
        let now = self.clock.monotonic();
        held(self.light.as_ref()?).read(now, self.every, &self.failures, |sensor| sensor.lux())
    }

    fn fault(&self) -> Option<String> {
        self.charge()?;
        held(self.battery.as_ref()?).fault.clone()
    }

    fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::trigger::HandClock;
    use std::sync::atomic::AtomicU32;

    struct Scripted(Arc<Mutex<Vec<Result<u16, ()>>>>);

    fn fault(what: &str) -> DeviceError {
        DeviceError { device: "gauge".to_owned(), what: what.to_owned(), cure: "mend it".to_owned() }
    }

    impl Battery for Scripted {
        fn read(&mut self) -> Result<Charge, DeviceError> {
            let mv = self.0.lock().unwrap().pop().unwrap_or(Err(())).map_err(|()| fault("no answer"))?;
            Ok(Charge { millivolts: Some(mv), ..Charge::default() })
        }
    }

    #[test]
    fn a_gauge_is_read_once_in_some_seconds_tried_twice_and_a_dead_one_is_unknown() {
        // Read from the end.
        let script = Arc::new(Mutex::new(vec![Ok(3700), Err(()), Err(()), Ok(3800), Err(()), Ok(3900)]));
        let clock = HandClock::at("2026-05-01T00:00:00Z");
        let opened = Arc::new(AtomicU32::new(0));
        let (played, count) = (Arc::clone(&script), Arc::clone(&opened));
        let open: Opener<dyn Battery> = Box::new(move || {
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(fault("the bus does not open"));
            }
            Ok(Box::new(Scripted(Arc::clone(&played))))
        });
        let root = tempfile::tempdir().unwrap();
        let strain = StrainGauge::new(root.path(), None);
        let ten = Duration::from_secs(10);
        let gauges = Housing::new(clock.clone(), ten, Some(open), None, strain, root.path());
        let seen = |after| {
            clock.pass(Duration::from_secs(after));
            (gauges.battery(), gauges.fault().is_some(), gauges.failures())
        };
        // It opens at the second attempt; within ten seconds it is not asked again.
        assert_eq!(seen(0), (Some(3900), false, 0));
        assert_eq!((seen(9), script.lock().unwrap().len()), ((Some(3900), false, 0), 5));
        // One failure is noise; two are a dead gauge, which is neither full nor empty.
        assert_eq!(seen(1), (Some(3800), false, 0));
        assert_eq!(seen(10), (None, true, 1));
        assert_eq!(gauges.charge(), Some(Charge::default()), "there is a gauge, and it does not know");
        assert_eq!(seen(10), (Some(3700), false, 1));
        assert_eq!(seen(10), (None, true, 2));
        assert_eq!(opened.load(Ordering::SeqCst), 6);
        assert_eq!((gauges.light(), gauges.temperature(), gauges.strain()), (None, None, None));
    }
}
