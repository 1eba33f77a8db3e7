using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Security;

/// <summary>
/// Reads who was shown which documents, behind the answers. A document that nobody has a reason to read is an event at once;
/// the rest is gathered for a minute and held against what each caller usually reads, which is kept in the record, so that
/// replicas share it and a restart forgets nothing.
/// </summary>
internal sealed class AccessWatch(
    DataAccessLog accesses, Canaries canaries, SecurityEventLog events, SecurityOptions options, Database database, RecordState state, TimeProvider time, ILogger<AccessWatch> log) : BackgroundService
{
    private const int MaxCallers = 500, MaxPerCaller = 5_000;
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private sealed class Gathered(Actor actor)
    {
        public readonly Actor Actor = actor;
        public readonly HashSet<(string Collection, string Document)> Read = [];
    }

    private readonly Lock _lock = new();
    private Dictionary<string, Gathered> _gathered = [];

    /// <summary>Takes in what was shown within a moment.</summary>
    public void Take(AccessWindow window)
    {
        foreach (var (actor, shown) in window.Actors)
        {
            foreach (var (access, count) in shown)
                if (canaries.Shown(access) is { } canary)
                    events.Add(SecurityPattern.CanaryRead, actor, Places.Access, $"{access.How}: {canary.Title} ({canary.Document}) in {canary.Collection}{(count > 1 ? $", {count} times" : "")}", Detection.Sign.Alarm, "");
            // The service reads everything, to index it.
            if (actor.Kind == "system") continue;
            string caller = CallerIdentity.Of(actor);
            lock (_lock)
            {
                if (!_gathered.TryGetValue(caller, out var mine))
                {
                    if (_gathered.Count >= MaxCallers) continue;
                    _gathered[caller] = mine = new(actor);
                }
                foreach (var (access, _) in shown)
                    foreach (string document in access.Documents)
                        if (mine.Read.Count < MaxPerCaller) mine.Read.Add((access.CollectionId, document));
            }
        }
    }

    /// <summary>Holds what was gathered against what is usual.</summary>
    public async Task CompareAsync(CancellationToken ct)
    {
        Dictionary<string, Gathered> gathered;
        lock (_lock) (gathered, _gathered) = (_gathered, []);
        var now = time.GetUtcNow();
        // In one order at every replica, so that none waits for another that waits for it.
        foreach (var (caller, mine) in gathered.Where(g => g.Value.Read.Count > 0).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var unusual = await database.WriteAsync(async tx =>
            {
                await tx.Connection!.ExecuteAsync("INSERT INTO access_profiles (caller, name, updated_at, state) VALUES (@caller, @Name, @at, @empty) ON CONFLICT (caller) DO NOTHING",
                    new { caller, mine.Actor.Name, at = Clock.ToMicroseconds(now), empty = Array.Empty<byte>() }, tx);
                byte[] kept = await tx.Connection!.QuerySingleAsync<byte[]>($"SELECT state FROM access_profiles WHERE caller = @caller {database.Dialect.LockRows}", new { caller }, tx);
                var profile = AccessProfile.FromBytes(kept);
                var found = profile.Take(now, mine.Read, options.LearnHours);
                await tx.Connection!.ExecuteAsync("UPDATE access_profiles SET name = @Name, updated_at = @at, state = @state WHERE caller = @caller",
                    new { caller, mine.Actor.Name, at = Clock.ToMicroseconds(now), state = profile.ToBytes() }, tx);
                return found;
            }, ct);
            foreach (var u in unusual) events.Add(u.Pattern, mine.Actor, Places.Access, u.Why, Detection.Sign.Alarm, "");
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        if (!options.Enabled) return;
        var windows = accesses.Subscribe();
        long compared = time.GetTimestamp();
        var more = windows.WaitToReadAsync(stop).AsTask();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await canaries.RefreshAsync(stop);
                await Task.WhenAny(more, Task.Delay(Canaries.RefreshEvery, time, stop));
                while (windows.TryRead(out var window)) Take(window);
                if (more.IsCompleted) more = windows.WaitToReadAsync(stop).AsTask();
                if (time.GetElapsedTime(compared) < Every || state.Away) continue;
                compared = time.GetTimestamp();
                await CompareAsync(stop);
            }
            catch (Exception e) when (e is RagException or DbException)
            {
                log.ProfilesWait(e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
