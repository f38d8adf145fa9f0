//! Who may do what: against other sites' pages, other names for this address,
//! and strangers off loopback.

use std::net::SocketAddr;

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use sha2::{Digest, Sha256};

use super::answer::Failure;

/// What the guard knows of the server.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) address: SocketAddr,
    pub(super) token: Option<String>,
}

impl Guard {
    /// Lets a request through to its route. `changes` says whether the route
    /// changes state.
    ///
    /// # Errors
    /// 403 or 401, with what to do.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        authority: Option<&str>,
        changes: bool,
    ) -> Result<(), Failure> {
        let host = match headers.get(HOST) {
            Some(host) => Some(
                host.to_str()
                    .map_err(|_| Failure::bad_request("the Host header is not ASCII"))?,
            ),
            None => authority,
        };
        self.check_host(host)?;
        if !changes {
            return Ok(());
        }
        self.check_origin(headers, host)?;
        if !self.address.ip().is_loopback() {
            self.check_token(headers)?;
        }
        Ok(())
    }

    /// A page of another site can make its own name resolve to this address;
    /// its requests then carry that name.
    fn check_host(&self, host: Option<&str>) -> Result<(), Failure> {
        let Some(host) = host else { return Ok(()) };
        if !self.address.ip().is_loopback() {
            return Ok(());
        }
        let name = without_port(host);
        let own = self.address.ip().to_string();
        if ["localhost", "127.0.0.1", "[::1]"].contains(&name)
            || name.trim_matches(['[', ']']) == own
        {
            Ok(())
        } else {
            Err(Failure::Forbidden(format!(
                "this server does not answer as {name}; ask http://{} or http://localhost:{}",
                self.address,
                self.address.port()
            )))
        }
    }

    fn check_origin(&self, headers: &HeaderMap, host: Option<&str>) -> Result<(), Failure> {
        let forbidden = || {
            Failure::Forbidden(
                "a page of another site may not change this server; use its own dashboard, or a client that sends no Origin"
                    .to_owned(),
            )
        };
        if let Some(origin) = headers.get(ORIGIN) {
            let origin = origin.to_str().map_err(|_| forbidden())?;
            let own = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            if own.is_none() || own != host {
                return Err(forbidden());
            }
        }
        if headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site")
        {
            return Err(forbidden());
        }
        Ok(())
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match (given, &self.token) {
            // Digests are compared, so the time taken tells nothing of the token.
            (Some(given), Some(token)) if Sha256::digest(given) == Sha256::digest(token) => Ok(()),
            _ => Err(Failure::Unauthorized),
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderValue};

    use super::Guard;

    #[track_caller]
    fn check(address: &str, changes: bool, headers: &[(&'static str, &str)], allowed: bool) {
        let guard = Guard {
            address: address.parse().unwrap(),
            token: Some("secret".to_owned()),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let found = guard.check(&map, None, changes).is_ok();
        assert_eq!(found, allowed, "{headers:?}");
    }

    #[test]
    fn loopback_answers_to_its_own_names_only() {
        for host in ["localhost:8000", "127.0.0.1", "[::1]:8000"] {
            check("127.0.0.1:8000", true, &[("host", host)], true);
        }
        for host in ["evil.example:8000", "127.0.0.1.evil.example", "[::2]:8000"] {
            check("127.0.0.1:8000", false, &[("host", host)], false);
        }
    }

    #[test]
    fn other_sites_change_nothing() {
        let host = ("host", "127.0.0.1:8000");
        let own = ("origin", "http://127.0.0.1:8000");
        check("127.0.0.1:8000", true, &[host, own], true);
        for origin in ["http://evil.example", "null", "http://127.0.0.1:9000"] {
            check("127.0.0.1:8000", true, &[host, ("origin", origin)], false);
            check("127.0.0.1:8000", false, &[host, ("origin", origin)], true);
        }
        check(
            "127.0.0.1:8000",
            true,
            &[host, ("sec-fetch-site", "cross-site")],
            false,
        );
    }

    #[test]
    fn off_loopback_a_change_needs_the_token() {
        check("0.0.0.0:8000", false, &[], true);
        check("0.0.0.0:8000", true, &[], false);
        check(
            "0.0.0.0:8000",
            true,
            &[("authorization", "Bearer wrong")],
            false,
        );
        check(
            "0.0.0.0:8000",
            true,
            &[("authorization", "Bearer secret")],
            true,
        );
    }
}
