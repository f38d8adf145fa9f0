//! Who may do what: against other sites' pages, other names for this address,
//! and strangers off loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};

use super::answer::Failure;
use super::token::Token;

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// What a route does, and so who may ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Shows something. Another site's page can ask but not read the answer.
    Show,
    /// Changes nothing but costs something, so other sites' pages may not ask.
    Compute,
    /// Changes state: as computing, and off loopback only with the token.
    Change,
}

/// What the guard knows of the server.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    address: SocketAddr,
    token: Option<Token>,
    /// Further names of this server.
    hosts: Vec<String>,
}

impl Guard {
    /// A guard for the server at `address`, which also answers to `hosts`.
    pub(super) fn new(address: SocketAddr, token: Option<Token>, hosts: Vec<String>) -> Guard {
        Guard {
            address,
            token,
            hosts,
        }
    }

    /// Lets a request through to its route. `authority` is the host in the
    /// request's own target, if it names one.
    ///
    /// # Errors
    /// 403 or 401, with what to do.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        authority: Option<&str>,
        access: Access,
    ) -> Result<(), Failure> {
        let host = match headers.get(HOST) {
            Some(host) => Some(
                host.to_str()
                    .map_err(|_| Failure::bad_request("the Host header is not ASCII"))?,
            ),
            None => None,
        };
        for name in [host, authority].into_iter().flatten() {
            self.check_host(name)?;
        }
        if access == Access::Show {
            return Ok(());
        }
        check_origin(headers, host.or(authority))?;
        let stranger = access == Access::Change && !self.address.ip().is_loopback();
        if stranger && !self.is_authorized(headers) {
            return Err(Failure::Unauthorized);
        }
        Ok(())
    }

    /// A page of another site can make its own name resolve to this address;
    /// its requests then carry that name. An address in figures is nobody's name.
    fn check_host(&self, host: &str) -> Result<(), Failure> {
        let name = without_port(host);
        let bare = name.trim_matches(['[', ']']);
        let ip = bare.parse::<IpAddr>().ok();
        let known = if self.address.ip().is_loopback() {
            ip.is_some_and(|ip| ip == self.address.ip() || LOOPBACK.contains(&ip))
        } else {
            ip.is_some()
        };
        let named = |known: &str| known == "*" || name.eq_ignore_ascii_case(known);
        if known || named("localhost") || self.hosts.iter().any(|known| named(known)) {
            return Ok(());
        }
        Err(Failure::Forbidden(format!(
            "this server does not answer as {name}; ask http://{}, or name it in the setting hosts",
            self.address
        )))
    }

    /// Whether the request carries the server's token.
    pub(super) fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        match (given, &self.token) {
            (Some(given), Some(token)) => token.is(given),
            _ => false,
        }
    }
}

/// Browsers say which site's page a request comes from; other clients say nothing.
fn check_origin(headers: &HeaderMap, host: Option<&str>) -> Result<(), Failure> {
    let forbidden = || {
        Failure::Forbidden(
            "a page of another site may not ask this of the server; use its own dashboard, or a client that sends no Origin"
                .to_owned(),
        )
    };
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().map_err(|_| forbidden())?;
        let own = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        match (own, host) {
            (Some(own), Some(host)) if own.eq_ignore_ascii_case(host) => {}
            _ => return Err(forbidden()),
        }
    }
    // Another port of this host is another site here, whatever browsers call it.
    match headers.get("sec-fetch-site") {
        Some(site) if site != "same-origin" && site != "none" => Err(forbidden()),
        _ => Ok(()),
    }
}

/// A host without its port; with it, if that is no number.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderValue};

    use super::{Access, Guard};
    use crate::http::Token;

    #[track_caller]
    fn check(address: &str, access: Access, headers: &[(&'static str, &str)], allowed: bool) {
        let guard = Guard::new(
            address.parse().unwrap(),
            Token::new("secret"),
            vec!["known.example".to_owned()],
        );
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let found = guard.check(&map, None, access).is_ok();
        assert_eq!(found, allowed, "{headers:?}");
    }

    const HERE: &str = "127.0.0.1:8000";

    #[test]
    fn loopback_answers_to_its_own_names_only() {
        for host in ["localhost:8000", "LOCALHOST", "127.0.0.1", "[::1]:8000"] {
            check(HERE, Access::Change, &[("host", host)], true);
        }
        for host in [
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "[::2]:8000",
            "127.0.0.1:80a",
            "127.0.0.1:80:80",
            "user@127.0.0.1",
        ] {
            check(HERE, Access::Show, &[("host", host)], false);
        }
        check(
            "127.0.0.9:8000",
            Access::Show,
            &[("host", "127.0.0.9")],
            true,
        );
        check(HERE, Access::Show, &[("host", "known.example:80")], true);
    }

    #[test]
    fn elsewhere_it_answers_to_figures_and_to_the_names_it_was_given() {
        let everywhere = "0.0.0.0:8000";
        for host in ["10.1.2.3:8000", "[fe80::1]", "localhost", "KNOWN.example"] {
            check(everywhere, Access::Show, &[("host", host)], true);
        }
        for host in ["evil.example", "10.1.2.3.evil.example", ""] {
            check(everywhere, Access::Show, &[("host", host)], false);
        }
    }

    #[test]
    fn the_target_is_checked_as_the_host_is() {
        let guard = Guard::new(HERE.parse().unwrap(), None, Vec::new());
        let check = |authority| guard.check(&HeaderMap::new(), Some(authority), Access::Show);
        assert!(check("localhost:8000").is_ok());
        assert!(check("evil.example").is_err());
    }

    #[test]
    fn other_sites_change_nothing_and_cost_nothing() {
        let host = ("host", HERE);
        for access in [Access::Compute, Access::Change] {
            check(
                HERE,
                access,
                &[host, ("origin", "http://127.0.0.1:8000")],
                true,
            );
            for origin in [
                "http://evil.example",
                "null",
                "http://127.0.0.1:9000",
                "http://127.0.0.1:8000.evil.example",
            ] {
                check(HERE, access, &[host, ("origin", origin)], false);
                check(HERE, Access::Show, &[host, ("origin", origin)], true);
            }
            check(HERE, access, &[("origin", "http://evil.example")], false);
            for site in ["cross-site", "same-site"] {
                check(HERE, access, &[host, ("sec-fetch-site", site)], false);
            }
            check(HERE, access, &[host, ("sec-fetch-site", "none")], true);
        }
    }

    #[test]
    fn off_loopback_a_change_needs_the_token() {
        let bearer = |token| ("authorization", token);
        check("0.0.0.0:8000", Access::Show, &[], true);
        check("0.0.0.0:8000", Access::Compute, &[], true);
        check("0.0.0.0:8000", Access::Change, &[], false);
        for wrong in ["Bearer wrong", "Bearer ", "secret", "Basic secret"] {
            check("0.0.0.0:8000", Access::Change, &[bearer(wrong)], false);
        }
        for right in ["Bearer secret", "bearer secret"] {
            check("0.0.0.0:8000", Access::Change, &[bearer(right)], true);
        }
    }

    #[test]
    fn without_a_token_nothing_changes_off_loopback() {
        for token in [None, Token::new("")] {
            let guard = Guard::new("0.0.0.0:8000".parse().unwrap(), token, Vec::new());
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static("Bearer "));
            assert!(guard.check(&headers, None, Access::Change).is_err());
        }
    }
}
