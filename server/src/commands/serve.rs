//! `chimera serve`: the server, and what `chimera` alone does.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chimera_server::events::Events;
use chimera_server::front::Front;
use chimera_server::heal::{self, Healer, RuleSource};
use chimera_server::http::{self, Limits, Shell, Tls, Token};
use chimera_server::inbound::Inbound;
use chimera_server::listen::listen;
use chimera_server::logging::{self, LogFormat, LogLevel};
use chimera_server::outside::{self, Outside};
use chimera_server::sample::Sources;
use chimera_server::settings::Settings;
use chimera_server::stress::Stress;
use chimera_server::work::{Background, Ratio, Sessions, Upstream};
use tokio_util::sync::CancellationToken;

/// Most that the session cache may hold, in MiB.
const SESSIONS_MIB_MAX: usize = 2048;
/// Descriptors that are not for clients' connections.
const OTHER_FILES: u64 = 1200;

/// What `chimera serve` takes. Each flag is a setting; `docs/configuration.md` has
/// all of them.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Arguments {
    /// A TOML file with settings; CHIMERA_CONFIG may name it too.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on; off loopback a token is needed [default: 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// The port to listen on; 0 takes a free one [default: 8000].
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// The directory of rules: DIR/healing.metta and DIR/healing/*.metta. By
    /// default ./metta if it exists, else the rules that the binary carries.
    #[arg(long, value_name = "DIR")]
    rules: Option<String>,
    /// Seconds between samples; by default what the rules say.
    #[arg(long, value_name = "SECONDS")]
    sample_interval: Option<String>,
    /// The file in which what healing learns is kept: read at the start, written after
    /// each episode. By default nothing is kept.
    #[arg(long, value_name = "PATH")]
    learned: Option<String>,
    /// The TOML file that names other programs: what is watched of them and what rules
    /// may do to them.
    #[arg(long, value_name = "FILE")]
    outside: Option<String>,
    /// The file with the token that what changes state must carry off loopback;
    /// or CHIMERA_TOKEN holds it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// Whether there are demo routes: on, off, or auto, which is on loopback only.
    #[arg(long, value_name = "WORD")]
    demo: Option<String>,
    /// Also take GET for the demo routes, as the original did.
    #[arg(long)]
    compat_get: bool,
    /// How log lines are written: text or json.
    #[arg(long, value_name = "WORD")]
    log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Any setting, as KEY=VALUE; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print every setting as a TOML file, with where it comes from, and end.
    #[arg(long)]
    print_config: bool,
}

impl Arguments {
    /// The flags that were given, by the setting that they set.
    fn flags(&self) -> Result<Vec<(&str, &str)>, String> {
        let named = [
            ("bind", &self.bind),
            ("port", &self.port),
            ("rules", &self.rules),
            ("sample-interval", &self.sample_interval),
            ("learned", &self.learned),
            ("outside", &self.outside),
            ("token-file", &self.token_file),
            ("demo", &self.demo),
            ("log.format", &self.log_format),
            ("log.level", &self.log_level),
        ];
        let mut flags: Vec<(&str, &str)> = named
            .iter()
            .filter_map(|(key, value)| Some((*key, value.as_deref()?)))
            .collect();
        if self.compat_get {
            flags.push(("compat-get", "true"));
        }
        for pair in &self.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("--set {pair}: write --set KEY=VALUE"))?;
            flags.push((key.trim(), value.trim()));
        }
        Ok(flags)
    }
}

/// All layers of settings, and what is to be warned of.
fn settings(arguments: &Arguments) -> Result<(Settings, Vec<String>), String> {
    let mut settings = Settings::default();
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let file = arguments.config.clone();
    if let Some(file) = file.or_else(|| variable("CHIMERA_CONFIG").map(PathBuf::from)) {
        settings
            .read_file(&file)
            .map_err(|error| error.to_string())?;
    }
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    // What is no Unicode is no setting's value; it is shown as well as can be.
    let variables = variables.map(|(name, value)| (name, value.to_string_lossy().into_owned()));
    let warnings = settings
        .read_environment(variables)
        .map_err(|error| error.to_string())?;
    for (key, value) in arguments.flags()? {
        settings
            .set_by_flag(key, value)
            .map_err(|error| error.to_string())?;
    }
    let warnings = warnings.iter().map(ToString::to_string).collect();
    Ok((settings, warnings))
}

/// 0 after an orderly end, 1 if the server could not start, 2 if a setting is wrong.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (settings, warnings) = match settings(arguments) {
        Ok(found) => found,
        Err(text) => return wrong(&text),
    };
    if arguments.print_config {
        return print(&settings);
    }
    let format = match settings.value("log.format").text() {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    };
    let level = settings.value("log.level").text().unwrap_or("info");
    let log = match logging::install(format, level) {
        Ok(log) => log,
        Err(error) => return wrong(&format!("log.level: {error}")),
    };
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(&settings, log)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            tracing::error!("{text}");
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "there is no log before its settings are right"
)]
fn wrong(text: &str) -> ExitCode {
    eprintln!("chimera: {text}");
    ExitCode::from(2)
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn print(settings: &Settings) -> ExitCode {
    print!("{}", settings.to_toml());
    ExitCode::SUCCESS
}

/// The token from its file or the environment.
fn token(settings: &Settings) -> Result<Option<Token>, String> {
    let Some(file) = settings.value("token-file").text() else {
        return Ok(std::env::var("CHIMERA_TOKEN")
            .ok()
            .and_then(|text| Token::new(&text)));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read the token in {file}: {error}"))?;
    match Token::new(&text) {
        Some(token) => Ok(Some(token)),
        None => Err(format!("the token in {file} is empty")),
    }
}

fn limits(settings: &Settings) -> Limits {
    let count = |key| settings.value(key).count();
    let time = |key| settings.value(key).duration();
    Limits {
        connections: count("limits.connections"),
        client_connections: count("limits.client-connections"),
        client_requests: count("limits.client-requests"),
        requests: count("limits.requests"),
        head: time("limits.head"),
        idle: time("limits.idle"),
        head_bytes: count("limits.head-bytes"),
        url_bytes: count("limits.url-bytes"),
        body: time("limits.body"),
        body_bytes: count("limits.body-bytes"),
        answer: time("limits.answer"),
        ask: time("limits.ask"),
        write: time("limits.write"),
        query: time("limits.query"),
        query_reductions: count("limits.query-reductions") as u64,
        queries: count("limits.queries"),
        streams: count("limits.streams"),
        heartbeat: time("limits.heartbeat"),
        drain: time("limits.drain"),
        shutdown: time("limits.shutdown"),
    }
}

/// Raises the limit of open files as far as the system lets it be raised, and
/// lowers that of connections to what then fits.
fn fit_connections(limits: &mut Limits) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let now = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: now.maximum,
            maximum: now.maximum,
        };
        let files = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => now.maximum,
            Err(error) => {
                tracing::warn!(%error, "the limit of open files could not be raised");
                now.current
            }
        };
        let Some(files) = files else { return };
        let fitting = files.saturating_sub(OTHER_FILES).max(files / 4).max(1);
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        if fitting < limits.connections {
            tracing::warn!(
                files,
                connections = fitting,
                "fewer connections than set, as the system lets so few files be open; raise it with ulimit -n"
            );
            limits.connections = fitting;
        }
    }
}

fn shell_settings(settings: &Settings, bind: IpAddr) -> Result<http::Settings, String> {
    let token = token(settings)?;
    if !bind.is_loopback() && token.is_none() {
        return Err(format!(
            "{bind} can be reached from elsewhere: set a token with --token-file or CHIMERA_TOKEN, \
             or bind to 127.0.0.1"
        ));
    }
    let file = |key| settings.value(key).text().map(Path::new);
    let tls = match (file("tls.certificate"), file("tls.key")) {
        (Some(certificate), Some(key)) => {
            Some(Tls::load(certificate, key).map_err(|error| error.to_string())?)
        }
        (None, None) => None,
        _ => return Err("tls.certificate and tls.key are only of use together".to_owned()),
    };
    let mut hosts = settings.value("hosts").list().to_vec();
    if !bind.is_loopback() {
        hosts.extend(sysinfo::System::host_name());
    }
    Ok(http::Settings {
        token,
        tls,
        hosts,
        demo: match settings.value("demo").text() {
            Some("on") => true,
            Some("off") => false,
            _ => bind.is_loopback(),
        },
        compat_get: settings.value("compat-get").is_true(),
    })
}

async fn serve(settings: &Settings, log: LogLevel) -> Result<(), String> {
    let bind: IpAddr = settings
        .value("bind")
        .text()
        .and_then(|text| text.parse().ok())
        .expect("the setting is an address");
    let address = SocketAddr::new(bind, settings.value("port").count() as u16);
    let shell_settings = shell_settings(settings, bind)?;
    let rules = RuleSource::choose(settings.value("rules").text().map(PathBuf::from))?;
    let mut limits = limits(settings);
    fit_connections(&mut limits);
    let outside = match settings.value("outside").text() {
        Some(path) => Outside::new(
            outside::Config::of_file(Path::new(path)).map_err(|error| error.to_string())?,
        ),
        None => Outside::default(),
    };
    let listener = listen(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("{address} is taken by another program; end it or choose another with --port")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| format!("the listener has no address: {error}"))?;
    let events = Events::default();
    let sources = Sources {
        sessions: Sessions::new(SESSIONS_MIB_MAX),
        background: Background::new(),
        front: Front::new(),
        inbound: Inbound::default(),
        upstream: Upstream::start(events.clone())
            .await
            .map_err(|error| format!("the upstream service did not start: {error}"))?,
        outside,
        events,
    };
    match &rules {
        RuleSource::Directory(directory) => {
            tracing::info!("rules from {}", directory.display());
        }
        RuleSource::BuiltIn => tracing::info!("rules from the built-in copy"),
    }
    let healing_settings = heal::Settings {
        rules,
        interval: settings.value("sample-interval").seconds(),
        learned: settings.value("learned").text().map(PathBuf::from),
    };
    let beside = tokio::runtime::Handle::current();
    let (healer, healing) = Healer::new(healing_settings, sources.clone(), beside)
        .map_err(|error| error.to_string())?;
    let shell = Shell {
        healing,
        sessions: sources.sessions,
        background: sources.background.clone(),
        front: sources.front,
        inbound: sources.inbound,
        upstream: sources.upstream,
        stress: Stress::default(),
        events: sources.events,
        log,
        settings: shell_settings,
    };
    let shutdown = CancellationToken::new();
    tokio::spawn(end_on_signal(shutdown.clone()));
    // On a thread of its own: rules that take long to load or to decide, and the kernel's
    // tables, keep none of the threads that answer requests.
    let until = shutdown.clone();
    let healing = tokio::task::spawn_blocking(move || healer.run(until));
    let scheme = if shell.settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    tracing::info!("serving on {scheme}://{address}");
    let served = http::run_within(limits, listener, shell, shutdown.clone())
        .await
        .map_err(|error| error.to_string());
    shutdown.cancel();
    sources.background.cancel(Ratio::FULL);
    healing
        .await
        .map_err(|error| error.to_string())
        .and_then(|ended| ended.map_err(|error| error.to_string()))
        .map_err(|error| format!("the healing loop failed: {error}"))?;
    tracing::info!("ended");
    served
}

/// Ends in good order on the first signal, at once on the second.
async fn end_on_signal(shutdown: CancellationToken) {
    let mut signals = Signals::new();
    signals.next().await;
    tracing::info!("ending; a second signal ends it at once");
    shutdown.cancel();
    signals.next().await;
    tracing::warn!("ended at once");
    std::process::exit(130);
}

/// SIGTERM and SIGINT, as they come.
#[cfg(unix)]
struct Signals {
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate())
            .inspect_err(|error| tracing::warn!(%error, "SIGTERM is not waited for"))
            .ok();
        Signals { terminate }
    }

    async fn next(&mut self) {
        let Some(terminate) = &mut self.terminate else {
            // Without a handler for it either, ctrl-c ends the process at once.
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Signals {
        Signals
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
