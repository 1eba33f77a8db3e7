using System.Globalization;

namespace Rag.Slo;

/// <summary>What counts as clearly worse after a deployment, all in one place.</summary>
internal static class DeployLimits
{
    /// <summary>Fewer events since say nothing: at 100, one failure is already ten times the budget of 0.1 %.</summary>
    public const int MinEvents = 100;

    /// <summary>Fewer bad events may be a single client's; nobody rolls back for less.</summary>
    public const int MinBad = 5;

    /// <summary>
    /// How likely the difference may be by chance. Half an hour is looked at 31 times in three ways, so that one false
    /// verdict in 20 deployments would be 0.05 / 93 (Bonferroni); rounded down.
    /// </summary>
    public const double MaxChance = 0.0005;

    /// <summary>A hit rate falls after every start, because the cache in process is empty: it is said, and fails nothing.</summary>
    public const double CacheDrop = 0.1;

    /// <summary>Minutes over which processor and memory are looked at, as the scaling guidelines do.</summary>
    public const int UseMinutes = 5;

    /// <summary>More than the guidelines allow, and clearly more than before: start-up itself costs some.</summary>
    public const double CpuRise = 0.2;

    /// <summary>A rolling restart takes one replica away for less.</summary>
    public static readonly TimeSpan FewerReplicas = TimeSpan.FromMinutes(5);

    /// <summary>As the alert IndexLag; an index that is opened anew catches up within minutes.</summary>
    public const double IndexLagSeconds = 60;

    public static readonly TimeSpan AlertLasts = TimeSpan.FromMinutes(5);

    /// <summary>A server that is away for so long is down, not restarted.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);
}

/// <param name="Name">What is compared.</param>
/// <param name="Worse">Whether it fails the deployment.</param>
/// <param name="Enough">Whether there is enough to say so; false makes the verdict inconclusive at the end.</param>
public sealed record DeployCheck(string Name, string Before, string Since, bool Worse, bool Enough, string? Why);

/// <summary>
/// Judges a deployment look by look: the time since against the time before. Shares are compared by Fisher's exact test
/// (one-sided); where the time before had too few events the objective stands in its place, by the binomial test.
/// </summary>
internal sealed class DeployJudge(DeployBaseline baseline)
{
    private DateTimeOffset? _fewerSince, _alertSince;

    public IReadOnlyList<DeployCheck> Look(DeployFacts now)
    {
        _fewerSince = now.ReplicasUp < baseline.ReplicasUp ? _fewerSince ?? now.At : null;
        _alertSince = now.Alerts.Except(baseline.Alerts).Any() ? _alertSince ?? now.At : null;
        return
        [
            Share("errors", Objectives.Errors, now), Share("late answers", Objectives.Latency, now), Share("unanswered questions", Objectives.Availability, now),
            Cache(now), Cpu(now), Memory(now), ReplicaCheck(now), VersionCheck(now), AlertCheck(now),
        ];
    }

    /// <summary>Share of bad events. Requests of any kind must be enough to say so; questions must be where there were enough before.</summary>
    private DeployCheck Share(string name, Objective objective, DeployFacts now)
    {
        var (before, since) = (Of(baseline.Events, objective), Of(now.Events, objective));
        string Told(EventCount c) => c.Total == 0 ? "none" : $"{Percent(c.Bad / (double)c.Total)} of {c.Total.ToString("N0", CultureInfo.InvariantCulture)}";
        bool known = before.Total >= DeployLimits.MinEvents;
        if (since.Total < DeployLimits.MinEvents) return new(name, Told(before), Told(since), false, !known && objective != Objectives.Errors, $"fewer than {DeployLimits.MinEvents} events since");
        double share = since.Bad / (double)since.Total, was = known ? before.Bad / (double)before.Total : objective.Budget;
        double chance = known ? Chance.OfMore(before.Bad, before.Total, since.Bad, since.Total) : Chance.OfAtLeast(since.Bad, since.Total, objective.Budget);
        // A difference must be worth a rollback, too: with millions of events the smallest one is no chance.
        bool worse = since.Bad >= DeployLimits.MinBad && chance < DeployLimits.MaxChance && share - was >= objective.Budget / 2 && share > objective.Budget;
        return new(name, known ? Told(before) : $"the objective of {Percent(objective.Budget)}", Told(since), worse, true, worse ? $"more than by chance (p = {chance.ToString("0.0e0", CultureInfo.InvariantCulture)})" : null);
    }

    private DeployCheck Cache(DeployFacts now)
    {
        var (before, since) = (Of(baseline.Events, Objectives.Cache), Of(now.Events, Objectives.Cache));
        double? was = before.Total > 0 ? before.Good / (double)before.Total : null, rate = since.Total > 0 ? since.Good / (double)since.Total : null;
        return new("cache hits", Told(was), Told(rate), false, true, was - rate > DeployLimits.CacheDrop ? "lower, as after every start" : null);
    }

    private DeployCheck Cpu(DeployFacts now)
    {
        bool worse = now.CpuShare > Math.Max(Checklist.MaxCpu, (baseline.CpuShare ?? 0) + DeployLimits.CpuRise) && Lasted(now);
        return new("CPU", Told(baseline.CpuShare), Told(now.CpuShare), worse, true, worse ? $"above {Percent(Checklist.MaxCpu)} for {DeployLimits.UseMinutes} minutes" : null);
    }

    private DeployCheck Memory(DeployFacts now)
    {
        bool worse = now.MemoryShare > Checklist.MaxMemory && (baseline.MemoryShare ?? 0) <= Checklist.MaxMemory && Lasted(now);
        return new("memory", Told(baseline.MemoryShare), Told(now.MemoryShare), worse, true, worse ? $"above {Percent(Checklist.MaxMemory)}, which it was not before" : null);
    }

    private DeployCheck ReplicaCheck(DeployFacts now)
    {
        bool worse = _fewerSince is { } since && now.At - since >= DeployLimits.FewerReplicas;
        return new("replicas up", $"{baseline.ReplicasUp}", $"{now.ReplicasUp}", worse, true, worse ? $"fewer for {Foundation.Durations.Show(DeployLimits.FewerReplicas)}" : null);
    }

    private DeployCheck VersionCheck(DeployFacts now) =>
        new("versions", string.Join(", ", baseline.Versions), string.Join(", ", now.Versions), false, now.Versions.Count <= 1, now.Versions.Count > 1 ? "replicas of several versions run" : null);

    private DeployCheck AlertCheck(DeployFacts now)
    {
        bool worse = _alertSince is { } since && now.At - since >= DeployLimits.AlertLasts;
        return new("alerts", baseline.Alerts.Count == 0 ? "none" : string.Join(", ", baseline.Alerts), now.Alerts.Count == 0 ? "none" : string.Join(", ", now.Alerts), worse, true, worse ? $"for {Foundation.Durations.Show(DeployLimits.AlertLasts)}" : null);
    }

    private bool Lasted(DeployFacts now) => now.At - baseline.At >= TimeSpan.FromMinutes(DeployLimits.UseMinutes);

    private static EventCount Of(IReadOnlyDictionary<string, EventCount> events, Objective objective) => events.GetValueOrDefault(objective.Name) ?? new(0, 0);

    private static string Told(double? share) => share is { } s ? Percent(s) : "unknown";

    internal static string Percent(double share) => (100 * share).ToString("0.##", CultureInfo.InvariantCulture) + " %";
}

/// <summary>How likely differences of shares are by chance.</summary>
internal static class Chance
{
    /// <summary>
    /// Fisher's exact test, one-sided (R. A. Fisher, Statistical Methods for Research Workers, 1934): the probability that at
    /// least so many of all bad events fall into the second group, if both have the same share.
    /// </summary>
    public static double OfMore(long firstBad, long firstTotal, long secondBad, long secondTotal)
    {
        long bad = firstBad + secondBad, all = firstTotal + secondTotal;
        double whole = LogChoose(all, secondTotal);
        return Tail(secondBad, Math.Min(bad, secondTotal), k => LogChoose(bad, k) + LogChoose(all - bad, secondTotal - k) - whole, expected: bad * (double)secondTotal / all);
    }

    /// <summary>The binomial test, one-sided: the probability of at least so many bad events where each is bad with this probability.</summary>
    public static double OfAtLeast(long bad, long total, double share) =>
        Tail(bad, total, k => LogChoose(total, k) + k * Math.Log(share) + (total - k) * Math.Log(1 - share), expected: total * share);

    /// <summary>Sum of probabilities from one count to another. Past the middle they only fall, so that it ends when they no longer count.</summary>
    private static double Tail(long from, long to, Func<long, double> log, double expected)
    {
        // Not more than expected is no finding, and its long sum is not needed.
        if (from <= expected) return 1;
        double sum = 0;
        for (long k = from; k <= to; k++)
        {
            double p = Math.Exp(log(k));
            sum += p;
            if (p < sum * 1e-12 || (p == 0 && sum == 0)) break;
        }
        return Math.Min(1, sum);
    }

    private static double LogChoose(long n, long k) => k < 0 || k > n ? double.NegativeInfinity : LogFactorial(n) - LogFactorial(k) - LogFactorial(n - k);

    /// <summary>Exact sums where n is small, Stirling's series above (NIST DLMF 5.11.1), whose error there is below 1e-12.</summary>
    private static double LogFactorial(long n)
    {
        if (n < 32)
        {
            double sum = 0;
            for (long i = 2; i <= n; i++) sum += Math.Log(i);
            return sum;
        }
        double x = n + 1.0, inverse = 1 / x, square = inverse * inverse;
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + inverse * (1.0 / 12 - square * (1.0 / 360 - square / 1260));
    }
}
