//! Asking the healing loop, which may be busy or have ended.

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::http::answer::Failure;
use crate::http::service::Service;
use crate::status::Command;

fn ended() -> Failure {
    Failure::Unavailable("the healing loop has ended; restart the server".to_owned())
}

fn busy() -> Failure {
    Failure::Unavailable("the healing loop is busy; try again".to_owned())
}

/// Hands a command to the loop.
///
/// # Errors
/// 503 if its mailbox stays full, or it has ended.
pub(super) async fn tell(service: &Service, command: Command) -> Result<(), Failure> {
    let sending = service.shell.healing.commands.send(command);
    match timeout(service.limits.ask, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(ended()),
        Err(_) => Err(busy()),
    }
}

/// Hands a command to the loop and waits for its answer.
///
/// # Errors
/// 503 if there is none in time.
pub(super) async fn ask<T>(
    service: &Service,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, Failure> {
    let (sender, receiver) = oneshot::channel();
    tell(service, command(sender)).await?;
    match timeout(service.limits.ask, receiver).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(ended()),
        Err(_) => Err(busy()),
    }
}
