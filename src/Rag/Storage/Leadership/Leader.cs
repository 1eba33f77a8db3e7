using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;

namespace Rag.Storage.Leadership;

/// <summary>
/// One leader at a time among the processes that share a record: the holder of a lease in the record, by the record's
/// clock. A lease that was not renewed goes to another process, in a new term. What a leader writes is bound to its term
/// (<see cref="LeaderTerm"/>), so that one who was stopped, and does not know that its time is over, can do no harm.
/// With a record of its own, this process leads always.
/// </summary>
internal sealed class Leader(Database database, TimeProvider time, ILogger<Leader> log) : BackgroundService
{
    public const string LeaseName = "leader";

    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(10), RenewEvery = TimeSpan.FromSeconds(3);

    private readonly string _holder = $"{Environment.MachineName}/{Environment.ProcessId}/{Ids.New(time)}";
    private readonly LeaderTerm _alone = new(database, null, 0);
    private volatile LeaderTerm? _term;
    private long _renewedAt;

    /// <summary>The term that this process leads in; null while another leads, or none.</summary>
    public LeaderTerm? Term
    {
        get
        {
            if (!database.Shared) return _alone;
            var term = _term;
            // Counted from before the renewal was asked for: here the lease ends no later than in the record.
            return term is not null && time.GetElapsedTime(Volatile.Read(ref _renewedAt)) < Lease ? term : null;
        }
    }

    /// <summary>Takes the lease where it is free, renews it where it is held; says whether this process leads now.</summary>
    public async Task<bool> RenewAsync(CancellationToken ct)
    {
        if (!database.Shared) return true;
        long asked = time.GetTimestamp();
        string now = database.Dialect.Now;
        long? epoch = await database.WriteAsync(tx => tx.Connection!.ExecuteScalarAsync<long?>(
            $"""
            INSERT INTO leases (name, holder, epoch, until_at) VALUES (@LeaseName, @_holder, 1, {now} + @lease)
            ON CONFLICT (name) DO UPDATE SET holder = @_holder, until_at = {now} + @lease,
              epoch = leases.epoch + CASE WHEN leases.holder = @_holder THEN 0 ELSE 1 END
            WHERE leases.holder = @_holder OR leases.until_at < {now}
            RETURNING epoch
            """, new { LeaseName, _holder, lease = (long)Lease.TotalMicroseconds }, tx), ct);
        bool led = _term is not null;
        if (epoch is { } mine)
        {
            Volatile.Write(ref _renewedAt, asked);
            if (_term?.Epoch != mine) _term = new(database, _holder, mine);
            if (!led) log.LeadershipTaken(mine);
        }
        else
        {
            _term = null;
            if (led) log.LeadershipLost();
        }
        return epoch is not null;
    }

    /// <summary>Lets another process lead at once.</summary>
    public async Task ReleaseAsync(CancellationToken ct)
    {
        if (Interlocked.Exchange(ref _term, null) is not { } term) return;
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "UPDATE leases SET until_at = 0 WHERE name = @LeaseName AND holder = @_holder AND epoch = @Epoch", new { LeaseName, _holder, term.Epoch }, tx), ct);
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        if (!database.Shared) return;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await RenewAsync(stop);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // Without the record there is no leader, and nothing that one could do.
                log.LeaseNotRenewed(e.Message);
            }
            catch (OperationCanceledException)
            {
            }
            await Task.Delay(RenewEvery, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        try
        {
            await ReleaseAsync(ct);
        }
        catch (Exception e) when (e is RagException or OperationCanceledException)
        {
            // It runs out by itself.
        }
    }
}

/// <summary>A term of leading. Everything that scheduled work writes goes through it.</summary>
/// <param name="holder">Null where nobody else could lead.</param>
internal sealed class LeaderTerm(Database database, string? holder, long epoch)
{
    /// <summary>Counts up with every change of leader: the fencing token.</summary>
    public long Epoch => epoch;

    /// <summary>
    /// As <see cref="Database.WriteAsync{T}"/>, if this term still lasts when it commits. The check is the last thing before
    /// the commit and holds the lease's row until then: nobody takes over in between.
    /// </summary>
    /// <exception cref="RagException">Conflict: another process leads; nothing was written.</exception>
    public Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        T result = await work(tx);
        if (holder is not null) await CheckAsync(tx);
        return result;
    }, ct);

    private async Task CheckAsync(DbTransaction tx)
    {
        long? mine = await tx.Connection!.ExecuteScalarAsync<long?>(
            $"SELECT epoch FROM leases WHERE name = @LeaseName AND holder = @holder AND epoch = @epoch {database.Dialect.LockRows}", new { Leader.LeaseName, holder, epoch }, tx);
        if (mine is null) throw new RagException(ErrorKind.Conflict, $"The term {epoch} of this leader is over; another process leads.", "Nothing was written; the present leader does it.");
    }
}
