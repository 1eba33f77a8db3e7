using System.Globalization;
using Rag.Slo.Scaling;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Slo;

/// <summary>One line of the runbook, measured.</summary>
/// <param name="Group">Heading of the runbook under which it stands.</param>
/// <param name="Line">As the runbook says it.</param>
/// <param name="Result"><c>pass</c>, <c>fail</c>, <c>unknown</c> where too little was measured, or <c>not_applicable</c>.</param>
/// <param name="Measured">What was measured, with unit and window.</param>
/// <param name="Next">What to do about it; null where nothing is to be done.</param>
public sealed record ChecklistLine(string Group, string Line, string Result, string Measured, string Reason, string? Next);

/// <param name="Passes">Whether no line fails.</param>
public sealed record ChecklistReport(bool Passes, IReadOnlyList<ChecklistLine> Lines);

/// <summary>The runbook's optimization checklist and scaling guidelines, each measured on all replicas.</summary>
internal sealed class Checklist(SloReport slo, Replicas replicas, ScaleApprovals scale, Database database, TimeProvider time)
{
    public const string Pass = "pass", Fail = "fail", Unknown = "unknown", NotApplicable = "not_applicable";
    public const double MaxCpu = 0.7, MinCpu = 0.3, MaxMemory = 0.8;
    public const int MinReplicas = ScaleApprovals.MinReplicas;

    private const string Tuning = "Optimization checklist", Scaling = "Scaling guidelines";
    private const int UpMinutes = ScaleAdvice.UpMinutes, DownMinutes = ScaleAdvice.DownMinutes;

    /// <summary>Fewer events say nothing about a share.</summary>
    public const int MinEvents = 100;

    private static readonly TimeSpan Window = TimeSpan.FromDays(1);

    public async Task<ChecklistReport> RunAsync(CancellationToken ct)
    {
        var counts = await slo.CountAsync(Window, ct);
        var use = await replicas.UseSinceAsync(time.GetUtcNow() - Window, ct);
        int up = (await replicas.ListAsync(ct)).Count(r => r.Up);
        var bounds = await scale.BoundsAsync(ct);
        var advice = ScaleAdvice.Of(use, SloRecorder.Minute(time.GetUtcNow()), up, bounds);
        ChecklistLine[] lines =
        [
            Share(Objectives.Cache, counts, "Cache hit rate >85%", "Look with 'rag cache stats' whether entries are evicted (Caching:SizeMb) or Redis is not asked, and whether questions repeat at all."),
            Share(Objectives.Latency, counts, "Response time <500ms p95", "Look at rag_retrieval_duration_seconds for the slow stage, at CPU below, and at 'rag status' for a dependency that is slow."),
            Cpu(use),
            Memory(use),
            Share(Objectives.Errors, counts, "Error rate <0.1%", "Look for 'Unexpected error' and 'Refused for now' in the logs, and at 'rag status' for what is down."),
            ScaleUp(use, up, bounds, advice),
            ScaleDown(use, up, bounds, advice),
            AtLeast(up),
            AtMost(up, bounds),
        ];
        return new(lines.All(l => l.Result != Fail), lines);
    }

    private static ChecklistLine Share(Objective o, IReadOnlyDictionary<string, (long Good, long Total)> counts, string line, string next)
    {
        var (good, total) = counts[o.Name];
        if (total < MinEvents) return new(Tuning, line, Unknown, $"{total} events in a day", $"Fewer than {MinEvents} events say nothing about a share.", null);
        double share = good / (double)total;
        bool holds = share >= o.Target;
        string measured = $"{SloReport.Percent(share, o.Target)} of {total.ToString("N0", CultureInfo.InvariantCulture)} in a day";
        return new(Tuning, line, holds ? Pass : Fail, measured, $"{o.Description}: {(holds ? "at least" : "less than")} {SloReport.Percent(o.Target, o.Target)}.", holds ? null : next);
    }

    private static ChecklistLine Cpu(IReadOnlyList<UseMinute> use)
    {
        const string Line = "CPU usage <70% average";
        if (use.Count == 0) return NothingYet(Tuning, Line);
        double average = use.Average(m => m.CpuShare);
        return new(Tuning, Line, average < MaxCpu ? Pass : Fail, $"{Percent(average)} on average over {use.Count} minutes", "Processor time of all replicas beside what they may use.",
            average < MaxCpu ? null : "Add replicas, or cores to each.");
    }

    private static ChecklistLine Memory(IReadOnlyList<UseMinute> use)
    {
        const string Line = "Memory usage <80%";
        if (use.Count == 0) return NothingYet(Tuning, Line);
        double most = use[^1].MemoryShare;
        return new(Tuning, Line, most < MaxMemory ? Pass : Fail, $"{Percent(most)} on the fullest replica", "Memory in RAM beside the container's limit, or the machine's.",
            most < MaxMemory ? null : "Raise the limit, or lower Caching:SizeMb; restart the replica if it grows without end.");
    }

    private ChecklistLine ScaleUp(IReadOnlyList<UseMinute> use, int up, ScaleBounds bounds, ScaleRecommendation advice)
    {
        const string Line = "Scale up when CPU >70% for 5+ minutes";
        if (Last(use, UpMinutes) is not { } last) return NothingYet(Scaling, Line);
        bool hot = last.All(m => m.CpuShare > MaxCpu);
        return new(Scaling, Line, hot ? Fail : Pass, $"{Percent(last.Min(m => m.CpuShare))} to {Percent(last.Max(m => m.CpuShare))} in {UpMinutes} minutes", hot ? "Every one of the last minutes was above 70%." : "Not every one of the last minutes was above 70%.",
            !hot ? null : up >= bounds.Max ? $"{up} replicas run: have more approved with 'rag scale approve'." : $"Run {Math.Max(up + 1, advice.Recommended)} replicas: 'rag scale recommend'.");
    }

    private ChecklistLine ScaleDown(IReadOnlyList<UseMinute> use, int up, ScaleBounds bounds, ScaleRecommendation advice)
    {
        const string Line = "Scale down when CPU <30% for 10+ minutes";
        if (up <= bounds.Min) return new(Scaling, Line, Pass, Count(up), "There are no more than the minimum.", null);
        if (Last(use, DownMinutes) is not { } last) return NothingYet(Scaling, Line);
        bool idle = last.All(m => m.CpuShare < MinCpu);
        return new(Scaling, Line, idle ? Fail : Pass, $"{Percent(last.Min(m => m.CpuShare))} to {Percent(last.Max(m => m.CpuShare))} in {DownMinutes} minutes", idle ? "Every one of the last minutes was below 30%." : "Not every one of the last minutes was below 30%.",
            idle ? $"Run {Math.Min(up - 1, advice.Recommended)} replicas: 'rag scale recommend'." : null);
    }

    private ChecklistLine AtLeast(int up) => !database.Shared
        ? new(Scaling, "Always maintain minimum 3 replicas", NotApplicable, "1 server", "A record in SQLite belongs to one server.", "Put the record on PostgreSQL to run several replicas.")
        : new(Scaling, "Always maintain minimum 3 replicas", up >= MinReplicas ? Pass : Fail, Count(up), $"Replicas that were seen within {Replicas.GoneSeconds} seconds.", up >= MinReplicas ? null : $"Start {MinReplicas - up} more.");

    private static ChecklistLine AtMost(int up, ScaleBounds bounds) => new(
        Scaling, "Max 20 replicas unless approved", up <= bounds.Max ? Pass : Fail, Count(up),
        bounds.Max == ScaleApprovals.MaxReplicas ? $"Replicas that were seen within {Replicas.GoneSeconds} seconds." : $"{bounds.Max} are approved until {bounds.Until:yyyy-MM-dd HH:mm} UTC ({bounds.Owner}).",
        up <= bounds.Max ? null : $"Scale back to {bounds.Max}, or have more approved with 'rag scale approve'.");

    /// <summary>The last so many minutes, the present one left out; null where they were not all measured.</summary>
    private IReadOnlyList<UseMinute>? Last(IReadOnlyList<UseMinute> use, int minutes)
    {
        long now = SloRecorder.Minute(time.GetUtcNow());
        var last = use.Where(m => m.Minute >= now - minutes && m.Minute < now).ToList();
        return last.Count == minutes ? last : null;
    }

    private static ChecklistLine NothingYet(string group, string line) => new(group, line, Unknown, "too little was measured", "Each replica says every few seconds what it uses; a few minutes are needed.", null);

    private static string Count(int replicas) => replicas == 1 ? "1 replica" : $"{replicas} replicas";

    private static string Percent(double share) => (100 * share).ToString("F0", CultureInfo.InvariantCulture) + " %";
}
