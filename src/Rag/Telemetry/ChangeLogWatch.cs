using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Telemetry;

/// <summary>Looks at the record every few seconds, so that metrics and status cost it nothing when they are read.</summary>
internal sealed class ChangeLogWatch(ChangeLog changes, DocumentRecord documents, IIndexer indexer, RecordState record, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private long _oldestMissingAt;

    public long Position { get; private set; }

    public long Documents { get; private set; }

    public bool Up { get; private set; } = true;

    /// <summary>0 where the index is up to date; otherwise how long ago the first change that it lacks was written.</summary>
    public double LagSeconds(long indexPosition) =>
        indexPosition >= Position || _oldestMissingAt == 0 ? 0 : Math.Max(0, (time.Microseconds() - _oldestMissingAt) / 1e6);

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Position = await changes.LastAsync(stop);
                Documents = (await documents.CountAsync(null, stop)).Documents;
                var missing = await changes.ReadAsync(indexer.Position, 1, stop);
                _oldestMissingAt = missing.Count > 0 ? missing[0].At : 0;
                Up = true;
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                Up = !record.Says(e);
            }
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
