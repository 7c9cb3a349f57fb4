//! From the site's choice to opened uplinks, and the sender that uses them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use crate::airtime::{self, Limit, Region};
use crate::config::Config;
use crate::config::sending::{
    Carrier, Lorawan, Modem, Mqtt as MqttChoice, MqttModem, MqttVersion, Out, Pins, Plan,
};
use crate::daemon::sender::channel::{Channel, Toll};
use crate::drivers::bench::{BenchLorawan, Network};
use crate::drivers::cellular::{self, Cellular};
use crate::drivers::directory::Directory;
use crate::drivers::gpio::{GpioLine, LineName, Switch};
use crate::drivers::iridium::{self, Iridium};
use crate::drivers::lorawan::rak3172::Rak3172;
use crate::drivers::lorawan::rak4270::Rak4270;
use crate::drivers::lorawan::rn2483::Rn2483;
use crate::drivers::lorawan::wio_e5::WioE5;
use crate::drivers::lorawan::{Dialogue, Key, Limits, LoraWan, Options};
use crate::drivers::mqtt::{self, Mqtt};
use crate::drivers::serial::Ladder;
use crate::drivers::serial::uart::Uart;
use crate::drivers::sim7080::{self, Sim7080};
use crate::drivers::webhook::{self, Webhook};
use crate::drivers::{Secret, lorawan};
use crate::hal::{Clock, Uplink};

/// The modem tries a confirmed uplink once: when nobody acknowledges, the sender sends it again, and pays again.
const ATTEMPTS: u8 = 1;

/// So often a day a silent modem is reset or loses its power: a broken one must not drain the battery.
const PULSES_A_DAY: u32 = 6;

/// So long a pin is held: long enough for the capacitors of a modem's supply.
const HOLD: Duration = Duration::from_secs(2);

/// Opens the uplinks in order of preference. A device that is not there is told now, not at the first wolf.
pub(super) fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<Vec<Channel>, Failure> {
    let out = &config.out;
    out.sending.uplinks.iter().map(|carrier| channel(*carrier, out, &config.site.name, clock)).collect()
}

pub(super) fn channel(
    carrier: Carrier,
    out: &Out,
    site: &str,
    clock: &Arc<dyn Clock>,
) -> Result<Channel, Failure> {
    let device = &out.sending.device;
    let letter = |uplink: Box<dyn Uplink>| Channel::new(uplink, None, false);
    Ok(match carrier {
        Carrier::Directory => {
            // The folder itself is made here and nowhere else: a card that is pulled must not be written round.
            let path = &out.directory.path;
            if path.parent().is_some_and(|above| above.as_os_str().is_empty() || above.is_dir())
                && !path.exists()
            {
                std::fs::create_dir(path).map_err(|e| {
                    Failure::runtime(anyhow::anyhow!("cannot create {}: {e}", path.display()))
                })?;
            }
            letter(Box::new(Directory::new(path)))
        }
        Carrier::Webhook => {
            let token = (!out.webhook.token.is_empty()).then(|| Secret::new(&out.webhook.token));
            let options =
                webhook::Options { url: out.webhook.url.clone(), token, ..webhook::Options::default() };
            letter(Box::new(Webhook::new(&options).map_err(Failure::input)?))
        }
        Carrier::Mqtt => mqtt(&out.mqtt, site, device)?,
        Carrier::Lorawan => {
            let region = region(out.lorawan.region);
            let uplink = modem(&out.lorawan, region, device, &out.commands.key, clock)?;
            let toll = Toll { region, limits: limits(&out.lorawan) };
            // One is kept for the network's time.
            let most = out.lorawan.down_per_day.map(|most| most.saturating_sub(1));
            Channel::new(uplink, Some(toll), out.lorawan.confirm_alerts).resting().confirming_at_most(most)
        }
        Carrier::Satellite => {
            let port = uart(&out.satellite.port, Iridium::BAUD)?;
            let options = iridium::Options { name: "satellite".to_owned(), ..iridium::Options::default() };
            let ladder = ladder(&out.satellite.pins, "satellite")?;
            Channel::new(Box::new(Iridium::new(port, options, ladder)), None, true)
        }
    })
}

/// The reset and the power pin of a modem, as far as the site has them.
fn ladder(pins: &Pins, section: &str) -> Result<Ladder, Failure> {
    let pin = |key: &str, text: &str| -> Result<Option<Box<dyn Switch>>, Failure> {
        if text.is_empty() {
            return Ok(None);
        }
        let name: LineName = text
            .parse()
            .map_err(|e| Failure::input(anyhow::Error::from(e).context(format!("key `{section}.{key}`"))))?;
        let line = GpioLine::open(&name, &format!("trapline {section}"), false).map_err(Failure::runtime)?;
        Ok(Some(Box::new(line)))
    };
    let (reset, power) = (pin("reset_line", &pins.reset)?, pin("power_line", &pins.power)?);
    Ok(Ladder::new(reset, power, PULSES_A_DAY, HOLD))
}

fn mqtt(chosen: &MqttChoice, site: &str, device: &str) -> Result<Channel, Failure> {
    let broker: mqtt::Broker = chosen.broker.parse().map_err(Failure::input)?;
    let user = (!chosen.user.is_empty()).then(|| chosen.user.clone());
    if chosen.modem == MqttModem::Sim7080 {
        let port = uart(&chosen.port, Sim7080::BAUD)?;
        let options = sim7080::Options {
            name: "mqtt".to_owned(),
            apn: chosen.apn.clone(),
            host: broker.host,
            port: broker.port,
            login: user.map(|user| (user, chosen.password.clone())),
            prefix: chosen.prefix.clone(),
            site: site.to_owned(),
            device: device.to_owned(),
            max_body: 512,
            answer: Duration::from_secs(5),
            connect: Duration::from_secs(60),
        };
        let uplink = Sim7080::new(port, options, ladder(&chosen.pins, "mqtt")?);
        return Ok(Channel::new(Box::new(uplink), None, false));
    }
    let mut options = mqtt::Options::new(broker, site, device);
    options.version = match chosen.version {
        MqttVersion::V311 => mqtt::Version::V3,
        MqttVersion::V5 => mqtt::Version::V5,
    };
    options.user = user;
    options.password = (!chosen.password.is_empty()).then(|| Secret::new(&chosen.password));
    options.ca_file = chosen.ca.clone();
    options.certificate_file = chosen.certificate.clone();
    options.key_file = chosen.key.clone();
    options.prefix = chosen.prefix.clone();
    options.home_assistant = chosen.home_assistant;
    let uplink: Box<dyn Uplink> = Box::new(Mqtt::new(options).map_err(Failure::input)?);
    if chosen.interface.is_empty() && chosen.pins.power.is_empty() {
        return Ok(Channel::new(uplink, None, false));
    }
    let options = cellular::Options::new(&chosen.interface, chosen.off_after);
    let ladder = ladder(&Pins { reset: String::new(), ..chosen.pins.clone() }, "mqtt")?;
    Ok(Channel::new(Box::new(Cellular::new(uplink, options, ladder)), None, false).resting())
}

fn modem(
    chosen: &Lorawan,
    region: Region,
    device: &str,
    key: &[u8],
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Uplink>, Failure> {
    let dwell = chosen.dwell;
    let max_payload = move |rate: u8| airtime::max_payload(region, rate, dwell).unwrap_or(0);
    if chosen.modem == Modem::Bench {
        let network = Network {
            data_rate: chosen.data_rate,
            max_payload: max_payload(chosen.data_rate),
            device: device.to_owned(),
            key: key.to_vec(),
        };
        return Ok(Box::new(BenchLorawan::new(network, Arc::clone(clock))));
    }
    let options = Options {
        name: "lorawan".to_owned(),
        region: match chosen.region {
            Plan::EU868 => lorawan::Region::Eu868,
            Plan::US915 => lorawan::Region::Us915,
            Plan::AU915 => lorawan::Region::Au915,
            Plan::AS923 => lorawan::Region::As923,
        },
        sub_band: Some(chosen.sub_band),
        dev_eui: bytes(&chosen.dev_eui),
        join_eui: bytes(&chosen.join_eui),
        app_key: Key(bytes(&chosen.app_key)),
        adr: chosen.adr,
        data_rate: (!chosen.adr).then_some(chosen.data_rate),
        attempts: ATTEMPTS,
        max_payload: Arc::new(max_payload),
        limits: Limits::default(),
    };
    match chosen.modem {
        Modem::Rak3172 | Modem::Bench => on_uart::<Rak3172>(chosen, options),
        Modem::WioE5 => on_uart::<WioE5>(chosen, options),
        Modem::Rak4270 => on_uart::<Rak4270>(chosen, options),
        Modem::Rn2483 => on_uart::<Rn2483>(chosen, options),
    }
}

fn on_uart<D: Dialogue + Default + 'static>(
    chosen: &Lorawan,
    options: Options,
) -> Result<Box<dyn Uplink>, Failure> {
    let port = uart(&chosen.port, D::BAUD)?;
    let ladder = ladder(&chosen.pins, "lorawan")?;
    Ok(Box::new(LoraWan::new(port, D::default(), options, ladder)))
}

fn uart(path: &Path, baud: u32) -> Result<Box<Uart>, Failure> {
    Uart::open(&path.display().to_string(), baud).map(Box::new).map_err(Failure::runtime)
}

pub(super) fn region(plan: Plan) -> Region {
    match plan {
        Plan::EU868 => Region::Eu868,
        Plan::US915 => Region::Us915,
        Plan::AU915 => Region::Au915,
        Plan::AS923 => Region::As923,
    }
}

/// Law and fair use of a site.
fn limits(chosen: &Lorawan) -> Vec<Limit> {
    let mut limits = match chosen.region {
        Plan::EU868 => Limit::EU868.to_vec(),
        Plan::AS923 => vec![Limit::AS923],
        Plan::US915 | Plan::AU915 => Vec::new(),
    };
    if let Some(up) = chosen.up_per_day {
        let budget = u64::try_from(up.as_micros()).unwrap_or(u64::MAX);
        limits.push(Limit { budget, ..Limit::FAIR_USE });
    }
    limits
}

/// Hex digits that the configuration's check has counted.
fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let mut out = [0; N];
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    for (byte, pair) in out.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().fold(0, |b, d| b << 4 | d);
    }
    out
}
