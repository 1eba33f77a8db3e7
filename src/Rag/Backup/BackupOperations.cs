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
internal sealed class BackupOperations(Database database, ServerOptions server, TimeProvider time, ILogger<BackupOperations> log) : IHostedService, IAsyncDisposable
{
    private const int Listed = 100, KeptRows = 1_000;

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
                "INSERT INTO backup_operations (id, what, backup_id, process, state, started_at) VALUES (@id, @what, @backupId, @process, 'running', @at)",
                new { id, what, backupId, process = Process, at = Clock.ToMicroseconds(startedAt) }, tx);
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

    /// <summary>What this process ran when it was killed, it does not run any more.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "UPDATE backup_operations SET state = 'failed', problem = 'The process that did it ended before it was done.', remedy = 'Ask for it again.', ended_at = @now WHERE state = 'running' AND process = @Process",
                new { now = time.Microseconds(), Process }, tx), cancellationToken);
        }
        catch (Exception e) when (e is RagException or System.Data.Common.DbException)
        {
            // The record is away, or has not its schema yet; it stays as one that nobody knows the end of.
        }
    }

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

    private string Process => server.ReplicaName.Length > 0 ? server.ReplicaName : Environment.MachineName;

    private async Task RunAsync(string id, Running running, Func<Task<JsonElement>> work)
    {
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

    private const string Select = """
        SELECT id AS Id, what AS What, backup_id AS BackupId, state AS State, result AS Result, problem AS Problem, remedy AS Remedy, started_at AS StartedAt, ended_at AS EndedAt FROM backup_operations
        """;

    private sealed record Row(string Id, string What, string? BackupId, string State, string? Result, string? Problem, string? Remedy, long StartedAt, long? EndedAt);

    private static BackupOperation Operation(Row r) => new(
        r.Id, r.What, r.BackupId, r.State, null, r.Result is null ? null : Parse(r.Result), r.Problem, r.Remedy, Clock.FromMicroseconds(r.StartedAt), r.EndedAt is { } at ? Clock.FromMicroseconds(at) : null);

    private static JsonElement Parse(string json)
    {
        using var parsed = JsonDocument.Parse(json);
        return parsed.RootElement.Clone();
    }
}
