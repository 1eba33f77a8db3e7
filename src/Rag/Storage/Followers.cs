using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>
/// How far each process that shares the record has followed what the others write, by subject, so that a change can be
/// waited for until it holds everywhere. A process that has not been heard of for <see cref="GoneSeconds"/> is not waited for.
/// </summary>
internal sealed class Followers(Database database, ServerOptions server, RecordState record, TimeProvider time) : BackgroundService
{
    public const int GoneSeconds = 35;

    /// <summary>Subject of the search index: the change-log position that this process's answers reflect.</summary>
    public const string Index = "index";

    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(10), Look = TimeSpan.FromMilliseconds(20);

    private readonly string _id = Ids.New(time);
    private readonly ConcurrentDictionary<string, long> _positions = new();

    /// <summary>This process reflects everything up to <paramref name="position"/>; said at once where others may be waiting for it.</summary>
    public async Task ReachedAsync(string subject, long position, CancellationToken ct)
    {
        _positions[subject] = position;
        if (database.Shared) await SayAsync(subject, position, ct);
    }

    /// <summary>The same without a word to the others before the next beat.</summary>
    public void Note(string subject, long position) => _positions[subject] = position;

    /// <summary>Waits until every process reflects <paramref name="position"/>; the names of those that do not within the time, this one among them.</summary>
    public async Task<IReadOnlyList<string>> WaitAllAsync(string subject, long position, TimeSpan limit, CancellationToken ct)
    {
        long started = time.GetTimestamp();
        while (true)
        {
            var behind = await BehindAsync(subject, position, ct);
            if (behind.Count == 0 || time.GetElapsedTime(started) >= limit) return behind;
            await Task.Delay(Look, time, ct);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        if (!database.Shared) return;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!record.Away) foreach (var (subject, position) in _positions) await SayAsync(subject, position, stop);
            }
            catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
            {
                // The record is away, which those say that need it.
            }
            await Task.Delay(Beat, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        if (!database.Shared || record.Away) return;
        try
        {
            // Whoever stops in order is not waited for.
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM followers WHERE id = @_id OR seen_at < @gone", new { _id, gone = Gone }, tx), ct);
        }
        catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
        {
            // It is forgotten after a while.
        }
    }

    private long Gone => Clock.ToMicroseconds(time.GetUtcNow() - TimeSpan.FromSeconds(GoneSeconds));

    private async Task<IReadOnlyList<string>> BehindAsync(string subject, long position, CancellationToken ct)
    {
        string own = Name;
        var behind = new List<string>();
        if (_positions.GetValueOrDefault(subject, long.MinValue) < position) behind.Add(own);
        if (!database.Shared) return behind;
        await using var connection = await database.OpenAsync(ct);
        behind.AddRange(await connection.QueryAsync<string>(new CommandDefinition(
            "SELECT name FROM followers WHERE subject = @subject AND id <> @_id AND position < @position AND seen_at > @gone ORDER BY name",
            new { subject, _id, position, gone = Gone }, cancellationToken: ct)));
        return behind;
    }

    private string Name => server.ReplicaName.Length > 0 ? server.ReplicaName : Environment.MachineName;

    private Task SayAsync(string subject, long position, CancellationToken ct) => database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
        """
        INSERT INTO followers (id, subject, name, position, seen_at) VALUES (@_id, @subject, @Name, @position, @now)
        ON CONFLICT (id, subject) DO UPDATE SET seen_at = @now, position = CASE WHEN followers.position > @position THEN followers.position ELSE @position END
        """,
        new { _id, subject, Name, position, now = time.Microseconds() }, tx), ct);
}
