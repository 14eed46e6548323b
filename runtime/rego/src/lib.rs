//! Rules that are written in Rego, decided.
//!
//! In: a module as Gatekeeper's constraint templates have it (`violation[{"msg": msg}]` over `input.review`) or as the Open
//! Policy Agent's own admission controller does (`deny[msg]` over `input.request`), in either version of Rego. Out: the
//! messages of its violations. One module by itself: it imports nothing but Rego, and has neither clock nor network.
//!
//! Rego has no bound of its work, so that one is put to its time.

mod input;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kspec_rules::Foreign;
use regorus::Engine;
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::{Map, Value};

/// Names of the rules that hold violations.
const ENTRIES: [&str; 2] = ["violation", "deny"];
/// Work between two looks at the clock.
const INTERVAL: u32 = 256;

/// An engine for modules, each read once.
#[derive(Debug)]
pub struct Rego {
    limit: Duration,
    modules: Mutex<HashMap<String, Result<Arc<Module>, String>>>,
}

/// A module that was read.
struct Module {
    /// Paths of its rules that hold violations: `data.k8srequiredlabels.violation`.
    entries: Vec<String>,
    read: Mutex<Engine>,
    /// Engines that are not at work.
    idle: Mutex<Vec<Engine>>,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Rego {
    /// An engine that lets one module take so long about one request.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, modules: Mutex::default() }
    }

    fn module(&self, file: &str, source: &str) -> Result<Arc<Module>, String> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = modules.get(source) {
            return known.clone();
        }
        let read = guarded(|| Module::read(file, source, self.limit)).map(Arc::new);
        modules.insert(source.to_owned(), read.clone());
        read
    }
}

impl Foreign for Rego {
    fn rego(
        &self,
        file: &str,
        source: &str,
        parameters: &Map<String, Value>,
        request: &Value,
    ) -> Result<Vec<String>, String> {
        let module = self.module(file, source)?;
        guarded(|| module.judge(request, parameters))
    }
}

/// What a module does wrong must not end whoever asks it.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the Rego engine gave up on it".to_owned()))
}

impl Module {
    /// Reads it as Rego of before 1.0, which most of what there is is written in, else as Rego 1.0.
    fn read(file: &str, source: &str, limit: Duration) -> Result<Self, String> {
        let parsed = |old: bool| {
            let mut engine = Engine::new();
            engine.set_rego_v0(old);
            engine.set_strict_builtin_errors(false);
            let check_interval = NonZeroU32::new(INTERVAL).unwrap_or(NonZeroU32::MIN);
            engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval });
            let package = engine.add_policy(file.to_owned(), source.to_owned()).map_err(|error| error.to_string())?;
            Ok::<_, String>((engine, package))
        };
        // Where neither reads it, the newer's complaint is the one that says what to write.
        let (engine, package) = parsed(true).or_else(|_| parsed(false)).map_err(|why| first_line(&why))?;
        // A copy is asked, so that what it evaluates is not kept. Only of a rule that there is not, it says so.
        let declared = |entry: &String| {
            let asked = engine.clone().eval_rule(entry.clone());
            !asked.is_err_and(|error| error.to_string().contains("not a valid rule path"))
        };
        let entries: Vec<String> = ENTRIES.iter().map(|name| format!("{package}.{name}")).filter(declared).collect();
        if entries.is_empty() {
            return Err(format!("{file} declares neither `violation` nor `deny`"));
        }
        Ok(Self { entries, read: Mutex::new(engine), idle: Mutex::default() })
    }

    fn judge(&self, request: &Value, parameters: &Map<String, Value>) -> Result<Vec<String>, String> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut engine = idle.unwrap_or_else(|| self.read.lock().unwrap_or_else(PoisonError::into_inner).clone());
        engine.set_input(input::of(request, parameters).into());
        let mut messages = Vec::new();
        for entry in &self.entries {
            let found = engine.eval_rule(entry.clone()).map_err(|error| first_line(&error.to_string()))?;
            if found == regorus::Value::Undefined {
                continue;
            }
            let json = found.to_json_str().map_err(|error| error.to_string())?;
            let json: Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
            input::messages(&json, &mut messages);
        }
        engine.set_input(regorus::Value::Undefined);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(engine);
        Ok(messages)
    }
}

/// The engine draws the source under its messages; a log line has no room for it.
fn first_line(why: &str) -> String {
    let told = why.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = told.filter(|line| !line.starts_with(['|', '^']) && !is_drawn(line)).collect();
    told.join(" ")
}

/// `12 |   deny[msg] {`
fn is_drawn(line: &str) -> bool {
    line.split_once('|').is_some_and(|(number, _)| number.trim().chars().all(|digit| digit.is_ascii_digit()))
}
