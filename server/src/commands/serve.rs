//! `chimera serve`: the server, and what `chimera` alone does.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use chimera_server::events::Events;
use chimera_server::front::Front;
use chimera_server::heal::{Healer, INTERVAL_MAX, INTERVAL_MIN, RuleSource, Settings};
use chimera_server::http::{self, Shell};
use chimera_server::sample::Sources;
use chimera_server::stress::Stress;
use chimera_server::work::{Background, Sessions, Upstream};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Most that the session cache may hold, in MiB.
const SESSIONS_MIB_MAX: usize = 2048;

/// What `chimera serve` takes.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The address to listen on; off loopback a token is needed.
    #[arg(long, env = "CHIMERA_BIND", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, env = "CHIMERA_PORT", default_value_t = 8000)]
    port: u16,
    /// The directory of rules: DIR/healing.metta and DIR/healing/*.metta. By
    /// default ./metta if it exists, else the rules that the binary carries.
    #[arg(long, env = "CHIMERA_RULES", value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Seconds between samples; by default what the rules say.
    #[arg(long, env = "CHIMERA_SAMPLE_INTERVAL", value_name = "SECONDS", value_parser = interval)]
    sample_interval: Option<f64>,
    /// What changes state off loopback must carry as `Authorization: Bearer TOKEN`.
    #[arg(long, env = "CHIMERA_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Also take GET for the demo routes, as the original did.
    #[arg(long, env = "CHIMERA_COMPAT_GET")]
    compat_get: bool,
    /// How log lines are written.
    #[arg(long, env = "CHIMERA_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum LogFormat {
    Text,
    Json,
}

fn interval(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (INTERVAL_MIN..=INTERVAL_MAX).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!(
            "must be from {INTERVAL_MIN} to {INTERVAL_MAX} seconds"
        ))
    }
}

/// 0 after an orderly end, 1 if the server could not start.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    log(arguments.log_format);
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
    match runtime.block_on(serve(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            tracing::error!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => subscriber.json().init(),
    }
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let address = SocketAddr::new(arguments.bind, arguments.port);
    if !address.ip().is_loopback() && arguments.token.as_deref().is_none_or(str::is_empty) {
        return Err(format!(
            "{address} can be reached from elsewhere: set a token with --token or CHIMERA_TOKEN, \
             or bind to 127.0.0.1"
        ));
    }
    let rules = RuleSource::choose(arguments.rules)?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "{address} is taken by another program; end it or choose another with --port"
            ),
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
        upstream: Upstream::start(events.clone())
            .await
            .map_err(|error| format!("the upstream service did not start: {error}"))?,
        events,
    };
    match &rules {
        RuleSource::Directory(directory) => {
            tracing::info!("rules from {}", directory.display());
        }
        RuleSource::BuiltIn => tracing::info!("rules from the built-in copy"),
    }
    let settings = Settings {
        rules,
        interval: arguments.sample_interval,
    };
    let (healer, healing) =
        Healer::new(settings, sources.clone()).map_err(|error| error.to_string())?;
    let shell = Shell {
        healing,
        sessions: sources.sessions,
        background: sources.background.clone(),
        front: sources.front,
        upstream: sources.upstream,
        stress: Stress::default(),
        events: sources.events,
        settings: http::Settings {
            token: arguments.token,
            compat_get: arguments.compat_get,
        },
    };
    let shutdown = CancellationToken::new();
    tokio::spawn(end_on_signal(shutdown.clone()));
    let healing = tokio::spawn(healer.run(shutdown.clone()));
    tracing::info!("serving on http://{address}");
    let served = http::run(listener, shell, shutdown.clone())
        .await
        .map_err(|error| error.to_string());
    shutdown.cancel();
    sources.background.cancel();
    healing
        .await
        .map_err(|error| format!("the healing loop failed: {error}"))?;
    tracing::info!("ended");
    served
}

async fn end_on_signal(shutdown: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM is not waited for");
                // Without a handler for it either, ctrl-c ends the process at once.
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
    tracing::info!("ending");
    shutdown.cancel();
}
