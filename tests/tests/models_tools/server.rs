//! A web server of one file, with the faults that real ones have.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server answers with.
#[derive(Clone, Default)]
pub struct Page {
    /// The file.
    pub body: Vec<u8>,
    /// What tells this version of the file from others.
    pub etag: Option<&'static str>,
    /// Whether parts of the file can be asked for.
    pub ranges: bool,
    /// After so many bytes of the file the connection is closed: one entry for each answer.
    pub cuts: VecDeque<usize>,
    /// Statuses to answer with before the file is given.
    pub statuses: VecDeque<u16>,
    /// Whether the file has moved: requests for another path than `/moved` are sent there.
    pub moved: bool,
    /// Time between two blocks of 16 KiB.
    pub pause: Duration,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path, or the whole URL where the server is used as a proxy.
    pub target: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The header `If-Range`.
    pub if_range: Option<String>,
}

/// The server; it runs until the test ends.
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    page: Arc<Mutex<Page>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(page: Page) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let page = Arc::new(Mutex::new(page));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (shared, seen) = (page.clone(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, seen) = (shared.clone(), seen.clone());
                // A client that goes away in the middle is no fault of the server's.
                std::thread::spawn(move || serve(stream, &shared, &seen).ok());
            }
        });
        Self {
            base,
            page,
            requests,
        }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Changes what is answered from now on.
    pub fn change(&self, change: impl FnOnce(&mut Page)) {
        change(&mut self.page.lock().unwrap());
    }
}

fn serve(
    mut stream: TcpStream,
    page: &Mutex<Page>,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let request = read_request(&stream)?;
    requests.lock().unwrap().push(request.clone());
    let (status, page) = {
        let mut page = page.lock().unwrap();
        (page.statuses.pop_front(), {
            let now = page.clone();
            if !page.moved || request.target == "/moved" {
                page.cuts.pop_front();
            }
            now
        })
    };
    if let Some(status) = status {
        return write!(
            stream,
            "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    if page.moved && request.target != "/moved" {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let length = page.body.len();
    let start = wanted_start(&request, &page);
    let (status, from) = match start {
        Some(start) if start >= length => {
            return write!(
                stream,
                "HTTP/1.1 416 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Some(start) => ("206 Partial Content", start),
        None => ("200 OK", 0),
    };
    let mut head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n",
        length - from
    );
    if from > 0 {
        head += &format!("Content-Range: bytes {from}-{}/{length}\r\n", length - 1);
    }
    if let Some(etag) = page.etag {
        head += &format!("ETag: {etag}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let end = page.cuts.front().map_or(length, |cut| (*cut).min(length));
    for block in page.body[from..end.max(from)].chunks(16 * 1024) {
        stream.write_all(block)?;
        std::thread::sleep(page.pause);
    }
    Ok(())
}

/// Where the answer is to begin, if the client asks for a part and may have one.
fn wanted_start(request: &Request, page: &Page) -> Option<usize> {
    let same = request
        .if_range
        .as_deref()
        .is_none_or(|tag| Some(tag) == page.etag);
    let range = request.range.as_deref().filter(|_| page.ranges && same)?;
    range
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}

fn read_request(stream: &TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut request = Request {
        target: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        range: None,
        if_range: None,
    };
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                request.range = Some(value.to_owned());
            }
            Some((name, value)) if name.eq_ignore_ascii_case("if-range") => {
                request.if_range = Some(value.to_owned());
            }
            Some(_) => {}
        }
    }
    Ok(request)
}
