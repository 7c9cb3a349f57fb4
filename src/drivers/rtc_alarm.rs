//! The kernel's real-time clock as an alarm clock: it wakes a computer that is off (Raspberry Pi 5) or asleep (Jetson).
//!
//! The files are those of Documentation/ABI/testing/sysfs-class-rtc: `since_epoch`, the clock's own seconds, and
//! `wakealarm`, the second at which it wakes, empty where none is set. All times here are by that clock alone, so that
//! a system clock which nobody set does not move the alarm.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::hal::{DeviceError, Handed, PowerControl};
use crate::units::SET_AFTER;

/// A clock that runs shows it within this.
const TICK: Duration = Duration::from_millis(1200);

/// The alarm registers of the clocks in use (PCF85063, DS3231, RV3028, the Pi 5's own) hold a date: day of the month,
/// hour, minute, second. Beyond four weeks the date comes twice.
const LONGEST: Duration = Duration::from_secs(27 * 24 * 3600);

/// How the machine spends the time until the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    /// Off: the system shuts down, the alarm starts it.
    #[default]
    Off,
    /// Suspended to memory; the daemon goes on where it was.
    Suspend,
}

/// Asks systemd to suspend, which the package's polkit rule allows; it answers before the machine sleeps.
const SUSPEND: [&str; 2] = ["systemctl", "suspend"];

/// From being asked until it sleeps: services that have to be told first may take some seconds.
const FALLS_ASLEEP: Duration = Duration::from_secs(60);

/// Time that the machine has slept since its start.
type Slept = Box<dyn Fn() -> Duration + Send>;

/// The alarm of one of the kernel's clocks.
pub struct RtcAlarm {
    name: String,
    folder: PathBuf,
    /// The kernel's words for what it can sleep by.
    state: PathBuf,
    rest: Rest,
    suspend: Vec<String>,
    falls_asleep: Duration,
    slept: Slept,
}

impl RtcAlarm {
    /// The clock `name` (`rtc0`) below `sys`, on a real system `/sys`. A clock that is not there is told by
    /// [`PowerControl::greet`] and by every attempt to set it: a trap without its clock stays awake and goes on watching.
    pub fn new(sys: &Path, name: &str, rest: Rest) -> RtcAlarm {
        let folder = sys.join("class/rtc").join(name);
        RtcAlarm {
            name: name.to_owned(),
            folder,
            state: sys.join("power/state"),
            rest,
            suspend: SUSPEND.map(str::to_owned).to_vec(),
            falls_asleep: FALLS_ASLEEP,
            slept: Box::new(slept),
        }
    }

    /// Has systemd suspend the machine, and waits until it has slept: the process goes on in the middle of this.
    fn sleep(&self) -> Result<(), DeviceError> {
        let cure =
            "look at the log of systemd-logind and at the package's polkit rules, or set power.rest to off";
        let words = self.suspend.join(" ");
        let failed = |what: String| self.error(format!("the system does not suspend: {what}"), cure);
        let before = (self.slept)();
        let [program, arguments @ ..] = self.suspend.as_slice() else {
            return Err(failed("nothing to run".to_owned()));
        };
        // What it has to say of a refusal goes into the log.
        let asked = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
        match asked {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(failed(format!("{words} ended with {status}"))),
            Err(error) => return Err(failed(format!("{words}: {error}"))),
        }
        let begun = Instant::now();
        while begun.elapsed() < self.falls_asleep {
            // Both clocks are read one after the other: less than this is no sleep.
            if (self.slept)().saturating_sub(before) > Duration::from_millis(500) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(failed(format!(
            "it was asked ({words}), and did not sleep within {} s",
            self.falls_asleep.as_secs()
        )))
    }

    fn file(&self) -> String {
        self.folder.join("wakealarm").display().to_string()
    }

    fn error(&self, what: impl Into<String>, cure: &str) -> DeviceError {
        DeviceError { device: self.name.clone(), what: what.into(), cure: cure.to_owned() }
    }

    /// A file's number; `None`: it is empty.
    fn number(&self, file: &str) -> Result<Option<i64>, DeviceError> {
        let path = self.folder.join(file);
        let cure = "check its wiring and battery (trapline doctor)";
        let text = fs::read_to_string(&path)
            .map_err(|error| self.error(format!("{}: {error}", path.display()), cure))?;
        match text.trim() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| self.error(format!("{} says \"{text}\"", path.display()), cure)),
        }
    }

    fn now(&self) -> Result<i64, DeviceError> {
        self.number("since_epoch")?
            .ok_or_else(|| self.error("it tells no time", "set it (hwclock --systohc)"))
    }

    /// Writes to the alarm. The file is never made: below /sys it is there or it is not.
    fn write(&self, text: &str) -> Result<(), DeviceError> {
        let written = OpenOptions::new().write(true).truncate(true).open(self.folder.join("wakealarm"));
        written.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            let cure = "give the group trapline the right to write it; the package's udev rules do";
            self.error(format!("{}: {error}", self.file()), cure)
        })
    }

    /// Whether the clock moves on.
    fn ticks(&self) -> Result<bool, DeviceError> {
        let (first, begun) = (self.now()?, Instant::now());
        while begun.elapsed() < TICK {
            if self.now()? > first {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }
}

impl PowerControl for RtcAlarm {
    fn name(&self) -> &str {
        &self.name
    }

    fn greet(&mut self) -> Result<(), DeviceError> {
        if self.rest == Rest::Suspend {
            let words = fs::read_to_string(&self.state).unwrap_or_default();
            if !words.split_whitespace().any(|word| word == "mem") {
                let what = format!(
                    "this system cannot suspend to memory: {} says \"{}\"",
                    self.state.display(),
                    words.trim()
                );
                return Err(self.error(what, "set power.rest to off; until then the trap stays awake"));
            }
        }
        if self.folder.join("wakealarm").exists() {
            return Ok(());
        }
        let cure = "choose a clock that has an alarm (ls /sys/class/rtc/*/wakealarm) as power.rtc, or enable its \
                    interrupt in the device tree (wakeup-source); until then the trap stays awake";
        Err(self.error(format!("it has no alarm: {} is not there", self.file()), cure))
    }

    fn longest(&self) -> Duration {
        LONGEST
    }

    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError> {
        if after.is_zero() || after > LONGEST {
            let what = format!("an alarm in {} s cannot be set", after.as_secs());
            return Err(self.error(what, "let the machine sleep for 1 s to 27 days"));
        }
        self.greet()?;
        if !self.ticks()? {
            return Err(self.error("the clock stands still", "replace its battery, or the clock"));
        }
        // An alarm that is set must be taken back before another one is: the kernel refuses it otherwise.
        self.write("0")?;
        let at = self.now()? + i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
        self.write(&at.to_string())?;
        let left = self.armed()?;
        left.ok_or_else(|| {
            self.error("the alarm was written and is not kept", "choose another clock as power.rtc")
        })
    }

    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        let Some(at) = self.number("wakealarm")? else { return Ok(None) };
        let left = at - self.now()?;
        Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_secs))
    }

    fn disarm(&mut self) -> Result<(), DeviceError> {
        self.write("0")
    }

    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        if self.rest == Rest::Off {
            return Ok(Handed::GoesOff);
        }
        self.sleep()?;
        Ok(Handed::Slept)
    }

    fn sleeps_in_place(&self) -> bool {
        self.rest == Rest::Suspend
    }

    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        let now = self.now()?;
        Ok(DateTime::from_timestamp(now, 0).filter(|_| now >= SET_AFTER))
    }
}

/// Time that the machine has slept since its start: the one clock counts it, the other does not (clock_gettime(2)).
#[cfg(target_os = "linux")]
fn slept() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| {
        let time = clock_gettime(clock);
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let awake = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(awake)
}

#[cfg(not(target_os = "linux"))]
fn slept() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;

    use super::*;

    /// Files as the kernel shows them, with a clock that a thread keeps going.
    struct Sys {
        root: tempfile::TempDir,
        over: Arc<AtomicBool>,
        clock: Option<JoinHandle<()>>,
    }

    const START: i64 = 1_800_000_000;

    impl Sys {
        fn new(ticks: bool) -> Sys {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("class/rtc/rtc0");
            fs::create_dir_all(&folder).unwrap();
            fs::create_dir_all(root.path().join("power")).unwrap();
            fs::write(root.path().join("power/state"), "").unwrap();
            fs::write(folder.join("wakealarm"), "").unwrap();
            fs::write(folder.join("since_epoch"), format!("{START}\n")).unwrap();
            let over = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&over);
            let clock = std::thread::spawn(move || {
                let begun = Instant::now();
                while ticks && !seen.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                    // A quick clock, so that the test need not wait for whole seconds.
                    let now = START + begun.elapsed().as_millis() as i64 / 100;
                    fs::write(folder.join("new"), now.to_string()).unwrap();
                    fs::rename(folder.join("new"), folder.join("since_epoch")).unwrap();
                }
            });
            Sys { root, over, clock: Some(clock) }
        }

        fn file(&self, name: &str) -> PathBuf {
            self.root.path().join("class/rtc/rtc0").join(name)
        }

        fn alarm(&self, rest: Rest) -> RtcAlarm {
            RtcAlarm::new(self.root.path(), "rtc0", rest)
        }
    }

    impl Drop for Sys {
        fn drop(&mut self) {
            self.over.store(true, Ordering::SeqCst);
            self.clock.take().map(JoinHandle::join);
        }
    }

    #[test]
    fn an_alarm_is_set_by_the_clocks_own_time_and_read_back() {
        let sys = Sys::new(true);
        let mut alarm = sys.alarm(Rest::Off);
        assert_eq!(alarm.armed().unwrap(), None);
        let left = alarm.arm(Duration::from_secs(7200)).unwrap();
        assert!(left.abs_diff(Duration::from_secs(7200)) < Duration::from_secs(60), "{left:?}");
        let written: i64 = fs::read_to_string(sys.file("wakealarm")).unwrap().parse().unwrap();
        assert!((written - START - 7200) < 60, "{written}");
        assert_eq!(alarm.hand_over().unwrap(), Handed::GoesOff);
        assert!(alarm.time().unwrap().unwrap().timestamp() >= START);
    }

    #[test]
    fn a_clock_that_stands_still_or_has_no_alarm_sends_nobody_to_sleep() {
        let sys = Sys::new(false);
        let stands = sys.alarm(Rest::Off).arm(Duration::from_secs(60)).unwrap_err().to_string();
        assert!(stands.contains("stands still"), "{stands}");
        assert_eq!(fs::read_to_string(sys.file("wakealarm")).unwrap(), "", "nothing was set");
        let mut nowhere = RtcAlarm::new(sys.root.path(), "rtc7", Rest::Off);
        for told in [nowhere.greet().unwrap_err(), nowhere.arm(Duration::from_secs(60)).unwrap_err()] {
            let told = told.to_string();
            assert!(told.contains("rtc7") && told.contains("power.rtc"), "{told}");
        }
    }

    #[test]
    fn an_alarm_in_the_past_or_that_is_garbage_is_none() {
        let sys = Sys::new(true);
        let mut alarm = sys.alarm(Rest::Off);
        fs::write(sys.file("wakealarm"), (START - 5).to_string()).unwrap();
        assert_eq!(alarm.armed().unwrap(), None);
        fs::write(sys.file("wakealarm"), "soon").unwrap();
        assert!(alarm.armed().is_err());
        for wrong in [Duration::ZERO, LONGEST + Duration::from_secs(1)] {
            assert!(alarm.arm(wrong).is_err(), "{wrong:?}");
        }
        fs::write(sys.file("since_epoch"), "").unwrap();
        fs::remove_file(sys.file("wakealarm")).unwrap();
        assert!(alarm.arm(Duration::from_secs(60)).is_err());
        assert!(!sys.file("wakealarm").exists(), "below /sys nothing is made");
    }

    #[test]
    fn a_suspended_machine_goes_on_where_it_was() {
        let sys = Sys::new(true);
        let state = sys.root.path().join("power/state");
        fs::write(&state, "freeze mem\n").unwrap();
        // In the place of systemd a program that leaves a file, at which the machine has slept for an hour.
        let asleep = sys.root.path().join("slept");
        let alarm = |program: &str| {
            let (seen, mut alarm) = (asleep.clone(), sys.alarm(Rest::Suspend));
            alarm.suspend = ["sh", "-c", program, "sh"].map(str::to_owned).to_vec();
            alarm.suspend.push(asleep.display().to_string());
            alarm.falls_asleep = Duration::from_millis(300);
            alarm.slept = Box::new(move || Duration::from_secs(if seen.exists() { 3600 } else { 7 }));
            alarm
        };
        let mut sleeps = alarm("sleep 0.2; touch \"$1\"");
        assert!(sleeps.sleeps_in_place());
        sleeps.greet().unwrap();
        assert_eq!(sleeps.hand_over().unwrap(), Handed::Slept);
        fs::remove_file(&asleep).unwrap();
        // Refused, not there, asked and not done.
        let said = |program: &str| alarm(program).hand_over().unwrap_err().to_string();
        assert!(said("exit 1").contains("does not suspend") && said("exit 1").contains("polkit"));
        assert!(said("true").contains("did not sleep within"));
        let mut nowhere = alarm("true");
        nowhere.suspend = vec!["/no/such/systemctl".to_owned()];
        assert!(nowhere.hand_over().is_err());
        // A kernel that cannot says so at the start, and no alarm is set for it.
        fs::write(&state, "freeze\n").unwrap();
        let cannot = alarm("true").greet().unwrap_err().to_string();
        assert!(
            cannot.contains("says \"freeze\"") && alarm("true").arm(Duration::from_secs(60)).is_err(),
            "{cannot}"
        );
        assert_eq!(sys.alarm(Rest::Off).greet().map_err(|fault| fault.to_string()), Ok(()));
    }

    #[test]
    fn a_machine_that_did_not_sleep_has_not_slept() {
        let before = slept();
        std::thread::sleep(Duration::from_millis(50));
        assert!(slept().abs_diff(before) < Duration::from_millis(20));
    }
}
