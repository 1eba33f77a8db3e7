using System.Text.Json;
using System.Threading.Channels;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>
/// Keeps where answers came from. Written behind the answer, many in one transaction, so that no question waits for
/// the disk; what is not written yet can be read here all the same.
/// </summary>
internal sealed class Provenance(Database database, TimeProvider time, ILogger<Provenance> log) : BackgroundService
{
    private const int MaxQueued = 10_000;
    private const int MaxBatch = 256;
    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromMilliseconds(500), MaxRetryDelay = TimeSpan.FromSeconds(5);

    private readonly Channel<AnswerRecord> _queue = Channel.CreateBounded<AnswerRecord>(MaxQueued);
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, AnswerRecord> _unwritten = new();

    /// <summary>Takes the record over; waits only when <see cref="MaxQueued"/> are still unwritten.</summary>
    public async ValueTask KeepAsync(AnswerRecord record, CancellationToken ct)
    {
        _unwritten[record.Id] = record;
        await _queue.Writer.WriteAsync(record, ct);
    }

    public async Task<AnswerRecord?> FindAsync(string id, CancellationToken ct)
    {
        if (_unwritten.TryGetValue(id, out var fresh)) return fresh;
        await using var connection = await database.OpenAsync(ct);
        string? body = await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition("SELECT body FROM answers WHERE id = @id", new { id }, cancellationToken: ct));
        return body is null ? null : JsonSerializer.Deserialize(body, AnsweringJson.Default.AnswerRecord);
    }

    public async Task<bool> RateAsync(string id, int rating, string? comment, CancellationToken ct)
    {
        // The answer that is being rated may still be on its way to the record.
        while (_unwritten.ContainsKey(id)) await Task.Delay(TimeSpan.FromMilliseconds(20), time, ct);
        return await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE answers SET rating = @rating, comment = @comment WHERE id = @id", new { id, rating, comment }, tx), ct) == 1;
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        var batch = new List<AnswerRecord>(MaxBatch);
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stop))
            {
                while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var record)) batch.Add(record);
                await WriteAsync(batch, stop);
                batch.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // The last answers are written before the process goes.
            while (_queue.Reader.TryRead(out var record)) batch.Add(record);
            if (batch.Count > 0) await WriteAsync(batch, CancellationToken.None);
        }
    }

    private async Task WriteAsync(IReadOnlyList<AnswerRecord> batch, CancellationToken stop)
    {
        var delay = FirstRetryDelay;
        while (true)
        {
            try
            {
                // Where the last attempt's outcome is not known, some may be there already.
                await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                    "INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES (@Id, @CollectionId, @CreatedAt, @Outcome, @body) ON CONFLICT (id) DO NOTHING",
                    batch.Select(r => new { r.Id, r.CollectionId, r.CreatedAt, r.Outcome, body = JsonSerializer.Serialize(r, AnsweringJson.Default.AnswerRecord) }), tx), CancellationToken.None);
                foreach (var record in batch) _unwritten.TryRemove(record.Id, out _);
                return;
            }
            catch (RagException e) when (e.Kind is not (ErrorKind.Unavailable or ErrorKind.StorageFull))
            {
                // One that the record refuses for good must not keep the others out.
                if (batch.Count > 1) foreach (var record in batch) await WriteAsync([record], stop);
                else _unwritten.TryRemove(batch[0].Id, out _);
                if (batch.Count == 1) log.ProvenanceRefused(e, batch[0].Id);
                return;
            }
            catch (Exception e) when (!stop.IsCancellationRequested && stop.CanBeCanceled)
            {
                log.ProvenanceDelayed(e, batch.Count);
                await Task.Delay(delay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                delay = delay * 2 < MaxRetryDelay ? delay * 2 : MaxRetryDelay;
            }
        }
    }
}
