//! Connections and their limits: how many, how slow, how long.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Console, ConsoleError, api, held};

/// Connections at once. A browser opens six to one address (HTML Living Standard leaves it to the browsers; Chrome
/// and Firefox take six), and some memory goes with each.
const CONNECTIONS: usize = 64;

/// Of those, of one caller.
const OF_ONE_CALLER: usize = 32;

/// Time for the head of a request, and between two requests of a connection.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of the head of a request, and of what is sent but not read.
const HEAD_BYTES: usize = 16 << 10;

/// A peer that takes nothing for so long is gone (tcp(7), TCP_USER_TIMEOUT).
const STALLED: Duration = Duration::from_secs(20);

/// The answer to a connection too many.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Between two looks whether it is over.
const LOOK: Duration = Duration::from_millis(500);

/// Threads that wait for files and compute, beside the one that talks.
const WORKERS: usize = 4;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub peer: SocketAddr,
    pub local: SocketAddr,
}

/// Ends a page on a laptop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From a flag that others set.
    pub fn from_flag(flag: Arc<AtomicBool>) -> Stop {
        Stop(flag)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Serves a trap's page at `at` until `over` says so.
pub(super) fn trap(
    at: SocketAddr,
    console: &Arc<Console>,
    over: impl Fn() -> bool,
) -> Result<(), ConsoleError> {
    let listener = TcpListener::bind(at).map_err(|reason| ConsoleError::Listen { at, reason })?;
    log::warn!("the page is on, at http://{at}");
    let served = serve(listener, console, over);
    log::warn!("the page is off");
    // Who was in comes in again by the secret.
    *console.door() = Default::default();
    console.hub.hush();
    if let Some(trap) = console.trap() {
        trap.live.aim(false);
    }
    served
}

/// Serves a laptop's page until `stop`.
pub fn desk(listener: TcpListener, console: Console, stop: &Stop) -> Result<(), ConsoleError> {
    serve(listener, &Arc::new(console), || stop.is_set())
}

fn serve(listener: TcpListener, console: &Arc<Console>, over: impl Fn() -> bool) -> Result<(), ConsoleError> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(WORKERS)
        .thread_keep_alive(Duration::from_secs(2))
        .build()?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accept(&listener, api::router(console), over).await;
        Ok(())
    });
    // A download that is being made may take its time; it sees that nobody takes it.
    runtime.shutdown_timeout(Duration::from_secs(2));
    served
}

async fn accept(listener: &tokio::net::TcpListener, router: Router, over: impl Fn() -> bool) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let callers = Arc::new(Callers::default());
    let mut connections = JoinSet::new();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = look.tick() => {
                while connections.try_join_next().is_some() {}
                if over() {
                    return;
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of files, most often: let some connections end.
                log::debug!("a connection failed: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let place = Arc::clone(&places).try_acquire_owned();
        let (Ok(place), Some(caller)) = (place, Callers::enter(&callers, peer.ip())) else {
            // Refused at once; the answer fits the empty buffer of a new connection.
            let _ = stream.try_write(FULL);
            continue;
        };
        let router = router.clone();
        connections.spawn(async move {
            talk(stream, peer, router).await;
            drop((place, caller));
        });
    }
}

/// One connection until it ends.
async fn talk(stream: TcpStream, peer: SocketAddr, router: Router) {
    let Ok(local) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let stalled = u32::try_from(STALLED.as_millis()).unwrap_or(u32::MAX);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, stalled);
    let service = TowerToHyperService::new(router.layer(Extension(Ends { peer, local })));
    let talked = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = talked {
        log::debug!("{peer}: {error}");
    }
}

/// Connections of each caller.
#[derive(Debug, Default)]
struct Callers(Mutex<HashMap<IpAddr, usize>>);

/// A connection of a caller, counted until it is dropped.
struct Caller(Arc<Callers>, IpAddr);

impl Callers {
    fn enter(all: &Arc<Callers>, caller: IpAddr) -> Option<Caller> {
        let mut counts = held(&all.0);
        let count = counts.entry(caller).or_default();
        if *count >= OF_ONE_CALLER {
            return None;
        }
        *count += 1;
        Some(Caller(Arc::clone(all), caller))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut counts = held(&self.0.0);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}
