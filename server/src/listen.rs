//! Listening for clients that come many at once.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// So many may wait to be accepted; the kernel may allow fewer. One for whom there is no room
/// is not told, and tries again after a second.
const WAITING_MAX: u32 = 4096;

/// Listens at an address.
///
/// # Errors
/// What the system says, as that it is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As the standard library does: what a former server left behind does not keep the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::listen;

    #[tokio::test]
    async fn hundreds_of_clients_wait_until_they_are_accepted() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
        let allowed = allowed
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok());
        let clients = allowed.unwrap_or(128).min(500);
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: one for whom there is no room would never be let in.
        let patience = Duration::from_secs(20);
        let all: Vec<TcpStream> = (0..clients)
            .map(|_| TcpStream::connect_timeout(&address, patience).unwrap())
            .collect();
        assert_eq!(all.len(), clients);
    }
}
