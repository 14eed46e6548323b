//! The W3C WebDriver protocol, as far as these tests need it, to a ChromeDriver of their own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

/// A browser with one page, ended with the test.
pub(crate) struct Browser {
    driver: Child,
    session: String,
}

/// The Enter, Tab, arrow and Escape keys of the protocol.
pub(crate) const ENTER: &str = "\u{E007}";
pub(crate) const DOWN: &str = "\u{E015}";
pub(crate) const ESCAPE: &str = "\u{E00C}";

/// The name of an element's identity in answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Starts both; `None` where no ChromeDriver is installed, or one that does not start, as Ubuntu's without its snap.
    pub(crate) fn start() -> Option<Self> {
        let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = started.ok()?;
        let lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port: Option<u16> = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let Some(port) = port else {
            let _ = driver.wait();
            return None;
        };
        let base = format!("http://127.0.0.1:{port}/session");
        // Chromium's own sandbox needs user namespaces, which containers and root lack.
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let capabilities = json!({ "alwaysMatch": { "goog:chromeOptions": { "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" } } });
        let mut browser = Self { driver, session: base };
        let answer = browser.post("", &json!({ "capabilities": capabilities }));
        let id = answer["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        Some(browser)
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs a function's body in the page; `arguments[0]` is the argument.
    pub(crate) fn run(&self, script: &str, argument: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [argument] }))
    }

    /// The text of the first element that a CSS selector finds.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", &json!(selector));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Types into whatever has the focus, as a keyboard does.
    pub(crate) fn keys(&self, keys: &str) {
        let active = self.get("/element/active");
        let id = active[ELEMENT].as_str().expect("something has the focus");
        self.post(&format!("/element/{id}/value"), &json!({ "text": keys }));
    }

    /// Clicks the first element that a CSS selector finds.
    pub(crate) fn click(&self, selector: &str) {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        let id = found[ELEMENT].as_str().expect("an element");
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// What the console says: errors of scripts, and what a content security policy refused.
    pub(crate) fn console(&self) -> Value {
        self.post("/se/log", &json!({ "type": "browser" }))
    }

    fn get(&self, path: &str) -> Value {
        let answer = agent().get(format!("{}{path}", self.session)).call().expect("an answer");
        value(answer.into_body().read_to_string().expect("text"), path)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = agent().post(format!("{}{path}", self.session)).header("Content-Type", "application/json");
        let answer = request.send(body.to_string()).expect("an answer");
        value(answer.into_body().read_to_string().expect("text"), path)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

#[track_caller]
fn value(text: String, path: &str) -> Value {
    let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
    assert!(answer["value"].get("error").is_none(), "{path}: {answer:#}");
    answer["value"].take()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium, which would outlive its driver.
        let _ = agent().delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
