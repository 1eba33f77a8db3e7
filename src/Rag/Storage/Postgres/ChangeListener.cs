using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>
/// Hears of what other processes wrote (LISTEN) and announces it here. A hint only: who follows the change log also looks
/// by the clock, so that a lost announcement costs a second and nothing else.
/// </summary>
internal sealed class ChangeListener(PostgresDatabase database, ChangeLog changes, TimeProvider time, ILogger<ChangeListener> log) : BackgroundService
{
    public const string Channel = "rag_changes";

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200), MaxDelay = TimeSpan.FromSeconds(5);

    /// <summary>Whether announcements arrive now.</summary>
    public bool Listening { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        var delay = FirstDelay;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await database.ConnectAloneAsync(stop);
                connection.Notification += (_, _) => changes.Announce();
                await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection)) await listen.ExecuteNonQueryAsync(stop);
                delay = FirstDelay;
                Listening = true;
                // What was written while nobody listened.
                changes.Announce();
                while (true) await connection.WaitAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                if (Listening) log.ListenerLost(e.Message);
                Listening = false;
                await Task.Delay(delay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                delay = delay * 2 < MaxDelay ? delay * 2 : MaxDelay;
            }
        }
        Listening = false;
    }
}
