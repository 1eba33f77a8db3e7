using System.Diagnostics;
using System.Globalization;
using Rag.Bench.Verify.Production;
using Rag.Slo;
using Rag.Slo.Export;
using Rag.Testing;

namespace Rag.Bench.Verify.Observe;

/// <summary>A fault for each alert, on real servers: the alert arrives at a webhook, and no page that has nothing to do with it.</summary>
internal static class AlertCheck
{
    private static readonly TimeSpan ArriveLimit = TimeSpan.FromSeconds(150), CalmLimit = TimeSpan.FromSeconds(120);

    public static IEnumerable<Check> All()
    {
        yield return new("alerts", "alerts that did not arrive at the webhook when their fault was made, alerts without a fault, and pages that had nothing to do with the fault", Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        if (context.Quick) return await MeasureOneAsync(context, ct);
        var faults = Faults.All;
        var wrong = new List<string>();
        await using var inbox = new Inbox();
        await using var cluster = await ProductionCluster.StartAsync(true, ct, replicas: 2,
            settings: ["Telemetry:ProbeIntervalSeconds=1", "Server:QuestionWaitMs=20000", "Answering:SpoolMb=1"], environment: Stage.Environment);
        await using var monitoring = await FastMonitoring.StartAsync(new($"http://127.0.0.1:{inbox.Port}/alerts"), ct);
        var stage = new Stage(cluster, monitoring, inbox);
        await stage.RestartStrictAsync(ct);
        monitoring.Scrape(Stage.Slow, stage.SlowAddress.Port);
        monitoring.Scrape(Stage.Strict, stage.StrictAddress.Port);
        monitoring.Scrape("stand-in", inbox.Port);
        // Somebody asks all the time.
        await using var always = QuestionLoad.Start([stage.SlowAddress], cluster.ZipfBodies(7), 2, 20, ct);
        await CalmAsync(stage, ct);
        var seconds = new List<double>();
        foreach (var fault in faults)
        {
            var begun = TimeProvider.System.GetUtcNow();
            int before = inbox.All.Count;
            var end = await fault.BeginAsync(stage, ct);
            try
            {
                var (absent, slowest) = await ArriveAsync(inbox, fault, begun, ct);
                if (absent.Count > 0) wrong.Add($"{fault.Name}: {string.Join(", ", absent)} did not arrive; firing: {string.Join(", ", await monitoring.Api.FiringAsync(ct))}");
                seconds.Add(slowest);
                if (fault.Alerts.Contains(ServiceAlerts.DatabaseDown) && !(await monitoring.Api.FiringAsync(ct)).Contains(ServiceAlerts.DatabaseDownRecently)) wrong.Add($"{ServiceAlerts.DatabaseDownRecently} does not fire");
            }
            finally
            {
                await end();
            }
            await CalmAsync(stage, ct);
            wrong.AddRange(inbox.All.Skip(before).Where(p => p.Firing && p.Severity == Severity.Page && !fault.Pages.Contains(p.Name)).Select(p => $"{fault.Name}: a page that does not belong to it, {p.Name} {p.Labels}").Distinct());
        }
        wrong.AddRange(inbox.All.Where(p => p.Severity == Severity.None).Select(p => $"{p.Name} went to {p.Receiver}").Distinct());
        // By their labels the runbook's rules are no pages.
        wrong.AddRange(inbox.All.Where(p => p.Receiver != (p.Severity == Severity.Page ? "page" : "ticket")).Select(p => $"{p.Name} of severity {p.Severity} went to {p.Receiver}").Distinct());
        var covered = Faults.All.SelectMany(f => f.Alerts).Append(ServiceAlerts.DatabaseDownRecently).ToHashSet();
        wrong.AddRange(PrometheusRules.Alerts.Select(a => a.Name).Concat(PrometheusRules.NamesOfTheRunbook).Distinct().Where(a => !covered.Contains(a)).Select(a => $"{a} has no fault"));
        string standIns = string.Join(", ", faults.Where(f => f.StandIn).SelectMany(f => f.Alerts));
        string note = string.Create(CultureInfo.InvariantCulture,
            $"{faults.Count(f => f.Alerts.Length > 0)} faults, {faults.SelectMany(f => f.Alerts).Distinct().Count()} alerts, {inbox.All.Count} posted; durations a sixtieth of what ships, thresholds as they ship; slowest alert {seconds.Max():F0} s after its fault began");
        if (standIns.Length > 0) note += $"; for the metrics of {standIns} series of the same names stood in";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong)}");
    }

    /// <summary>On servers that run already: PostgreSQL goes, its page comes.</summary>
    private static async Task<Measured> MeasureOneAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ObservedAsync(ct);
        await using var inbox = new Inbox();
        await using var monitoring = await FastMonitoring.StartAsync(new($"http://127.0.0.1:{inbox.Port}/alerts"), ct);
        monitoring.Scrape(Stage.Slow, cluster.Servers.Replicas[0].Port);
        await ProductionCluster.Until(async () => await monitoring.Api.ValueAsync($"sum(up{{job=\"{Objectives.Job}\"}})", ct) == 1, "the replica is not scraped", ct);
        var begun = TimeProvider.System.GetUtcNow();
        await cluster.Servers.KillAsync("postgres", ct);
        try
        {
            var fault = new Fault("PostgreSQL is killed", [ServiceAlerts.DatabaseDown], [ServiceAlerts.DatabaseDown], false, (_, _) => throw new InvalidOperationException("It is made here."));
            var (absent, seconds) = await ArriveAsync(inbox, fault, begun, ct);
            var pages = inbox.All.Where(p => p.Firing && p.Severity == Severity.Page && !fault.Pages.Contains(p.Name)).Select(p => $"a page that does not belong to it, {p.Name}").Distinct().ToList();
            string note = string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s after PostgreSQL was killed; smaller: 1 fault of {Faults.All.Count}");
            return new(absent.Count + pages.Count, absent.Count + pages.Count == 0 ? note : $"{note}; did not arrive: {string.Join(", ", absent)}; {string.Join(", ", pages)}");
        }
        finally
        {
            await cluster.Servers.StartAsync("postgres", CancellationToken.None);
        }
    }

    /// <returns>The alerts that did not come, and the seconds until the last of the others had.</returns>
    private static async Task<(IReadOnlyList<string> Absent, double Seconds)> ArriveAsync(Inbox inbox, Fault fault, DateTimeOffset begun, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            // What already stood open when the fault began has arrived, too, where nothing but its own cause opens it.
            var arrived = inbox.All.Where(p => p.Firing && (p.StartsAt >= begun || Standing.Contains(p.Name))).Select(p => p.Name).ToHashSet();
            var absent = fault.Alerts.Where(a => !arrived.Contains(a)).ToList();
            var passed = Stopwatch.GetElapsedTime(started);
            if (absent.Count == 0 || passed > (fault.Limit ?? ArriveLimit)) return (absent, passed.TotalSeconds);
            await Task.Delay(200, ct);
        }
    }

    /// <summary>True from the first moment of a server that was never backed up.</summary>
    private static readonly string[] Standing = ["BackupTooOld", "BackupUnverified"];

    /// <summary>Waits until no page fires any more.</summary>
    private static async Task CalmAsync(Stage stage, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        int quiet = 0;
        while (quiet < 3)
        {
            var pages = await stage.Monitoring.Api.FiringAsync(ct, $",severity=\"{Severity.Page}\"");
            bool up = await stage.Monitoring.Api.ValueAsync($"sum(up{{job=\"{Objectives.Job}\",replica=~\"replica-.*\"}})", ct) == 2;
            quiet = pages.Count == 0 && up ? quiet + 1 : 0;
            if (Stopwatch.GetElapsedTime(started) > CalmLimit) throw new InvalidOperationException($"After {CalmLimit} there is no calm: {string.Join(", ", pages)}{(up ? "" : "; a replica is not scraped")}.");
            await Task.Delay(500, ct);
        }
        // Those that were on their way.
        await Task.Delay(TimeSpan.FromSeconds(3), ct);
    }
}
