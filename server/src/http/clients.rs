//! What one client may take of the server: connections at once, requests a second.
//! Off unless set, since behind a proxy all clients are one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Clients whose requests are counted apart; those beyond count as one.
const KNOWN_MAX: usize = 65_536;
/// A client that was quiet may ask for what so many seconds allow at once.
const BURST: Duration = Duration::from_secs(1);

/// One client: an IPv4 address, or the network of an IPv6 one, of which a client has
/// as many addresses as it likes. `None` is all those that are too many.
type Client = Option<IpAddr>;

/// Clients, and what each has taken. Clones are the same.
#[derive(Clone)]
pub(super) struct Clients(Arc<Shared>);

struct Shared {
    /// Connections at once; 0 for any number.
    connections_max: usize,
    /// The time that a request stands for; none for any number of requests.
    interval: Option<Duration>,
    connections: Mutex<HashMap<Client, usize>>,
    /// Until when the requests of each client reach, as if evenly spread.
    reach: Mutex<HashMap<Client, Instant>>,
}

/// A client's connection, counted until this is dropped.
pub(super) struct Guest(Option<(Clients, Client)>);

impl Clients {
    /// 0 is any number.
    pub(super) fn new(connections_max: usize, requests_a_second: usize) -> Clients {
        let interval = (requests_a_second > 0).then(|| BURST.div_f64(requests_a_second as f64));
        Clients(Arc::new(Shared {
            connections_max,
            interval,
            connections: Mutex::default(),
            reach: Mutex::default(),
        }))
    }

    /// A place for a connection, unless its client has as many as it may.
    pub(super) fn connect(&self, address: IpAddr) -> Option<Guest> {
        let most = self.0.connections_max;
        if most == 0 {
            return Some(Guest(None));
        }
        let client = client(address);
        let mut connections = locked(&self.0.connections);
        let count = connections.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Guest(Some((self.clone(), client))))
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// If its client asks too often: after how long it may come again.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(interval) = self.0.interval else {
            return Ok(());
        };
        let now = Instant::now();
        let mut reach = locked(&self.0.reach);
        let mut client = client(address);
        if reach.len() >= KNOWN_MAX && !reach.contains_key(&client) {
            reach.retain(|_, until| *until > now);
            if reach.len() >= KNOWN_MAX {
                client = None;
            }
        }
        let until = reach.entry(client).or_insert(now);
        let next = (*until).max(now) + interval;
        let ahead = next.saturating_duration_since(now + BURST);
        if !ahead.is_zero() {
            return Err(ahead);
        }
        *until = next;
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let Some((clients, client)) = &self.0 else {
            return;
        };
        let mut connections = locked(&clients.0.connections);
        if let Some(count) = connections.get_mut(client) {
            *count -= 1;
            if *count == 0 {
                connections.remove(client);
            }
        }
    }
}

fn client(address: IpAddr) -> Client {
    Some(match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() & !u128::from(u64::MAX)).into()),
        four => four,
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::{Clients, KNOWN_MAX, locked};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_ask_so_often_and_others_do_not_count() {
        let clients = Clients::new(0, 4);
        let one = address("10.0.0.1");
        for _ in 0..4 {
            assert_eq!(clients.admit(one), Ok(()));
        }
        assert_eq!(clients.admit(one), Err(Duration::from_millis(250)));
        assert_eq!(clients.admit(address("10.0.0.2")), Ok(()));
        assert!(clients.admit(address("::ffff:10.0.0.1")).is_err());
        // Being refused costs nothing; time gives back.
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(clients.admit(one), Ok(()));
        assert!(clients.admit(one).is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        let admitted = (0..9).filter(|_| clients.admit(one).is_ok()).count();
        assert_eq!(admitted, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_client() {
        let clients = Clients::new(1, 1);
        assert_eq!(clients.admit(address("2001:db8::1")), Ok(()));
        assert!(clients.admit(address("2001:db8::ffff:2")).is_err());
        assert_eq!(clients.admit(address("2001:db8:0:1::1")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn clients_beyond_those_that_are_known_count_as_one_until_others_are_forgotten() {
        let clients = Clients::new(0, 1);
        for number in 0..KNOWN_MAX as u32 {
            assert_eq!(clients.admit(IpAddr::V4(number.into())), Ok(()));
        }
        assert_eq!(clients.admit(address("255.0.0.1")), Ok(()));
        assert!(clients.admit(address("255.0.0.2")).is_err());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clients.admit(address("255.0.0.2")), Ok(()));
        assert_eq!(locked(&clients.0.reach).len(), 1);
    }

    #[test]
    fn connections_of_a_client_are_counted_while_they_last() {
        let clients = Clients::new(2, 0);
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        let first = clients.connect(one).unwrap();
        let second = clients.connect(one).unwrap();
        assert!(clients.connect(one).is_none());
        assert!(clients.connect(other).is_some());
        drop(first);
        let third = clients.connect(one).unwrap();
        assert!(clients.connect(one).is_none());
        drop((second, third));
        assert!(locked(&clients.0.connections).is_empty());
        let any = Clients::new(0, 0);
        let guests: Vec<_> = (0..1000).map(|_| any.connect(one)).collect();
        assert!(guests.iter().all(Option::is_some));
        assert!((0..1000).all(|_| any.admit(one).is_ok()));
    }
}
