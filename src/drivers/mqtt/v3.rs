//! A session of MQTT 3.1.1.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    Client, ConnectReturnCode, Connection, ConnectionError, Event, LastWill, MqttOptions, Outgoing, Packet,
    Publish, QoS, RecvTimeoutError, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};

use super::options::Options;
use super::session::{
    Fault, HEAD_ROOM, Happening, Letter, MAX_BODY, OFFLINE, PACKET_IDS, REQUESTS, Session, fault,
};
use super::topics::Topics;

pub(super) struct V3 {
    client: Client,
    connection: Connection,
    /// Why the connection ended, until what came before its end is told.
    ended: Option<Fault>,
}

impl V3 {
    pub(super) fn open(options: &Options, topics: &Topics, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        let mut settings = MqttOptions::new(&options.client_id, &options.broker.host, options.broker.port);
        settings
            .set_clean_session(false)
            .set_inflight(PACKET_IDS)
            .set_keep_alive(options.keep_alive)
            .set_last_will(LastWill::new(topics.status(), OFFLINE, QoS::AtLeastOnce, true))
            .set_manual_acks(true)
            .set_max_packet_size(MAX_BODY + HEAD_ROOM, MAX_BODY + HEAD_ROOM);
        if let Some(user) = &options.user {
            let password = options.password.as_ref().map(|p| p.expose()).unwrap_or_default();
            settings.set_credentials(user, password);
        }
        if let Some(config) = tls {
            settings.set_transport(Transport::Tls(TlsConfiguration::Rustls(config)));
        }
        let (client, mut connection) = Client::new(settings, REQUESTS);
        connection.eventloop.network_options.set_tcp_nodelay(true);
        V3 { client, connection, ended: None }
    }
}

impl Session for V3 {
    fn publish(&mut self, letter: &Letter) -> bool {
        let Letter { topic, body, retain, .. } = letter;
        self.client.try_publish(topic, QoS::AtLeastOnce, *retain, body.as_slice()).is_ok()
    }

    fn subscribe(&mut self, topics: &[String]) -> bool {
        let filters = topics.iter().map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
        self.client.try_subscribe_many(filters).is_ok()
    }

    fn acknowledge(&mut self, ticket: u16) {
        let mut publish = Publish::new("-", QoS::AtLeastOnce, Vec::new());
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
                "check that the port in broker is one of MQTT 3.1.1",
            )),
        }
    }
}

fn happening(event: Event) -> Happening {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        Event::Incoming(Packet::PubAck(ack)) => Happening::Acked(ack.pkid, Ok(())),
        Event::Incoming(Packet::SubAck(ack)) => {
            let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            Happening::Subscribed(ack.return_codes.iter().map(granted).collect())
        }
        Event::Incoming(Packet::Publish(publish)) => Happening::Message {
            ticket: publish.pkid,
            retained: publish.retain,
            body: publish.payload.to_vec(),
            topic: publish.topic,
        },
        Event::Outgoing(Outgoing::Publish(id)) => Happening::Sent(id),
        _ => Happening::Other,
    }
}

fn explain(error: &ConnectionError) -> Fault {
    use ConnectReturnCode as Code;
    match error {
        ConnectionError::ConnectionRefused(code @ (Code::BadUserNamePassword | Code::NotAuthorized)) => {
            Fault::Credentials(format!("the broker refused the connection: {code:?}"))
        }
        ConnectionError::ConnectionRefused(Code::RefusedProtocolVersion) => {
            Fault::Link("the broker does not speak MQTT 3.1.1".to_owned(), "set version to \"5\"")
        }
        ConnectionError::ConnectionRefused(Code::BadClientId) => Fault::Link(
            "the broker refused the name of the client".to_owned(),
            "give another client_id, up to 23 letters and digits are always allowed",
        ),
        other => fault(other),
    }
}
