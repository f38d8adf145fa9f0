//! A headless Chromium with one page open, driven through chromedriver.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::running::Server;

/// The longest that anything on a page is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    /// Removed when the browser has ended.
    _profile: tempfile::TempDir,
}

/// An image of what is seen.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Red, green and blue of each pixel, row by row.
    pub(crate) pixels: Vec<[u8; 3]>,
}

/// One thing on a page as a screen reader tells it.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) role: String,
    pub(crate) name: String,
    /// Its further properties, such as `level`, `live`, `expanded`.
    properties: Vec<(String, Value)>,
}

impl Heard {
    pub(crate) fn is(&self, role: &str, name: &str) -> bool {
        self.role == role && self.name == name
    }

    pub(crate) fn property(&self, name: &str) -> &Value {
        let known = self.properties.iter().find(|(known, _)| known == name);
        known.map_or(&Value::Null, |(_, value)| value)
    }

    /// One of a tree's nodes; `None` if nothing is told of it.
    fn of_node(node: &Value) -> Option<Heard> {
        let text = |field: &str| node[field]["value"].as_str().unwrap_or("").to_owned();
        let properties = node["properties"].as_array().into_iter().flatten();
        (node["ignored"] == false).then(|| Heard {
            role: text("role"),
            name: text("name"),
            properties: properties
                .map(|one| {
                    let name = one["name"].as_str().unwrap_or("").to_owned();
                    (name, one["value"]["value"].clone())
                })
                .collect(),
        })
    }
}

impl Picture {
    fn from_png(png: &[u8]) -> Picture {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let samples = info.color_type.samples();
        assert!(samples >= 3, "screenshots are in colour");
        let pixels = bytes[..info.buffer_size()]
            .chunks_exact(samples)
            .map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        Picture {
            width: info.width,
            height: info.height,
            pixels,
        }
    }

    /// How many pixels have nearly this colour, given as in a style sheet: `#0e7a5c`.
    pub(crate) fn count(&self, color: &str) -> usize {
        self.count_within(color, 12)
    }

    /// The same for thin lines, whose edges are mixed with what is behind.
    pub(crate) fn count_within(&self, color: &str, tolerance: u32) -> usize {
        let number = u32::from_str_radix(&color[1..7], 16).unwrap();
        let wanted = [number >> 16, (number >> 8) & 255, number & 255];
        let near = |pixel: &&[u8; 3]| {
            pixel
                .iter()
                .zip(wanted)
                .all(|(have, want)| u32::from(*have).abs_diff(want) <= tolerance)
        };
        self.pixels.iter().filter(near).count()
    }
}

/// Starts `chromedriver`; it, and the port that it listens on. It takes a free port by IPv4 and then the same by IPv6, and
/// ends if another process has that: then it is started again.
fn start_driver() -> (Child, String) {
    for _ in 0..5 {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts; on Debian the package is chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        if let Some(port) = port {
            // Its further lines are read, so that it never waits for us.
            std::thread::spawn(move || lines.for_each(drop));
            return (driver, port);
        }
        driver.wait().unwrap();
    }
    panic!("chromedriver ended five times without saying its port");
}

impl Browser {
    /// Starts a browser and opens `url`.
    pub(crate) fn open(url: &str) -> Browser {
        let (driver, port) = start_driver();
        let profile = tempfile::tempdir().unwrap();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        let mut browser = Browser {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent: config.into(),
            _profile: profile,
        };
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
            "--lang=en-GB",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!(
            "--user-data-dir={}",
            browser._profile.path().display()
        ));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let session = browser.command("POST", "", Some(&wanted));
        let id = session["sessionId"].as_str().expect("a session");
        browser.session = format!("{}/{id}", browser.session);
        browser.resize(1360, 1000);
        browser.go(url);
        browser
    }

    #[track_caller]
    /// The dashboard of a server whose healing of a leak was verified, with the action's
    /// story opened.
    pub(crate) fn open_on_a_healed_leak(server: &Server) -> Browser {
        let browser = Browser::open(&server.url);
        browser.until_text("#link", "live");
        server.post("/demo/memory-leak?size_mb=60&count=8");
        browser.until_text("#actions tbody", "verified");
        browser.click("#actions tbody button");
        browser.until_text("#actions tbody", "Samples before and after");
        browser
    }

    fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.try_command(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same; what the browser does not do is told.
    #[track_caller]
    fn try_command(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.session);
        let sent = match (method, body) {
            ("POST", Some(body)) => self.agent.post(url).send(body.to_string()),
            ("DELETE", _) => self.agent.delete(url).call(),
            _ => self.agent.get(url).call(),
        };
        let mut response = sent.expect("chromedriver answers");
        let text = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .unwrap();
        if !response.status().is_success() {
            return Err(text);
        }
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        Ok(answer["value"].take())
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.command("POST", path, Some(body))
    }

    /// A command of Chromium's own protocol.
    #[track_caller]
    fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    #[track_caller]
    pub(crate) fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// What a script returns, run in the page.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text that is seen of an element; empty if it is not there or hidden.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = format!(
            "const one = document.querySelector({selector:?}); return one?.checkVisibility() ? one.innerText : ''"
        );
        self.run(&script).as_str().unwrap().to_owned()
    }

    /// How many elements there are.
    #[track_caller]
    pub(crate) fn count(&self, selector: &str) -> u64 {
        let script = format!("return document.querySelectorAll({selector:?}).length");
        self.run(&script).as_u64().unwrap()
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.post(
            "/element",
            &json!({ "using": "css selector", "value": selector }),
        );
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks as a person does: the element must be in view and not be covered. What
    /// moves away just then, as news come in, is clicked where it is now; also when it
    /// moved between the press and the release, of which a page is told nothing.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let start = Instant::now();
        loop {
            let element = self.element(selector);
            self.run(&format!(
                "const one = document.querySelector({selector:?});
                 one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                 window.clickArrived = one instanceof HTMLOptionElement;
                 one.addEventListener('click', () => {{ window.clickArrived = true }}, {{ once: true, capture: true }})"
            ));
            let path = format!("/element/{element}/click");
            let error = match self.try_command("POST", &path, Some(&json!({}))) {
                Err(error) => error,
                // Another page, to which a link led, knows nothing of it; an option is chosen,
                // wherever it is.
                Ok(_) if self.run("return window.clickArrived") != false => return,
                Ok(_) => "element moved under the mouse".to_owned(),
            };
            let moved = [
                "element click intercepted",
                "element moved under the mouse",
                "stale element reference",
            ];
            assert!(
                moved.iter().any(|known| error.contains(known)) && start.elapsed() < PATIENCE,
                "{selector} cannot be clicked: {error}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Types into an element; keys without a character by their WebDriver codes.
    #[track_caller]
    pub(crate) fn keys(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// Presses the mouse at one place of an element, moves it to another and lets
    /// go; places are in pixels from its middle.
    #[track_caller]
    pub(crate) fn drag(&self, selector: &str, from: i32, to: i32) {
        self.run(&format!(
            "document.querySelector({selector:?}).scrollIntoView({{ block: 'center', behavior: 'instant' }})"
        ));
        let origin = json!({ ELEMENT: self.element(selector) });
        let to_place = |x: i32| json!({ "type": "pointerMove", "duration": 50, "origin": origin, "x": x, "y": 0 });
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": [
                to_place(from), { "type": "pointerDown", "button": 0 }, to_place(to), { "type": "pointerUp", "button": 0 },
            ]}]}),
        );
    }

    /// Puts fingers on an element, moves them and takes them away; places are in pixels
    /// from its left, before and after.
    #[track_caller]
    pub(crate) fn fingers(&self, selector: &str, from: &[f64], to: &[f64]) {
        let place = self.run(&format!(
            "const one = document.querySelector({selector:?});
             one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
             const {{ x, y, height }} = one.getBoundingClientRect();
             return {{ x, y: y + height / 2 }}"
        ));
        let (left, y) = (place["x"].as_f64().unwrap(), place["y"].as_f64().unwrap());
        let touch = |kind: &str, places: &[f64]| {
            let points: Vec<Value> = (0..)
                .zip(places)
                .map(|(id, x): (u32, &f64)| json!({ "x": left + x, "y": y, "id": id }))
                .collect();
            self.chromium(
                "Input.dispatchTouchEvent",
                &json!({ "type": kind, "touchPoints": points }),
            );
        };
        touch("touchStart", from);
        for step in 1..=5 {
            let share = f64::from(step) / 5.0;
            let way = from.iter().zip(to);
            let places: Vec<f64> = way.map(|(from, to)| from + (to - from) * share).collect();
            touch("touchMove", &places);
        }
        touch("touchEnd", &[]);
    }

    /// Moves the mouse over an element.
    #[track_caller]
    pub(crate) fn point(&self, selector: &str, x: i32) {
        let origin = json!({ ELEMENT: self.element(selector) });
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": [
                { "type": "pointerMove", "duration": 0, "origin": origin, "x": x, "y": 0 },
            ]}]}),
        );
    }

    /// Polls until `ask` has an answer.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut ask: impl FnMut(&Browser) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "waited in vain until {what}; the page says:\n{}",
                self.text("body")
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Polls until the text of an element has a word in it.
    #[track_caller]
    pub(crate) fn until_text(&self, selector: &str, word: &str) {
        self.until(&format!("{selector} says {word:?}"), |browser| {
            browser.text(selector).contains(word).then_some(())
        });
    }

    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.chromium(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
    }

    /// As on a machine whose owner likes dark pages.
    pub(crate) fn prefer_dark(&self) {
        let dark = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        self.chromium("Emulation.setEmulatedMedia", &json!({ "features": dark }));
    }

    /// What is seen of the page now.
    #[track_caller]
    pub(crate) fn picture(&self) -> Picture {
        self.capture(&json!({ "format": "png" }))
    }

    /// What is seen of one element.
    #[track_caller]
    pub(crate) fn picture_of(&self, selector: &str) -> Picture {
        let place = self.run(&format!(
            "const one = document.querySelector({selector:?});
             one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
             const {{ x, y, width, height }} = one.getBoundingClientRect();
             return {{ x: x + scrollX, y: y + scrollY, width, height, scale: 1 }}"
        ));
        self.capture(&json!({ "format": "png", "clip": place }))
    }

    #[track_caller]
    fn capture(&self, parameters: &Value) -> Picture {
        let answer = self.chromium("Page.captureScreenshot", parameters);
        let data = answer["data"].as_str().unwrap();
        Picture::from_png(&BASE64_STANDARD.decode(data).unwrap())
    }

    /// What a screen reader tells of the page, in its order.
    #[track_caller]
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.chromium("Accessibility.enable", &json!({}));
        let tree = self.chromium("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap();
        let by_id: HashMap<&str, &Value> = nodes
            .iter()
            .map(|node| (node["nodeId"].as_str().unwrap(), node))
            .collect();
        let mut heard = Vec::new();
        let mut pending = vec![&nodes[0]];
        while let Some(node) = pending.pop() {
            heard.extend(Heard::of_node(node));
            let children = node["childIds"].as_array().into_iter().flatten().rev();
            pending.extend(children.filter_map(|id| by_id.get(id.as_str().unwrap())));
        }
        heard
    }

    /// A colour of the style sheet's.
    pub(crate) fn color(&self, name: &str) -> String {
        let script = format!(
            "return getComputedStyle(document.documentElement).getPropertyValue('{name}').trim()"
        );
        self.run(&script).as_str().unwrap().to_owned()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().unwrap().clone()
    }

    /// Holds the page to what it promises: no errors or warnings in its console, and
    /// no request but to the server it came from.
    #[track_caller]
    pub(crate) fn check_clean(&self, origin: &str) {
        self.check_clean_but(origin, None);
    }

    /// The same where requests for one path fail by intention, which a browser notes.
    #[track_caller]
    pub(crate) fn check_clean_but(&self, origin: &str, failing: Option<&str>) {
        let mut console = self.log("browser");
        let failing = failing.map(|path| format!("{origin}{path}"));
        console.retain(|entry| {
            let text = entry["message"].as_str().unwrap();
            !failing
                .as_ref()
                .is_some_and(|url| entry["source"] == "network" && text.starts_with(url))
        });
        assert!(console.is_empty(), "{console:#?}");
        let mut own = 0;
        for entry in self.log("performance") {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let message = &message["message"];
            if message["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = message["params"]["request"]["url"].as_str().unwrap();
            // What a browser has open before it is told to go anywhere.
            if ["data:", "about:", "chrome:"]
                .iter()
                .any(|own| url.starts_with(own))
            {
                continue;
            }
            assert!(url.starts_with(&format!("{origin}/")), "{url} was asked");
            own += 1;
        }
        assert!(own > 0, "the requests are logged");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; chromedriver is then of no more use. Either may have ended
        // by itself, and a test that failed has said why.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
