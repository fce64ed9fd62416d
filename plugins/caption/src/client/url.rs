//! Where a server is.

use std::fmt;
use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// The address of a server's interface, such as `http://127.0.0.1:8000/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    scheme: String,
    /// Host, and port if there is one.
    authority: String,
    path: String,
}

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it. The text is not repeated: a password may be in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let example = "such as http://127.0.0.1:8000/v1";
        let uri: Uri = text
            .trim()
            .parse()
            .map_err(|error| format!("it is no URL ({error}): use one {example}"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(format!("it lacks http:// or a host: use a URL {example}"));
        };
        if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
            return Err(format!(
                "{scheme}:// is neither http:// nor https://: use a URL {example}"
            ));
        }
        if authority.as_str().contains('@') {
            return Err(
                "it has a user or password in it: put the key in api-key, api-key-file or api-key-env"
                    .into(),
            );
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(format!("it has a query or a fragment: use a URL {example}"));
        }
        Ok(Self {
            scheme: scheme.to_string(),
            authority: authority.to_string().to_lowercase(),
            path: uri.path().trim_end_matches('/').to_string(),
        })
    }

    /// The address of something in the interface.
    pub fn join(&self, path: &str) -> String {
        format!("{self}/{path}")
    }

    /// Whether it is on this machine, where no proxy has any business.
    pub fn is_loopback(&self) -> bool {
        let authority = self.authority.as_str();
        let host = match authority
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((inside, _)) => inside,
            None => authority.split(':').next().unwrap_or_default(),
        };
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Where a redirect leads, if that is the same server.
    ///
    /// # Errors
    /// The host that it leads to instead.
    pub fn redirect(&self, location: &str) -> Result<String, String> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(format!("{}://{}{location}", self.scheme, self.authority));
        }
        let absolute = match location.starts_with("//") {
            true => format!("{}:{location}", self.scheme),
            false => location.to_string(),
        };
        let uri: Uri = absolute.parse().map_err(|_| "no URL".to_string())?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map(|a| a.as_str().to_lowercase());
        let authority = authority.unwrap_or_default();
        if scheme == self.scheme && authority == self.authority {
            return Ok(absolute);
        }
        let host = authority.rsplit('@').next().unwrap_or_default().to_string();
        Err(format!("{scheme}://{host}"))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_with_paths() {
        for (text, expected) in [
            (
                "http://127.0.0.1:8000/v1",
                "http://127.0.0.1:8000/v1/models",
            ),
            (" https://Example.org/v1/ ", "https://example.org/v1/models"),
            ("http://host", "http://host/models"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().join("models"), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, said) in [
            ("", "no URL"),
            ("127.0.0.1:8000", "lacks http://"),
            ("/v1", "lacks http://"),
            ("ftp://host/", "neither http:// nor https://"),
            ("http://user:hunter2@host/v1", "user or password"),
            ("http://host/v1?key=hunter2", "a query"),
            ("http://ho st/v1", "no URL"),
        ] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert!(
                error.contains(said) && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn redirects_stay_on_the_server() {
        let base = BaseUrl::parse("https://a.example:8443/v1").unwrap();
        for (location, expected) in [
            ("/v2/models", Ok("https://a.example:8443/v2/models")),
            ("https://A.example:8443/x", Ok("https://A.example:8443/x")),
            ("https://a.example/x", Err("https://a.example")),
            ("http://a.example:8443/x", Err("http://a.example:8443")),
            ("//b.example/x", Err("https://b.example")),
            ("https://u:p@b.example/x", Err("https://b.example")),
        ] {
            let got = base.redirect(location);
            assert_eq!(
                got.as_deref().map_err(|e| e.as_str()),
                expected,
                "{location}"
            );
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (text, expected) in [
            ("http://127.0.0.1:1/v1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost/v1", true),
            ("http://10.0.0.1/v1", false),
            ("http://localhost.example/v1", false),
        ] {
            assert_eq!(
                BaseUrl::parse(text).unwrap().is_loopback(),
                expected,
                "{text}"
            );
        }
    }
}
