using System.Collections.Concurrent;
using System.Data.Common;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Dapper;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Access;

/// <summary>
/// How much one caller, and one address, may ask for: token buckets in this process, each for so many callers that hash
/// alike, so that they are bounded whoever comes; and questions a day, counted together by all replicas.
/// </summary>
internal sealed class RequestLimits(Database database, RecordState record, AccessOptions options, TimeProvider time) : BackgroundService
{
    private const int Slots = 65_536, MaxCounted = 50_000;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), KeptDays = TimeSpan.FromDays(40);

    private enum What { Caller, Address, Failure }

    private readonly record struct Bucket(What What, int Slot, int PerMinute, int Burst);

    private readonly PartitionedRateLimiter<Bucket> _buckets = PartitionedRateLimiter.Create<Bucket, Bucket>(static b => RateLimitPartition.GetTokenBucketLimiter(b, static of => Filling(of.PerMinute, of.Burst)));
    private readonly ConcurrentDictionary<string, Used> _used = new();

    private sealed class Used
    {
        public long Day, Everywhere, Here;
    }

    /// <exception cref="RagException">TooMany: more than an address may ask for.</exception>
    public void Address(IPAddress? address)
    {
        int perMinute = options.Limits.AddressPerMinute;
        if (perMinute > 0 && address is not null) Take(new(What.Address, Slot(address), perMinute, perMinute), $"From this address come more than {perMinute} requests a minute.");
    }

    /// <summary>A key, token or session that did not do.</summary>
    /// <exception cref="RagException">TooMany: the address tried too many.</exception>
    public void Failure(IPAddress? address)
    {
        int perMinute = options.Limits.FailuresPerMinute;
        Take(new(What.Failure, address is null ? 0 : Slot(address), perMinute, perMinute), "From this address came too many keys that do not hold.");
    }

    /// <exception cref="RagException">TooMany: more than the caller may ask for.</exception>
    public void Caller(Caller caller, KnownKey? key)
    {
        int perMinute = key?.PerMinute ?? options.Limits.PerMinute;
        if (perMinute > 0) Take(new(What.Caller, Slot(caller.Id), perMinute, Math.Min(options.Limits.Burst, perMinute)), $"This is more than the {perMinute} requests a minute that {caller.Name} may send.");
    }

    /// <summary>A question or search of a caller.</summary>
    /// <exception cref="RagException">TooMany: the day's questions are used up.</exception>
    public void Question(Caller caller, KnownKey? key)
    {
        int perDay = key?.QuestionsPerDay ?? options.Limits.QuestionsPerDay;
        if (perDay == 0) return;
        long today = Today();
        string principal = $"{caller.Kind}:{caller.Id}";
        if (!_used.TryGetValue(principal, out var used))
        {
            if (_used.Count >= MaxCounted) foreach (var (other, old) in _used) if (old.Day < today) _used.TryRemove(other, out _);
            used = _used.GetOrAdd(principal, static (_, day) => new Used { Day = day }, today);
        }
        lock (used)
        {
            if (used.Day != today) (used.Day, used.Everywhere, used.Here) = (today, 0, 0);
            if (used.Everywhere + used.Here >= perDay)
                throw new RagException(ErrorKind.TooMany, $"{caller.Name} may ask {perDay} questions a day, and has.", "Ask again after midnight UTC, or ask an administrator for more.") { RetryAfterSeconds = (int)(86_400 - time.GetUtcNow().TimeOfDay.TotalSeconds) + 1 };
            used.Here++;
        }
    }

    /// <summary>Tells the record what was asked here, and hears what was asked everywhere.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        long today = Today();
        var counted = _used.Where(u => u.Value.Day == today).OrderBy(u => u.Key, StringComparer.Ordinal).ToList();
        if (counted.Count == 0) return;
        var taken = new List<(Used Used, long Here)>();
        foreach (var (_, used) in counted) lock (used) taken.Add((used, used.Here));
        var sums = await database.WriteAsync(async tx =>
        {
            var all = new List<long>();
            for (int i = 0; i < counted.Count; i++)
                all.Add(await tx.Connection!.ExecuteScalarAsync<long>(
                    """
                    INSERT INTO question_usage (day, principal, questions) VALUES (@today, @Key, @Here)
                    ON CONFLICT (day, principal) DO UPDATE SET questions = question_usage.questions + @Here RETURNING questions
                    """, new { today, counted[i].Key, taken[i].Here }, tx));
            return all;
        }, ct);
        for (int i = 0; i < taken.Count; i++)
            lock (taken[i].Used)
                if (taken[i].Used.Day == today) (taken[i].Used.Everywhere, taken[i].Used.Here) = (sums[i], taken[i].Used.Here - taken[i].Here);
    }

    public Task CleanAsync(LeaderTerm term, CancellationToken ct) => term.WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM question_usage WHERE day < @before", new { before = Today() - (long)KeptDays.TotalDays }, tx), ct);

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (record.Away) continue;
            try
            {
                await FlushAsync(CancellationToken.None);
            }
            catch (Exception e) when (e is RagException or DbException)
            {
                // Counted on here until the record is back.
            }
        }
    }

    public override void Dispose()
    {
        _buckets.Dispose();
        base.Dispose();
    }

    private void Take(Bucket bucket, string message)
    {
        using var lease = _buckets.AttemptAcquire(bucket);
        if (lease.IsAcquired) return;
        int seconds = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? Math.Max(1, (int)Math.Ceiling(after.TotalSeconds)) : 1;
        throw new RagException(ErrorKind.TooMany, message, "Send fewer, or try again after the time that Retry-After gives.") { RetryAfterSeconds = seconds };
    }

    /// <summary>A bucket that fills evenly: a token at a time, or every tenth of a second where that would be too often.</summary>
    private static TokenBucketRateLimiterOptions Filling(int perMinute, int burst)
    {
        var (period, tokens) = perMinute <= 600 ? (TimeSpan.FromMinutes(1.0 / perMinute), 1) : (TimeSpan.FromMilliseconds(100), (perMinute + 599) / 600);
        return new() { TokenLimit = Math.Max(burst, tokens), TokensPerPeriod = tokens, ReplenishmentPeriod = period, QueueLimit = 0 };
    }

    private static int Slot(string who) => (int)((uint)who.GetHashCode(StringComparison.Ordinal) % Slots);

    /// <summary>An IPv6 customer has a network of 64 bits at least, and is one address here.</summary>
    private static int Slot(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        var hash = new HashCode();
        hash.AddBytes(bytes[..(address.AddressFamily == AddressFamily.InterNetworkV6 ? 8 : length)]);
        return (int)((uint)hash.ToHashCode() % Slots);
    }

    private long Today() => time.GetUtcNow().ToUnixTimeSeconds() / 86_400;
}
