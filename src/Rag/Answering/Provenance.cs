using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using System.Threading.Channels;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>
/// Keeps where answers came from. Written behind the answer, many in one transaction, so that no question waits for
/// the disk; what the record cannot take now waits on this replica's disk (<see cref="ProvenanceSpool"/>) and follows in
/// order. What is not in the record yet can be read here all the same.
/// </summary>
internal sealed class Provenance(Database database, RecordState state, ProvenanceSpool spool, AuditTrail audit, TimeProvider time, ILogger<Provenance> log) : BackgroundService
{
    private const int MaxQueued = 10_000;
    private const int MaxBatch = 256;
    private static readonly TimeSpan ReplayInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(5), RateLimit = TimeSpan.FromSeconds(5);

    private readonly Channel<AnswerRecord> _queue = Channel.CreateBounded<AnswerRecord>(MaxQueued);
    private readonly ConcurrentDictionary<string, AnswerRecord> _unwritten = new();

    /// <summary>Takes the record over; never waits for the record of documents.</summary>
    public void Keep(AnswerRecord record)
    {
        _unwritten[record.Id] = record;
        if (_queue.Writer.TryWrite(record)) return;
        // More answers than the record takes in: the disk has the rest.
        Spool([record]);
    }

    public async Task<AnswerRecord?> FindAsync(string id, CancellationToken ct)
    {
        if (_unwritten.TryGetValue(id, out var fresh)) return fresh;
        if (spool.Find(id) is { } spooled) return spooled;
        state.Require();
        await using var connection = await database.OpenAsync(ct);
        string? body = await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition("SELECT body FROM answers WHERE id = @id", new { id }, cancellationToken: ct));
        return body is null ? null : JsonSerializer.Deserialize(body, AnsweringJson.Default.AnswerRecord);
    }

    /// <summary>Answers of a collection whose evidence names a document, the latest first, among the latest <paramref name="looked"/> of all.</summary>
    public async Task<IReadOnlyList<(AnswerRecord Record, long? Rating)>> NamingAsync(string collectionId, string document, int looked, int limit, CancellationToken ct)
    {
        state.Require();
        await using var connection = await database.OpenAsync(ct);
        // Ids hold no character that LIKE or JSON reads as another.
        var rows = await connection.QueryAsync<(string Body, long? Rating)>(new CommandDefinition(
            """
            SELECT body, rating FROM (SELECT collection_id, created_at, body, rating FROM answers ORDER BY created_at DESC LIMIT @looked) AS latest
            WHERE collection_id = @collectionId AND body LIKE @naming ORDER BY created_at DESC LIMIT @limit
            """, new { looked, limit, collectionId, naming = $"%\"{document}\"%" }, cancellationToken: ct));
        return [.. rows.Select(r => (JsonSerializer.Deserialize(r.Body, AnsweringJson.Default.AnswerRecord)!, r.Rating))];
    }

    public async Task<bool> RateAsync(string id, int rating, string? comment, CancellationToken ct)
    {
        // The answer that is being rated may still be on its way to the record.
        long started = time.GetTimestamp();
        while (_unwritten.ContainsKey(id) && time.GetElapsedTime(started) < RateLimit) await Task.Delay(TimeSpan.FromMilliseconds(20), time, ct);
        if (_unwritten.ContainsKey(id) || spool.Contains(id)) throw new RagException(ErrorKind.Unavailable, "The answer is not in the record yet.", "Send the rating again in a moment.");
        return await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteAsync("UPDATE answers SET rating = @rating, comment = @comment WHERE id = @id", new { id, rating, comment }, tx) == 0) return false;
            await audit.AppendAsync(tx, new(AuditCategory.DataChange, "answer.rate", "answer:" + id));
            return true;
        }, ct);
    }

    protected override Task ExecuteAsync(CancellationToken stop) => Task.WhenAll(TakeAsync(stop), ReplayAsync(stop));

    private async Task TakeAsync(CancellationToken stop)
    {
        var batch = new List<AnswerRecord>(MaxBatch);
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stop))
            {
                Fill();
                await KeepAsync(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The last answers are written before the process goes.
            for (Fill(); batch.Count > 0; Fill()) await KeepAsync(batch);
        }

        void Fill()
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var record)) batch.Add(record);
        }
    }

    private async Task KeepAsync(List<AnswerRecord> batch)
    {
        // Behind what waits on disk already, so that the order stays.
        if (state.Away || spool.Count > 0 || !await TryWriteAsync(batch)) Spool(batch);
        foreach (var record in batch) _unwritten.TryRemove(record.Id, out _);
    }

    /// <summary>Brings what waits on disk into the record, as soon as that takes it.</summary>
    private async Task ReplayAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(ReplayInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            int written = 0;
            try
            {
                while (!stop.IsCancellationRequested && !state.Away && spool.ReadOldest(MaxBatch) is { Count: > 0 } batch && await TryWriteAsync(batch))
                {
                    spool.Written(batch);
                    written += batch.Count;
                }
            }
            catch (IOException e)
            {
                log.ProvenanceDelayed(e, spool.Count);
            }
            if (written > 0) log.SpoolReplayed(written);
        }
    }

    /// <summary>Writes those that are not there yet; false where the record cannot take them now.</summary>
    private async Task<bool> TryWriteAsync(IReadOnlyList<AnswerRecord> batch)
    {
        try
        {
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES (@Id, @CollectionId, @CreatedAt, @Outcome, @body) ON CONFLICT (id) DO NOTHING",
                batch.Select(r => new { r.Id, r.CollectionId, r.CreatedAt, r.Outcome, body = JsonSerializer.Serialize(r, AnsweringJson.Default.AnswerRecord) }), tx), CancellationToken.None).WaitAsync(WriteLimit, time);
            return true;
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.Conflict)
        {
            // One that the record will never take must not hold up the others.
            if (batch.Count == 1)
            {
                log.ProvenanceRefused(e, batch[0].Id);
                return true;
            }
            foreach (var record in batch)
                if (!await TryWriteAsync([record])) return false;
            return true;
        }
        catch (Exception e) when (e is RagException or DbException or TimeoutException)
        {
            if (!state.Away) log.ProvenanceDelayed(e, batch.Count);
            return false;
        }
    }

    private void Spool(IReadOnlyList<AnswerRecord> records)
    {
        spool.Append(records);
        foreach (var record in records) _unwritten.TryRemove(record.Id, out _);
    }
}
