using System.Collections.Concurrent;
using Dapper;
using Rag.Foundation;

namespace Rag.Storage.Leadership;

/// <summary>
/// Work that one process at a time does, whoever leads: each has a lease under its name in the record, by the record's
/// clock, which runs out when its process dies. With a record of its own, this process is the only one, and does each once at
/// a time.
/// </summary>
internal sealed class Leases(Database database, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, bool> _here = new();

    /// <summary>Takes the lease; null while somebody else has it.</summary>
    public async Task<HeldLease?> TryTakeAsync(string name, CancellationToken ct)
    {
        if (!_here.TryAdd(name, true)) return null;
        var held = new HeldLease(database, time, name, $"{Environment.MachineName}/{Environment.ProcessId}/{Ids.New(time)}", () => _here.TryRemove(name, out _));
        try
        {
            if (await held.TakeAsync(ct)) return held;
        }
        catch
        {
            _here.TryRemove(name, out _);
            throw;
        }
        _here.TryRemove(name, out _);
        return null;
    }

    /// <summary>Whether some process has the lease now.</summary>
    public async Task<bool> IsHeldAsync(string name, CancellationToken ct)
    {
        if (_here.ContainsKey(name)) return true;
        if (!database.Shared) return false;
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"SELECT COUNT(*) FROM leases WHERE name = @name AND until_at > {database.Dialect.Now}", new { name }, cancellationToken: ct)) > 0;
    }
}

/// <summary>A lease that this process has; disposing of it lets it go.</summary>
internal sealed class HeldLease : IAsyncDisposable
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(15), RenewEvery = TimeSpan.FromSeconds(4);

    private readonly Database _database;
    private readonly TimeProvider _time;
    private readonly string _name, _holder;
    private readonly Action _release;
    private readonly CancellationTokenSource _lost = new(), _done = new();
    private Task _renewing = Task.CompletedTask;

    internal HeldLease(Database database, TimeProvider time, string name, string holder, Action release) => (_database, _time, _name, _holder, _release) = (database, time, name, holder, release);

    /// <summary>Cancelled when the lease could not be renewed before its end: somebody else may have it.</summary>
    public CancellationToken Lost => _lost.Token;

    public async ValueTask DisposeAsync()
    {
        await _done.CancelAsync();
        await _renewing;
        try
        {
            if (_database.Shared) await _database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE leases SET until_at = 0 WHERE name = @_name AND holder = @_holder", new { _name, _holder }, tx), CancellationToken.None);
        }
        catch (RagException)
        {
            // It runs out by itself.
        }
        _release();
        _lost.Dispose();
        _done.Dispose();
    }

    internal async Task<bool> TakeAsync(CancellationToken ct)
    {
        if (!_database.Shared) return true;
        long asked = _time.GetTimestamp();
        if (!await RenewAsync(ct)) return false;
        _renewing = Task.Run(() => KeepAsync(asked), CancellationToken.None);
        return true;
    }

    private async Task KeepAsync(long renewedAt)
    {
        while (true)
        {
            await Task.Delay(RenewEvery, _time, _done.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_done.IsCancellationRequested) return;
            long asked = _time.GetTimestamp();
            try
            {
                if (await RenewAsync(_done.Token)) renewedAt = asked;
                else
                {
                    await _lost.CancelAsync();
                    return;
                }
            }
            catch (Exception e) when (e is RagException or OperationCanceledException or System.Data.Common.DbException)
            {
                // Asked again, as long as it lasts.
            }
            if (_time.GetElapsedTime(renewedAt) < Length || _done.IsCancellationRequested) continue;
            await _lost.CancelAsync();
            return;
        }
    }

    private async Task<bool> RenewAsync(CancellationToken ct)
    {
        string now = _database.Dialect.Now;
        return await _database.WriteAsync(tx => tx.Connection!.ExecuteScalarAsync<long?>(
            $"""
            INSERT INTO leases (name, holder, epoch, until_at) VALUES (@_name, @_holder, 1, {now} + @length)
            ON CONFLICT (name) DO UPDATE SET holder = @_holder, until_at = {now} + @length,
              epoch = leases.epoch + CASE WHEN leases.holder = @_holder THEN 0 ELSE 1 END
            WHERE leases.holder = @_holder OR leases.until_at < {now}
            RETURNING epoch
            """, new { _name, _holder, length = (long)Length.TotalMicroseconds }, tx), ct) is not null;
    }
}
