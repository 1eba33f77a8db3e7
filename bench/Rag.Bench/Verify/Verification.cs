using System.Diagnostics;
using System.Text.Json;
using Rag.Bench.Verify.Console;
using Rag.Bench.Verify.Incidents;
using Rag.Bench.Verify.Kubernetes;
using Rag.Bench.Verify.Models;
using Rag.Bench.Verify.Observe;
using Rag.Bench.Verify.Preserve;
using Rag.Bench.Verify.Production;
using Rag.Bench.Verify.Protect;
using Rag.Foundation;

namespace Rag.Bench.Verify;

/// <summary>
/// <c>verify [--list] [--quick] main-job|production|observe|incidents|protect|preserve|models|kubernetes|console[/NAME]</c>: a JSON line for each promise, exit code 1 where one does not
/// hold, 2 for wrong usage.
/// </summary>
internal static class Verification
{
    private const int Held = 0, Broken = 1, WrongUsage = 2;

    private static readonly IReadOnlyDictionary<string, Func<IEnumerable<Check>>> Capabilities = new Dictionary<string, Func<IEnumerable<Check>>> 
    {
        ["main-job"] = MainJob,
        ["production"] = ProductionChecks.All,
        ["observe"] = ObserveChecks.All,
        ["incidents"] = Incidents,
        ["protect"] = Protect,
        ["preserve"] = Preserve,
        ["models"] = Models,
        ["kubernetes"] = KubernetesChecks.All,
        ["console"] = ConsoleChecks.All,
    };

    private static IEnumerable<Check> Incidents() => [.. IncidentChecks.All(), .. DoctorChecks.All()];

    private static IEnumerable<Check> Protect() => [.. AccessChecks.All(), .. PermissionChecks.All(), .. AuditChecks.All(), .. AttackChecks.All()];

    private static IEnumerable<Check> Models() => [.. GenerationChecks.All(), .. VerificationChecks.All(), .. ClientChecks.All()];

    private static IEnumerable<Check> Preserve() => [.. BackupChecks.All(), .. KeepingChecks.All(), DrillCheck.Check, OffSiteCheck.Check];

    private static IEnumerable<Check> MainJob() => [.. RetrievalChecks.All(), .. SpanChecks.All(), .. SpeedChecks.All(), .. KillChecks.All(), .. FileChecks.All()];

    public static async Task<int> RunAsync(string[] args, CancellationToken ct)
    {
        bool list = args.Contains("--list"), quick = args.Contains("--quick");
        var names = args.Where(a => a is not ("--list" or "--quick")).ToList();
        if (names.FirstOrDefault(n => n.StartsWith('-')) is { } unknown) return await UsageAsync($"there is no option {unknown}");
        if (list && names.Count == 0) names.AddRange(Capabilities.Keys);
        if (names.Count == 0) return await UsageAsync("nothing was named");
        var chosen = new List<(string Capability, Check Check)>();
        foreach (string name in names)
        {
            string[] parts = name.Split('/', 2);
            if (!Capabilities.TryGetValue(parts[0], out var checks)) return await UsageAsync($"there is no capability {parts[0]} in this release");
            var found = checks().Where(c => parts.Length == 1 || c.Name == parts[1] || c.Name.StartsWith(parts[1] + "-", StringComparison.Ordinal)).ToList();
            if (found.Count == 0) return await UsageAsync($"{parts[0]} has no check {parts[1]}");
            chosen.AddRange(found.Select(c => (parts[0], c)));
        }
        if (!list) return await MeasureAsync(chosen, quick, ct);
        foreach (var (capability, check) in chosen) System.Console.WriteLine($"{capability}/{check.Name}  {check.What}  {check.Sign} {check.Bound}".TrimEnd());
        return Held;
    }

    private static async Task<int> MeasureAsync(IReadOnlyList<(string Capability, Check Check)> chosen, bool quick, CancellationToken ct)
    {
        await using var context = new CheckContext(quick);
        bool all = true;
        foreach (var (capability, check) in chosen)
        {
            long started = Stopwatch.GetTimestamp();
            double? figure = null;
            string? note;
            try
            {
                var measured = await check.MeasureAsync(context, ct);
                (figure, note) = (measured.Figure, measured.Note);
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                note = e is CannotMeasureException or RagException ? e.Message : e.ToString();
            }
            bool holds = figure is { } f && check.Holds(f);
            all &= holds;
            var line = new CheckLine($"{capability}/{check.Name}", figure, check.Sign, check.Bound, holds, Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1), quick ? true : null, note);
            System.Console.WriteLine(JsonSerializer.Serialize(line, BenchJson.Readable.CheckLine));
        }
        return all ? Held : Broken;
    }

    private static async Task<int> UsageAsync(string problem)
    {
        await System.Console.Error.WriteLineAsync($"error: {problem}. Usage: ./verify --list | ./verify [--quick] {string.Join('|', Capabilities.Keys)}[/NAME]");
        return WrongUsage;
    }
}
