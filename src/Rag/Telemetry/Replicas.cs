using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Telemetry;

/// <summary>A replica as the record has it.</summary>
/// <param name="CpuShare">Processor time used since it was seen before, of what it may use; 0 to 1.</param>
/// <param name="MemoryShare">Memory used of what it may use; 0 to 1.</param>
/// <param name="Up">Whether it was seen within <see cref="Replicas.GoneSeconds"/>.</param>
public sealed record ReplicaInfo(string Name, string Version, DateTimeOffset StartedAt, DateTimeOffset SeenAt, long IndexPosition, bool Leads, double CpuShare, double MemoryShare, bool Up);

/// <summary>What the replicas used in a minute, all of them together.</summary>
internal sealed record UseMinute(long Minute, double CpuShare, double MemoryShare, long Replicas);

/// <summary>
/// Says in the record every few seconds that this replica runs and what it uses, and knows the others by it. A server
/// without a port, as inside a command, is no replica.
/// </summary>
internal sealed class Replicas(
    Database database, OwnAddress own, IIndexer indexer, Leader leader, ServerOptions server, RecordState record, TimeProvider time) : BackgroundService
{
    public const int GoneSeconds = 35;

    private const int MinuteSeconds = 60;
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(10);
    /// <summary>A replica that is gone is shown this long.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(1);

    private readonly string _id = Ids.New(time);
    private readonly long _startedAt = time.Microseconds();
    private (double CpuSeconds, long At) _before = (ProcessMetrics.Now.CpuSeconds, time.GetTimestamp());

    public async Task<IReadOnlyList<ReplicaInfo>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Name, string Version, long StartedAt, long SeenAt, long Position, long Leads, double Cpu, double Memory)>(new CommandDefinition(
            "SELECT name, version, started_at, seen_at, index_position, leads, cpu_share, memory_share FROM replicas WHERE seen_at > @oldest ORDER BY name, started_at",
            new { oldest = Clock.ToMicroseconds(time.GetUtcNow() - Remembered) }, cancellationToken: ct));
        long gone = Clock.ToMicroseconds(time.GetUtcNow() - TimeSpan.FromSeconds(GoneSeconds));
        return [.. rows.Select(r => new ReplicaInfo(r.Name, r.Version, Clock.FromMicroseconds(r.StartedAt), Clock.FromMicroseconds(r.SeenAt), r.Position, r.Leads != 0, r.Cpu, r.Memory, r.SeenAt > gone))];
    }

    /// <summary>Use by the minute since a time, averaged over the replicas of that minute; the memory is that of the fullest.</summary>
    public async Task<IReadOnlyList<UseMinute>> UseSinceAsync(DateTimeOffset since, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<(long Minute, double Cpu, double Memory, long Replicas)>(new CommandDefinition(
            "SELECT minute, AVG(cpu_share), MAX(memory_share), COUNT(*) FROM replica_minutes WHERE minute >= @first GROUP BY minute ORDER BY minute",
            new { first = since.ToUnixTimeSeconds() / MinuteSeconds }, cancellationToken: ct))).Select(r => new UseMinute(r.Minute, r.Cpu, r.Memory, r.Replicas)).ToList();
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        if (await own.WaitAsync(stop) is null) return;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!record.Away) await SayAsync();
            }
            catch (Exception e) when (e is RagException or DbException)
            {
                // The record is away, which those say that need it.
            }
            await Task.Delay(Beat, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        if (record.Away) return;
        try
        {
            // Whoever stops in order is not missed.
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM replicas WHERE id = @_id", new { _id }, tx), ct);
        }
        catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
        {
            // It is forgotten after a while.
        }
    }

    /// <summary>Removes replicas that are gone for long; the leader's work.</summary>
    public Task ForgetAsync(LeaderTerm term, CancellationToken ct)
    {
        long forgotten = Clock.ToMicroseconds(time.GetUtcNow() - Remembered);
        return term.WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM replicas WHERE seen_at < @forgotten", new { forgotten }, tx), ct);
    }

    private async Task SayAsync()
    {
        var use = ProcessMetrics.Now;
        long at = time.GetTimestamp();
        double cpu = Share(_before, use, at), memory = Math.Min(1, use.MemoryBytes / (double)use.MemoryLimitBytes);
        _before = (use.CpuSeconds, at);
        string name = server.ReplicaName.Length > 0 ? server.ReplicaName : Environment.MachineName;
        var row = new
        {
            id = _id, name, version = typeof(Replicas).Assembly.GetName().Version!.ToString(3), started = _startedAt, seen = time.Microseconds(),
            position = indexer.Position, leads = leader.Term is null ? 0L : 1L, cpu, memory, minute = time.GetUtcNow().ToUnixTimeSeconds() / MinuteSeconds,
        };
        await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO replicas (id, name, version, started_at, seen_at, index_position, leads, cpu_share, memory_share)
                VALUES (@id, @name, @version, @started, @seen, @position, @leads, @cpu, @memory)
                ON CONFLICT (id) DO UPDATE SET seen_at = @seen, index_position = @position, leads = @leads, cpu_share = @cpu, memory_share = @memory
                """, row, tx);
            return await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO replica_minutes (minute, replica, cpu_share, memory_share) VALUES (@minute, @id, @cpu, @memory)
                ON CONFLICT (minute, replica) DO UPDATE SET cpu_share = (replica_minutes.cpu_share + @cpu) / 2, memory_share = @memory
                """, row, tx);
        }, CancellationToken.None);
    }

    private double Share((double CpuSeconds, long At) since, ProcessUse use, long at)
    {
        double seconds = time.GetElapsedTime(since.At, at).TotalSeconds;
        return seconds <= 0 ? 0 : Math.Clamp((use.CpuSeconds - since.CpuSeconds) / seconds / use.CpuCores, 0, 1);
    }
}
