//! A browser without a window, spoken to in the DevTools protocol over its pipe: what tests of the page need, and no more.
//!
//! `--remote-debugging-pipe` reads requests from file descriptor 3 and writes answers to 4, each ended by a zero byte; a shell puts our pipes there. So
//! there is no port, no driver to install, and nothing on the network.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Names under which the browser is installed.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The variable that says what this run does without, as `cargo xtask --without browser` sets it.
const WITHOUT: &str = "LOCKSTEP_WITHOUT";

/// An answer that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(60);

const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A page in a browser of its own.
pub struct Browser {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    last: u64,
    session: Option<String>,
    /// What happened besides answers.
    pub events: Vec<Value>,
    profile: PathBuf,
}

impl Browser {
    /// Starts one; none if this run was told to do without.
    ///
    /// # Panics
    /// There is none: the message says how to get one.
    pub fn start(name: &str) -> Option<Self> {
        if std::env::var(WITHOUT).is_ok_and(|without| without.split(',').any(|word| word == "browser")) {
            println!("left out: told to do without a browser");
            return None;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path).flat_map(|dir| PROGRAMS.map(|p| dir.join(p))).find(|p| p.is_file());
        let program = program.unwrap_or_else(|| {
            panic!(
                "no browser for the tests of the report: there is none of {}. Install one (`cargo xtask setup`, or `sudo apt-get install chromium`), or \
                 leave these tests out with {WITHOUT}=browser (`cargo xtask --without browser ci`)",
                PROGRAMS.join(", ")
            )
        });
        let profile = std::env::temp_dir().join(format!("lockstep-browser-{}-{name}", std::process::id()));
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null"#])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let (requests, mut output) =
            (child.stdin.take().expect("it is piped"), BufReader::new(child.stdout.take().expect("it is piped")));
        let (send, answers) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { return };
                message.clear();
                if send.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, requests, answers, last: 0, session: None, events: Vec::new(), profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Panics
    /// It is an error, or does not come.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut request = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut bytes = request.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).unwrap_or_else(|e| panic!("{method}: {e}"));
        loop {
            let mut message = self.receive(method);
            if message["id"] == json!(self.last) {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    fn receive(&mut self, what: &str) -> Value {
        self.answers.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{what}: no answer from the browser: {e}"))
    }

    /// Opens a file in a window of that size, and waits until it is there.
    pub fn open(&mut self, file: &Path, (width, height): (u32, u32)) {
        self.resize(width, height);
        self.events.clear();
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.events.iter().any(|e| e["method"] == "Page.loadEventFired") {
            let event = self.receive("the page");
            self.events.push(event);
        }
    }

    /// Makes the window that large.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Tells the page what the reader prefers, and whether it is printed.
    pub fn media(&mut self, scheme: &str, medium: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": medium, "features": features}));
    }

    /// The value of an expression.
    ///
    /// # Panics
    /// It throws.
    pub fn eval(&mut self, script: &str) -> Value {
        let parameters = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Presses a key and lets it go.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            " " => (32, " "),
            other => (0, other),
        };
        let event = |kind: &str| json!({"type": kind, "key": key, "text": if kind == "keyDown" { text } else { "" }, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", event("keyDown"));
        self.call("Input.dispatchKeyEvent", event("keyUp"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It closes by itself when its pipe is gone; this makes sure.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its own processes end a moment later, and write there until then.
        let gone = || std::fs::remove_dir_all(&self.profile).is_ok() || !self.profile.exists();
        for _ in 0..50 {
            if gone() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
