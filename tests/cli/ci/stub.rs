//! The API of a code host, as far as the templates use it: GitHub's and GitLab's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the code host holds, and what it was asked.
#[derive(Default)]
pub struct Forge {
    pub comments: Vec<Value>,
    pub issues: Vec<Value>,
    /// Plans that were saved: the number of the run, and the bytes of the archive.
    pub artifacts: Vec<(u64, Vec<u8>)>,
    /// Runs by number: the workflow and the event.
    pub runs: Vec<(u64, &'static str, &'static str)>,
    pub asked: Vec<String>,
    pub tokens: Vec<String>,
}

pub struct Stub {
    pub url: String,
    pub forge: Arc<Mutex<Forge>>,
}

impl Stub {
    pub fn start() -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let forge = Arc::new(Mutex::new(Forge::default()));
        let held = forge.clone();
        // It ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &held);
            }
        });
        Stub { url, forge }
    }
}

fn answer(mut stream: TcpStream, forge: &Mutex<Forge>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut words = line.split_whitespace();
    let (method, path) = (
        words.next().unwrap().to_owned(),
        words.next().unwrap().to_owned(),
    );
    let mut length = 0;
    let mut forge = forge.lock().unwrap();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" | "private-token" => forge.tokens.push(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    forge.asked.push(format!("{method} {path}"));
    let (status, bytes) = match forge.route(&method, &path, &body) {
        Some(bytes) => ("200 OK", bytes),
        None => ("404 Not Found", b"{}".to_vec()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&bytes).unwrap();
}

/// One page of a list.
fn page(all: impl Iterator<Item = Value>, query: &str) -> Value {
    let number = |name: &str| -> usize {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        found.map_or(1, |(_, value)| value.parse().unwrap())
    };
    let (size, page) = (number("per_page"), number("page"));
    all.skip(size * (page - 1)).take(size).collect()
}

fn merge(into: &mut Value, with: &Value) {
    for (key, value) in with.as_object().unwrap() {
        into[key] = value.clone();
    }
}

impl Forge {
    fn route(&mut self, method: &str, path: &str, body: &Value) -> Option<Vec<u8>> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let gitlab = path.starts_with("/projects/7/") || path == "/user";
        let short = path
            .trim_start_matches("/repos/dba/shop")
            .trim_start_matches("/projects/7");
        let parts: Vec<&str> = short.trim_start_matches('/').split('/').collect();
        let ours = match gitlab {
            true => json!({ "author": { "username": "pgrepl-bot" } }),
            false => json!({ "user": { "login": "github-actions[bot]" } }),
        };
        let answer = match (method, &parts[..]) {
            ("GET", ["user"]) => json!({ "username": "pgrepl-bot" }),
            ("GET", ["issues", "12", "comments"] | ["merge_requests", "12", "notes"]) => {
                page(self.comments.iter().cloned(), query)
            }
            ("POST", ["issues", "12", "comments"] | ["merge_requests", "12", "notes"]) => {
                let mut new = ours;
                new["id"] = (1000 + self.comments.len()).into();
                merge(&mut new, body);
                self.comments.push(new.clone());
                new
            }
            ("PATCH", ["issues", "comments", id])
            | ("PUT", ["merge_requests", "12", "notes", id]) => {
                let id: u64 = id.parse().unwrap();
                let mut all = self.comments.iter_mut();
                merge(all.find(|one| one["id"] == id)?, body);
                Value::Null
            }
            ("GET", ["issues"]) => {
                let open = |issue: &&Value| issue["state"] == "open";
                page(self.issues.iter().filter(open).cloned(), query)
            }
            ("POST", ["issues"]) => {
                let mut new = ours;
                new["number"] = (self.issues.len() + 40).into();
                if gitlab {
                    new["iid"] = new["number"].clone();
                }
                new["state"] = "open".into();
                merge(&mut new, body);
                self.issues.push(new.clone());
                new
            }
            ("PATCH" | "PUT", ["issues", number]) => {
                let number: u64 = number.parse().unwrap();
                let mut all = self.issues.iter_mut();
                let issue = all.find(|one| one["number"] == number)?;
                merge(issue, body);
                if body["state_event"] == "close" {
                    issue["state"] = "closed".into();
                }
                Value::Null
            }
            ("GET", ["commits", "abc", "pulls"]) => {
                json!([{ "number": 12, "merged_at": "2026-11-27" }])
            }
            ("GET", ["repository", "commits", "abc", "merge_requests"]) => {
                json!([{ "iid": 12, "state": "merged" }])
            }
            ("GET", ["actions", "artifacts"]) if query.starts_with("name=pgrepl-plan-12&") => {
                let all = self.artifacts.iter().enumerate().map(|(at, (run, _))| {
                    json!({ "id": at, "expired": false, "created_at": format!("2026-11-27T0{at}"), "workflow_run": { "id": run } })
                });
                json!({ "artifacts": all.collect::<Vec<_>>() })
            }
            ("GET", ["actions", "runs", id]) => {
                let id: u64 = id.parse().unwrap();
                let (_, path, event) = self.runs.iter().find(|(run, ..)| *run == id)?;
                json!({ "path": path, "event": event })
            }
            ("GET", ["actions", "artifacts", id, "zip"]) => {
                let (_, bytes) = self.artifacts.get(id.parse::<usize>().unwrap())?;
                return Some(bytes.clone());
            }
            (
                "GET",
                [
                    "jobs",
                    "artifacts",
                    "refs%2Fmerge-requests%2F12%2Fhead",
                    "raw",
                    "pgrepl.plan",
                ],
            ) => {
                return self.artifacts.first().map(|(_, bytes)| bytes.clone());
            }
            _ => return None,
        };
        Some(answer.to_string().into_bytes())
    }
}

/// An archive of one file as it is, not compressed (APPNOTE.TXT 4.3).
pub fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in content {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
        }
    }
    let size = u32::try_from(content.len()).unwrap();
    let length = u16::try_from(name.len()).unwrap();
    let shared = [
        &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
        &(!crc).to_le_bytes(),
        &size.to_le_bytes(),
        &size.to_le_bytes(),
        &length.to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04", &shared[..], name.as_bytes(), content].concat();
    let central = [b"PK\x01\x02\x14\0", &shared[..], &[0; 14], name.as_bytes()].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &u32::try_from(central.len()).unwrap().to_le_bytes()[..],
        &u32::try_from(local.len()).unwrap().to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    [local, central, end].concat()
}
