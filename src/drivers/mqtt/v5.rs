//! A session of MQTT 5: as 3.1.1, and the broker says why it refuses.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    SubscribeReasonCode,
};
use rumqttc::v5::{Client, Connection, ConnectionError, Event, MqttOptions, RecvTimeoutError};
use rumqttc::{NetworkOptions, Outgoing, TlsConfiguration, Transport};

use super::options::Options;
use super::session::{
    Fault, HEAD_ROOM, Happening, Letter, MAX_BODY, OFFLINE, PACKET_IDS, REQUESTS, SESSION_EXPIRY_S, Session,
    WINDOW, fault,
};
use super::topics::Topics;

pub(super) struct V5 {
    client: Client,
    connection: Connection,
    /// Why the connection ended, until what came before its end is told.
    ended: Option<Fault>,
}

impl V5 {
    pub(super) fn open(options: &Options, topics: &Topics, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        let mut properties = ConnectProperties::new();
        properties.session_expiry_interval = Some(SESSION_EXPIRY_S);
        properties.receive_maximum = Some(WINDOW as u16);
        properties.max_packet_size = Some((MAX_BODY + HEAD_ROOM) as u32);
        let mut settings = MqttOptions::new(&options.client_id, &options.broker.host, options.broker.port);
        settings
            .set_clean_start(false)
            .set_connect_properties(properties)
            .set_keep_alive(options.keep_alive)
            .set_last_will(LastWill::new(topics.status(), OFFLINE, QoS::AtLeastOnce, true, None))
            .set_manual_acks(true)
            .set_outgoing_inflight_upper_limit(PACKET_IDS);
        if let Some(user) = &options.user {
            let password = options.password.as_ref().map(|p| p.expose()).unwrap_or_default();
            settings.set_credentials(user, password);
        }
        if let Some(config) = tls {
            settings.set_transport(Transport::Tls(TlsConfiguration::Rustls(config)));
        }
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        settings.set_network_options(network);
        let (client, connection) = Client::new(settings, REQUESTS);
        V5 { client, connection, ended: None }
    }
}

impl Session for V5 {
    fn publish(&mut self, letter: &Letter) -> bool {
        let Letter { topic, body, retain, content_type } = letter;
        let content_type = content_type.map(str::to_owned);
        let properties = PublishProperties { content_type, ..PublishProperties::default() };
        let sent = self.client.try_publish_with_properties(
            topic,
            QoS::AtLeastOnce,
            *retain,
            body.clone(),
            properties,
        );
        sent.is_ok()
    }

    fn subscribe(&mut self, topics: &[String]) -> bool {
        let filters = topics.iter().map(|topic| Filter::new(topic.clone(), QoS::AtLeastOnce));
        self.client.try_subscribe_many(filters).is_ok()
    }

    fn acknowledge(&mut self, ticket: u16) {
        let mut publish = Publish::new("-", QoS::AtLeastOnce, Vec::new(), None);
        publish.pkid = ticket;
        let _ = self.client.try_ack(&publish);
    }

    fn disconnect(&mut self) {
        let _ = self.client.try_disconnect();
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Happening>, Fault> {
        if let Some(fault) = &self.ended {
            return match self.connection.eventloop.state.events.pop_front() {
                Some(event) => Ok(Some(happening(event))),
                None => Err(fault.clone()),
            };
        }
        // A broker that breaks the protocol must not stop the trap, whatever the client library thinks of it.
        let polled = catch_unwind(AssertUnwindSafe(|| self.connection.recv_timeout(wait)));
        match polled {
            Ok(Ok(Ok(event))) => Ok(Some(happening(event))),
            Ok(Ok(Err(error))) => {
                // The library tells the end before the PUBACKs that came in the same breath.
                self.ended = Some(explain(&error));
                self.next(Duration::ZERO)
            }
            Ok(Err(RecvTimeoutError::Timeout)) => Ok(None),
            Ok(Err(RecvTimeoutError::Disconnected)) => {
                Err(Fault::Link("the session is closed".to_owned(), "it is opened again"))
            }
            Err(_) => Err(Fault::Link(
                "the broker's answer broke the client library".to_owned(),
                "check that the port in broker is one of MQTT 5",
            )),
        }
    }
}

fn happening(event: Event) -> Happening {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        Event::Incoming(Packet::PubAck(ack)) => Happening::Acked(ack.pkid, verdict(ack.reason)),
        Event::Incoming(Packet::SubAck(ack)) => {
            let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            Happening::Subscribed(ack.return_codes.iter().map(granted).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Message {
            ticket: publish.pkid,
            retained: publish.retain,
            body: publish.payload.to_vec(),
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        },
        Event::Outgoing(Outgoing::Publish(id)) => Happening::Sent(id),
        _ => Happening::Other,
    }
}

/// Codes below 0x80 say that the broker has the message (MQTT 5, 2.4); that nobody listens is not the trap's matter.
fn verdict(reason: PubAckReason) -> Result<(), String> {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
        refused => Err(format!("{refused:?}")),
    }
}

fn explain(error: &ConnectionError) -> Fault {
    use ConnectReturnCode as Code;
    match error {
        ConnectionError::ConnectionRefused(
            code @ (Code::BadUserNamePassword
            | Code::NotAuthorized
            | Code::Banned
            | Code::BadAuthenticationMethod),
        ) => Fault::Credentials(format!("the broker refused the connection: {code:?}")),
        ConnectionError::ConnectionRefused(
            Code::UnsupportedProtocolVersion | Code::RefusedProtocolVersion,
        ) => Fault::Link("the broker does not speak MQTT 5".to_owned(), "set version to \"3.1.1\""),
        ConnectionError::ConnectionRefused(Code::ClientIdentifierNotValid | Code::BadClientId) => {
            Fault::Link(
                "the broker refused the name of the client".to_owned(),
                "give another client_id, up to 23 letters and digits are always allowed",
            )
        }
        other => fault(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reason_codes_below_0x80_are_a_delivery() {
        // MQTT 5, table 3-4.
        assert!(verdict(PubAckReason::Success).is_ok());
        assert!(verdict(PubAckReason::NoMatchingSubscribers).is_ok());
        for refused in [
            PubAckReason::UnspecifiedError,
            PubAckReason::ImplementationSpecificError,
            PubAckReason::NotAuthorized,
            PubAckReason::TopicNameInvalid,
            PubAckReason::PacketIdentifierInUse,
            PubAckReason::QuotaExceeded,
            PubAckReason::PayloadFormatInvalid,
        ] {
            assert!(verdict(refused).is_err(), "{refused:?}");
        }
    }
}
