using System.Diagnostics;
using Rag.Evaluation;
using Rag.Testing;

namespace Rag.Bench.Verify.Production;

/// <summary>What more replicas give, and how soon a new one is there.</summary>
internal static class ScaleChecks
{
    private const int Rounds = 5, QuickRounds = 1;
    private const int AskersPerReplica = 4;
    private const int ExtraDocuments = 2_000, QuickExtraDocuments = 0;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(15), QuickRound = TimeSpan.FromSeconds(1);

    public static IEnumerable<Check> All()
    {
        yield return new("throughput", "uncached questions/s of three replicas, against what one gives times what the cores allow", Relation.AtLeast, 0.8, ThroughputAsync);
        yield return new("replica-startup", "seconds until a new replica with an empty data directory is ready, from the record", Relation.Reported, null, StartupAsync);
    }

    /// <summary>
    /// One replica is driven until it is saturated, then three, by turns, with as many askers in all. A single replica uses
    /// every core, so that on few cores three can give no more than one does: the cores allow a factor of
    /// cores / (cores that were busy with one replica, clients and servers included), between 1 and 3.
    /// </summary>
    private static async Task<Measured> ThroughputAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        int rounds = context.Quick ? QuickRounds : Rounds;
        var duration = context.Quick ? QuickRound : Round;
        var one = new List<(double PerSecond, double PerCpuSecond, double Busy)>();
        var three = new List<(double PerSecond, double PerCpuSecond, double Busy)>();
        for (int round = 0; round <= rounds; round++)
        {
            // Always the same one: the others would have to warm up first. By turns it goes before the three and after them.
            IReadOnlyList<Uri> single = [cluster.Servers.Replicas[0]];
            var first = await DriveAsync(cluster, round % 2 == 0 ? cluster.Servers.Replicas : single, duration, ct);
            var second = await DriveAsync(cluster, round % 2 == 0 ? single : cluster.Servers.Replicas, duration, ct);
            // The first round warms up.
            if (round == 0) continue;
            one.Add(round % 2 == 0 ? second : first);
            three.Add(round % 2 == 0 ? first : second);
        }
        int cores = Environment.ProcessorCount;
        double busy = Median(one.Select(o => o.Busy));
        double allowed = Math.Clamp(cores / busy, 1, cluster.Servers.ReplicaCount);
        double factor = Median(three.Zip(one, (t, o) => t.PerSecond / o.PerSecond));
        string note = $"on {cores} cores, of which one saturated replica with its clients kept {busy:F2} busy, so that the cores allow {allowed:F2} times one; " +
            $"one replica {Median(one.Select(o => o.PerSecond)):F0}/s and {Median(one.Select(o => o.PerCpuSecond)):F0} per second of its processor time, " +
            $"three {Median(three.Select(t => t.PerSecond)):F0}/s and {Median(three.Select(t => t.PerCpuSecond)):F0}; " +
            $"straight to the replicas, {AskersPerReplica * cluster.Servers.ReplicaCount} askers in all each time, {rounds} rounds by turns, medians";
        if (context.Quick) note += $"; smaller: {QuickRounds} rounds of {Rounds}, {QuickRound.TotalSeconds:F1} s of {Round.TotalSeconds:F0} s";
        return new(Math.Round(factor / allowed, 3), note);
    }

    private static async Task<(double PerSecond, double PerCpuSecond, double Busy)> DriveAsync(ProductionCluster cluster, IReadOnlyList<Uri> replicas, TimeSpan duration, CancellationToken ct)
    {
        double cpu = ReplicaCpu(cluster), machine = BusySeconds();
        long started = Stopwatch.GetTimestamp();
        await using var load = QuestionLoad.Start(replicas, cluster.UncachedBodies(), AskersPerReplica * cluster.Servers.ReplicaCount, null, ct);
        await Task.Delay(duration, ct);
        var result = await load.StopAsync();
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (result.Failed > 0) throw new CannotMeasureException($"{result.Failed} of {result.Count} questions failed; {result.FailureText}");
        return (result.Count / seconds, result.Count / (ReplicaCpu(cluster) - cpu), (BusySeconds() - machine) / seconds);
    }

    private static double ReplicaCpu(ProductionCluster cluster) => Enumerable.Range(1, cluster.Servers.ReplicaCount).Sum(n => cluster.Servers.CpuSeconds(LocalCluster.Replica(n)));

    /// <summary>Seconds that this machine's cores have not been idle, all together (proc(5): user, nice, system, idle, iowait, in hundredths).</summary>
    private static double BusySeconds()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(f => double.Parse(f, System.Globalization.CultureInfo.InvariantCulture)).ToList();
        return (fields.Sum() - fields[3] - fields[4]) / 100;
    }

    private static async Task<Measured> StartupAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        int extra = context.Quick ? QuickExtraDocuments : ExtraDocuments;
        var text = new GeneratedText(8);
        foreach (var batch in Enumerable.Range(0, extra).Select(i => ($"startup/{i}.txt", text.Document(6))).Chunk(50)) await cluster.IngestAsync(cluster.Balancer, "default", batch, ct);
        if (extra > 0) await cluster.SettleAsync(ct);
        string replica = LocalCluster.Replica(cluster.Servers.ReplicaCount);
        await cluster.Servers.StopAsync(replica, ct);
        Directory.Delete(cluster.Servers.DataDirectory(cluster.Servers.ReplicaCount), recursive: true);
        long started = Stopwatch.GetTimestamp();
        await cluster.Servers.StartAsync(replica, ct);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double chunks = await ProductionCluster.MetricAsync(cluster.Replicas[^1], "rag_chunks", ct) ?? 0;
        double others = await ProductionCluster.MetricAsync(cluster.Replicas[0], "rag_chunks", ct) ?? 0;
        if (chunks == 0 || chunks != others) throw new InvalidOperationException($"The new replica is ready with {chunks} chunks, the others have {others}.");
        string note = $"{chunks} chunks with their vectors, {chunks / seconds:F0} chunks/s, the process's own start included";
        return new(Math.Round(seconds, 2), context.Quick ? $"{note}; smaller: without {ExtraDocuments} documents more" : note);
    }

    private static double Median(IEnumerable<double> values) => RankingScores.Percentile([.. values], 0.5);
}
