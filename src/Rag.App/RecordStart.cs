using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.App;

/// <summary>
/// Brings the record to this release's schema at the start. Where the record is away and this replica has an index on
/// its disk, the server starts all the same and answers from that; nothing is written until the schema is right.
/// </summary>
internal sealed partial class RecordStart(Database database, Collections collections, RecordState state, TimeProvider time, ILogger<RecordStart> log, IndexStore? indexes = null) : BackgroundService
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <exception cref="RagException">The record is away, and there is no index to answer from.</exception>
    public async Task BringUpAsync(CancellationToken ct)
    {
        try
        {
            await PrepareAsync(ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Unavailable && indexes?.ReadCatalog().Count > 0)
        {
            state.Postponed = e;
            log.Postponed(e.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (state.Postponed is not null && !stop.IsCancellationRequested)
        {
            await Task.Delay(RetryInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (stop.IsCancellationRequested) return;
                await PrepareAsync(stop);
                state.Postponed = null;
                log.Prepared();
            }
            catch (Exception e) when (e is RagException or System.Data.Common.DbException)
            {
                // Still away; what it says is known from the first time.
            }
        }
    }

    private async Task PrepareAsync(CancellationToken ct)
    {
        await database.MigrateAsync(ct);
        await collections.EnsureAsync(Collections.Default, language: null, ct);
    }
}

internal static partial class RecordStartLog
{
    [LoggerMessage(9020, LogLevel.Error, "The record is away, and this server answers from its index alone until it comes back: {Reason}")]
    public static partial void Postponed(this ILogger log, string reason);

    [LoggerMessage(9021, LogLevel.Information, "The record is back, and its schema is this release's")]
    public static partial void Prepared(this ILogger log);
}
