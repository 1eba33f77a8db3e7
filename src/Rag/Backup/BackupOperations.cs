using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>Something that goes on with backups, or went on.</summary>
/// <param name="What"><c>create</c>, <c>verify</c>, <c>restore</c>, or what other slices of work name themselves.</param>
/// <param name="State"><c>running</c>, <c>done</c> or <c>failed</c>.</param>
/// <param name="Progress">While it runs in the process that is asked.</param>
/// <param name="Result">As JSON, when it is done.</param>
public sealed record BackupOperation(
    string Id, string What, string? BackupId, string State, BackupProgress? Progress, JsonElement? Result, string? Problem, string? Remedy, DateTimeOffset StartedAt, DateTimeOffset? EndedAt);

/// <summary>
/// What takes longer than a request: begun by one, looked at by others. How far it is, the process knows that does it; that it
/// began and how it ended is in the record.
/// </summary>
internal sealed class BackupOperations(Database database, TimeProvider time, ILogger<BackupOperations> log) : IHostedService, IAsyncDisposable
{
    private const int Listed = 100, KeptRows = 1_000;
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(10), Gone = TimeSpan.FromSeconds(60);

    private sealed class Running(string id, string what, string? backupId, DateTimeOffset startedAt) : IProgress<BackupProgress>
    {
        public volatile BackupProgress? Progress;
        public volatile BackupOperation? Ended;
        public Task Work = Task.CompletedTask;

        public BackupOperation Now => Ended ?? new(id, what, backupId, "running", Progress, null, null, null, startedAt, null);

        public void Report(BackupProgress value) => Progress = value;
    }

    private readonly ConcurrentDictionary<string, Running> _running = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Begins something that acts for whoever asks now; what it gives back is kept as the result.</summary>
    /// <exception cref="RagException">The record cannot take that it begins.</exception>
    public async Task<BackupOperation> BeginAsync<T>(string what, string? backupId, Func<IProgress<BackupProgress>, CancellationToken, Task<T>> work, JsonTypeInfo<T> type, CancellationToken ct)
    {
        string id = Ids.New(time);
        var startedAt = time.GetUtcNow();
        var running = new Running(id, what, backupId, startedAt);
        await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO backup_operations (id, what, backup_id, seen_at, state, started_at) VALUES (@id, @what, @backupId, @at, 'running', @at)",
                new { id, what, backupId, at = Clock.ToMicroseconds(startedAt) }, tx);
            await tx.Connection!.ExecuteAsync("DELETE FROM backup_operations WHERE id IN (SELECT id FROM backup_operations ORDER BY started_at DESC LIMIT 1000 OFFSET @KeptRows)", new { KeptRows }, tx);
        }, ct);
        _running[id] = running;
        running.Work = Task.Run(() => RunAsync(id, running, async () => JsonSerializer.SerializeToElement(await work(running, _stop.Token), type)), CancellationToken.None);
        return running.Now;
    }

    /// <exception cref="RagException">NotFound.</exception>
    public async Task<BackupOperation> GetAsync(string id, CancellationToken ct)
    {
        if (_running.TryGetValue(id, out var running)) return running.Now;
        await using var connection = await database.OpenAsync(ct);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(Select + " WHERE id = @id", new { id }, cancellationToken: ct));
        return row is null ? throw new RagException(ErrorKind.NotFound, $"There is no operation '{id}'.", "'rag backup list' shows the backups.") : Operation(row);
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<BackupOperation>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(Select + " ORDER BY started_at DESC, id DESC LIMIT @Listed", new { Listed }, cancellationToken: ct));
        return [.. rows.Select(r => _running.TryGetValue(r.Id, out var running) ? running.Now : Operation(r))];
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running.Values.Select(r => r.Work)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public ValueTask DisposeAsync()
    {
        _stop.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task RunAsync(string id, Running running, Func<Task<JsonElement>> work)
    {
        using var done = new CancellationTokenSource();
        var beating = BeatAsync(id, done.Token);
        BackupOperation ended;
        try
        {
            ended = running.Now with { State = "done", Result = await work(), EndedAt = time.GetUtcNow() };
        }
        catch (Exception e)
        {
            if (e is not RagException and not OperationCanceledException) log.OperationFailed(e, running.Now.What);
            var told = e as RagException ?? (e is OperationCanceledException
                ? new RagException(ErrorKind.Unavailable, "The server stopped before it was done.", "Ask for it again; nothing is half done.", e)
                : new RagException(ErrorKind.Unavailable, $"It failed: {e.Message}", "The log of the server says more.", e));
            ended = running.Now with { State = "failed", Problem = told.Message, Remedy = told.Remedy, EndedAt = time.GetUtcNow() };
        }
        ended = ended with { Progress = running.Progress };
        await done.CancelAsync();
        await beating;
        try
        {
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "UPDATE backup_operations SET state = @State, result = @result, problem = @Problem, remedy = @Remedy, ended_at = @at WHERE id = @id",
                new { ended.State, result = ended.Result?.GetRawText(), ended.Problem, ended.Remedy, at = Clock.ToMicroseconds(ended.EndedAt!.Value), id }, tx), CancellationToken.None);
        }
        catch (Exception e) when (e is RagException or System.Data.Common.DbException or ObjectDisposedException)
        {
            // Known here as long as this process lives.
        }
        running.Ended = ended;
        foreach (var (old, _) in _running.Where(r => r.Value.Ended is not null).OrderByDescending(r => r.Key, StringComparer.Ordinal).Skip(Listed)) _running.TryRemove(old, out _);
    }

    /// <summary>Tells the other processes that this still runs.</summary>
    private async Task BeatAsync(string id, CancellationToken done)
    {
        while (database.Shared)
        {
            await Task.Delay(Beat, time, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (done.IsCancellationRequested) return;
            try
            {
                await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE backup_operations SET seen_at = @now WHERE id = @id", new { now = time.Microseconds(), id }, tx), done);
            }
            catch (Exception e) when (e is RagException or System.Data.Common.DbException or OperationCanceledException)
            {
                // Said again at the next beat.
            }
        }
    }

    private const string Select = """
        SELECT id AS Id, seen_at AS SeenAt, what AS What, backup_id AS BackupId, state AS State, result AS Result, problem AS Problem, remedy AS Remedy, started_at AS StartedAt, ended_at AS EndedAt FROM backup_operations
        """;

    private sealed record Row(string Id, long SeenAt, string What, string? BackupId, string State, string? Result, string? Problem, string? Remedy, long StartedAt, long? EndedAt);

    private BackupOperation Operation(Row r)
    {
        var operation = new BackupOperation(
            r.Id, r.What, r.BackupId, r.State, null, r.Result is null ? null : Parse(r.Result), r.Problem, r.Remedy, Clock.FromMicroseconds(r.StartedAt), r.EndedAt is { } at ? Clock.FromMicroseconds(at) : null);
        // It does not run here; where no other process says that it does, whoever ran it was killed.
        bool gone = r.State == "running" && (!database.Shared || time.GetUtcNow() - Clock.FromMicroseconds(r.SeenAt) > Gone);
        return gone ? operation with { State = "failed", Problem = "The process that did it ended before it was done.", Remedy = "Ask for it again; nothing is half done." } : operation;
    }

    private static JsonElement Parse(string json)
    {
        using var parsed = JsonDocument.Parse(json);
        return parsed.RootElement.Clone();
    }
}
